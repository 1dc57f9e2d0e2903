from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import (
    AtlasDataset,
    BidsConfoundsDataset,
    BidsImagesDataset,
    SubjectTablesDataset,
)
from neurogenomics_kb.foundation.errors import InputError

SPACE = "space-MNI152NLin2009cAsym"


@pytest.fixture
def derivative(tmp_path):
    folder = tmp_path / "fmriprep"
    for subject in ("01", "02"):
        func = folder / f"sub-{subject}/func"
        func.mkdir(parents=True)
        stem = f"sub-{subject}_task-rest"
        image = nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.float32), np.eye(4))
        nib.save(image, func / f"{stem}_{SPACE}_desc-preproc_bold.nii.gz")
        nib.save(image.slicer[..., 0], func / f"{stem}_{SPACE}_desc-brain_mask.nii.gz")
        (func / f"{stem}_{SPACE}_desc-preproc_bold.json").write_text('{"RepetitionTime": 2.0}')
        (func / f"{stem}_desc-confounds_timeseries.tsv").write_text("csf\tfd\n1\tn/a\n2\t0.1\n")
        (func / f"{stem}_desc-confounds_timeseries.json").write_text('{"csf": {"Mask": "CSF"}}')
    (folder / "dataset_description.json").write_text(
        json.dumps({"GeneratedBy": [{"Name": "fMRIPrep"}]})
    )
    return folder


def images(folder, **entities):
    return BidsImagesDataset(filepath=str(folder), entities={"task": "rest", **entities})


def test_images_with_what_stands_beside_them(derivative):
    found = images(derivative, desc="preproc").load()
    assert list(found) == ["sub-01", "sub-02"]
    image = found["sub-02"]
    assert image.entities["space"] == "MNI152NLin2009cAsym"
    assert image.sidecar == {"RepetitionTime": 2.0}
    assert image.description["GeneratedBy"][0]["Name"] == "fMRIPrep"
    assert image.mask.name.endswith("_desc-brain_mask.nii.gz")
    assert image().shape == (2, 2, 2, 3)


def test_confounds_with_their_json(derivative):
    found = BidsConfoundsDataset(filepath=str(derivative), entities={"task": "rest"}).load()
    table = found["sub-01"]()
    assert list(found) == ["sub-01", "sub-02"]
    assert np.isnan(table["fd"][0])
    assert table.attrs["metadata"] == {"csf": {"Mask": "CSF"}}


def test_names_before_fmriprep_20(derivative):
    for path in derivative.rglob("*_timeseries.tsv"):
        path.rename(path.with_name(path.name.replace("timeseries", "regressors")))
    with pytest.raises(DatasetError, match=r"no file sub-\*_timeseries.tsv"):
        BidsConfoundsDataset(filepath=str(derivative), entities={"task": "rest"}).load()
    old = BidsConfoundsDataset(
        filepath=str(derivative), entities={"task": "rest"}, suffix="regressors"
    )
    assert list(old.load()) == ["sub-01", "sub-02"]


def test_folders_that_do_not_fit_are_refused(derivative, tmp_path):
    with pytest.raises(DatasetError, match=r"no-such: the derivative's folder is missing"):
        images(tmp_path / "no-such").load()
    with pytest.raises(DatasetError, match=r"no file sub-\*_bold.nii.gz with task-rest, space-T1w"):
        images(derivative, space="T1w").load()
    first = next(derivative.rglob("sub-01*preproc_bold.nii.gz"))
    first.with_name(first.name.replace("_space", "_run-2_space")).write_bytes(first.read_bytes())
    with pytest.raises(DatasetError, match=r"sub-01 have several files .*\(1 of 2 subjects\).*run"):
        images(derivative).load()
    next(derivative.rglob("sub-02*bold.json")).write_text("[1]")
    with pytest.raises(DatasetError, match="holds no JSON object"):
        images(derivative / "sub-02").load()


def test_tables_of_subjects_are_made_one_at_a_time(tmp_path):
    data = SubjectTablesDataset(filepath=str(tmp_path / "parcels"))
    assert not data.exists()
    made = []

    def make(subject):
        made.append(subject)
        assert len(list((tmp_path / "parcels.unfinished").glob("*"))) == len(made) - 1
        return pd.DataFrame({"A": [1.0, 2], "B": [3.0, 4]})

    data.save({s: lambda s=s: make(s) for s in ("sub-01", "sub-02")})
    assert made == ["sub-01", "sub-02"]
    loaded = data.load()
    pd.testing.assert_frame_equal(loaded["sub-02"](), make_expected())
    data.save({"sub-03": make_expected})
    assert list(data.load()) == ["sub-03"]
    data.save({})
    assert data.load() == {}
    assert data.exists()


def make_expected():
    return pd.DataFrame({"A": [1.0, 2], "B": [3.0, 4]})


def test_tables_that_fail_leave_the_old_ones(tmp_path):
    data = SubjectTablesDataset(filepath=str(tmp_path / "parcels"))
    data.save({"sub-01": make_expected})

    def fail():
        raise InputError("damaged", remedy="Copy it again.")

    with pytest.raises(DatasetError, match="damaged"):
        data.save({"sub-02": make_expected, "sub-03": fail})
    assert list(data.load()) == ["sub-01"]


def test_atlas_entry(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"")
    entry = AtlasDataset(name="A", filepath=str(tmp_path / "a.nii.gz"), space="MNI152NLin6Asym")
    assert entry.exists()
    loaded = entry.load()
    assert loaded["images"] == [tmp_path / "a.nii.gz"]
    assert loaded["labels"] == []
    missing = AtlasDataset(
        name="A", filepath=[str(tmp_path / "a.nii.gz")], labels=[str(tmp_path / "no.tsv")]
    )
    with pytest.raises(DatasetError, match=r"no.tsv: the table of labels is missing"):
        missing.load()
    with pytest.raises(DatasetError, match="one of filepath, coordinates and fetch"):
        AtlasDataset(name="A")
