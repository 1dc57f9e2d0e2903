from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import AbstractDataset, DatasetError

from neurogenomics_kb.datasets import (
    FreeSurferSubjectsDataset,
    FreeSurferTablesDataset,
    NotCollected,
)
from neurogenomics_kb.pipelines.smri import create_pipeline
from tests.brain.stats_writer import write_subject
from tests.pipelines.modality_runs import run_pipeline

GROUPS = {
    "thickness": {"atlas": "aparc", "measure": "ThickAvg"},
    "brain_volume": {"atlas": "aseg", "header": ["BrainSegVol"]},
}
DERIVED = {"euler_lh", "euler_rh", "etiv"}


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        write_subject(tmp_path / "fs", f"sub-{i}", seed=i, holes=(i, i) if i else (150, 90))
    return tmp_path / "fs"


def test_dataset_reads_what_the_catalog_says(folder):
    dataset = FreeSurferSubjectsDataset(filepath=str(folder), groups=GROUPS)
    assert dataset.exists()
    table = dataset.load()
    assert table.shape == (4, 68 + 1 + 5)
    assert table["problem"].eq("").all()
    with pytest.raises(DatasetError, match="recon-all writes subjects"):
        dataset.save(table)


def test_wrong_option_is_refused():
    with pytest.raises(DatasetError, match="damaged: 'drop' is none of error, exclude"):
        FreeSurferSubjectsDataset(filepath="x", groups=GROUPS, damaged="drop")
    with pytest.raises(DatasetError, match="group 'thickness' has atlas, mesure; write atlas and"):
        FreeSurferSubjectsDataset(
            filepath="x", groups={"thickness": {"atlas": "aparc", "mesure": "ThickAvg"}}
        )


def test_every_option_reaches_the_dataset_from_the_catalog(folder):
    # Kedro takes some words, such as `version`, for itself.
    entry = {
        "type": "neurogenomics_kb.datasets.FreeSurferSubjectsDataset",
        "filepath": str(folder),
        "groups": GROUPS,
        "release": "7.3.2",
        "damaged": "exclude",
        "stream": "cross",
    }
    described = AbstractDataset.from_config("smri.freesurfer", entry)._describe()
    assert (described["release"], described["damaged"]) == ("7.3.2", "exclude")


def test_unusable_and_poor_subjects_are_counted_by_the_pipeline(folder, tmp_path, monkeypatch):
    (folder / "sub-2/stats/rh.aparc.stats").unlink()
    dataset = FreeSurferSubjectsDataset(filepath=str(folder), groups=GROUPS, damaged="exclude")
    monkeypatch.chdir(tmp_path)
    absent = NotCollected(modality="smri")
    catalog = run_pipeline(
        create_pipeline(),
        {
            "smri.freesurfer": dataset.load(),
            "smri.euler": absent,
            "recipe": {"blocks": {}, "encoders": {}},
        },
    )
    quality = catalog.load("smri.quality")
    assert quality["reason"].tolist() == [
        "mean Euler number below -217", "", "no rh.aparc.stats", ""
    ]  # fmt: skip
    features = catalog.load("smri.features")
    assert features.index.tolist() == ["sub-1", "sub-3"]
    assert features.shape == (2, 69)


def test_waves_go_through_the_pipeline(tmp_path, monkeypatch):
    for i, name in enumerate(["sub-1_ses-1", "sub-1_ses-2", "sub-2_ses-1"]):
        write_subject(tmp_path / "fs", name, seed=i, holes=(150, 90) if i == 1 else (3, 3))
    dataset = FreeSurferSubjectsDataset(filepath=str(tmp_path / "fs"), groups=GROUPS, session="all")
    images = pd.DataFrame(
        {
            "bids_name": ["sub-1_ses-1_T1w", "sub-1_ses-2_T1w", "sub-2_ses-1_T1w"],
            "cjv": [0.3, 0.4, 0.9],
        }
    )
    monkeypatch.chdir(tmp_path)
    inputs = {
        "smri.freesurfer": dataset.load(),
        "smri.euler": NotCollected(modality="smri"),
        "smri.group_image_quality": images,
        "recipe": {"blocks": {}, "encoders": {}},
    }
    changes = {"image_metrics": [], "image_limits": {"cjv": {"max": 0.8}}}
    catalog = run_pipeline(create_pipeline(), inputs, {"smri": {"quality": changes}})
    quality = catalog.load("smri.quality")
    assert quality.index.tolist() == [("sub-1", "ses-1"), ("sub-1", "ses-2"), ("sub-2", "ses-1")]
    assert quality["reason"].tolist() == [
        "", "mean Euler number below -217", "t1w_cjv above 0.8"
    ]  # fmt: skip
    assert catalog.load("smri.features").index.tolist() == [("sub-1", "ses-1")]


@pytest.mark.real_data
def test_euler_numbers_of_real_group_tables(aomic_dir):
    table = FreeSurferTablesDataset(
        filepath=str(aomic_dir / "fs_stats"),
        tables={"aseg_volume": ["data-subcortical_type-aseg_measure-volume_hemi-both.tsv"]},
    ).load()
    assert set(table) >= DERIVED
    sides = table[["euler_lh", "euler_rh"]]
    assert (sides <= 2).all(axis=None)
    assert (sides % 2 == 0).all(axis=None)
    assert sides.mean(axis=1).min() > -217
