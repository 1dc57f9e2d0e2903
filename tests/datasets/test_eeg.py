from __future__ import annotations

import os

import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import EegRecordingsDataset


@pytest.fixture
def folder(tmp_path):
    for subject in ("sub-01", "sub-02"):
        (tmp_path / subject / "eeg").mkdir(parents=True)
        (tmp_path / subject / f"eeg/{subject}_task-rest_eeg.edf").write_bytes(b"not opened")
        (tmp_path / subject / "anat").mkdir()
    return tmp_path


def test_recordings_are_listed(folder):
    dataset = EegRecordingsDataset(filepath=str(folder), task="rest")
    assert dataset.exists()
    assert [r.subject for r in dataset.load()] == ["sub-01", "sub-02"]


def test_a_folder_without_eeg_does_not_exist(tmp_path):
    (tmp_path / "sub-01/anat").mkdir(parents=True)
    assert not EegRecordingsDataset(filepath=str(tmp_path)).exists()


def test_recordings_are_not_saved(folder):
    with pytest.raises(DatasetError, match="raw data"):
        EegRecordingsDataset(filepath=str(folder)).save([])


def test_the_fingerprint_sees_recordings_sidecars_and_task(folder):
    dataset = EegRecordingsDataset(filepath=str(folder))
    seen = {dataset.choices, EegRecordingsDataset(filepath=str(folder), task="rest").choices}
    assert dataset.choices in seen
    (folder / "sub-01/anat/image.nii").write_bytes(b"other modality")
    assert dataset.choices in seen
    os.utime(folder / "sub-01/eeg/sub-01_task-rest_eeg.edf", (1, 1))
    seen.add(dataset.choices)
    (folder / "task-rest_eeg.json").write_text("{}")
    seen.add(dataset.choices)
    (folder / "sub-02/eeg/sub-02_task-rest_channels.tsv").write_text("name\n")
    seen.add(dataset.choices)
    assert len(seen) == 5
    (folder / "sub-02/eeg/sub-02_task-rest_eeg.edf").unlink()
    (folder / "sub-02/eeg/sub-02_task-rest_eeg.edf").symlink_to("not_fetched.edf")
    assert dataset.choices not in seen
