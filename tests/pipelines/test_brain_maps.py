from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import AtlasDataset, NotCollected
from neurogenomics_kb.pipelines.reporting.brain_maps import draw_brain_maps, region_results
from tests.brain.conftest import AFFINE, LABELS, label_image

NOTHING = pd.DataFrame()


def loadings(units=("A", "B", "C", "X")):
    rows = [
        ("gene~brain", "brain", 1, f"smri__{group}__{unit}", unit, 0.1 * i, np.nan)
        for group in ("thickness", "volume")
        for i, unit in enumerate(units, start=1)
    ]
    columns = ["pair", "block", "component", "feature", "unit", "loading", "loading_se"]
    return pd.DataFrame(rows, columns=columns)


def attribution():
    return pd.DataFrame(
        {"unit": ["A", "B", "A + B"], "level": ["unit", "unit", "cluster"], "delta": [0.1, 0, 0.2],
         "block": "brain", "metric": "auroc"}
    )  # fmt: skip


@pytest.fixture
def regions(tmp_path):
    nib.save(nib.Nifti1Image(label_image(), AFFINE), tmp_path / "atlas.nii.gz")
    (tmp_path / "atlas.tsv").write_text(LABELS)
    files = {"filepath": str(tmp_path / "atlas.nii.gz"), "labels": str(tmp_path / "atlas.tsv")}
    return AtlasDataset(name="Four", **files).load()


def words(figure):
    return " ".join(t.get_text() for axis in figure.axes for t in [*axis.texts, axis.title])


def test_results_by_region():
    results = region_results(loadings(), attribution())
    title, values = next(iter(results.items()))
    assert title == "brain in gene – brain, component 1: RMS of structure coefficients"
    assert values["C"] == pytest.approx(0.3)
    assert results["brain: loss of AUROC without it"].to_dict() == {"A": 0.1, "B": 0.0}


def test_maps_of_all_results_and_what_the_atlas_lacks(regions):
    figure = draw_brain_maps(loadings(), attribution(), regions)
    assert "structure coefficients (1 regions not in the atlas)" in words(figure)
    assert "loss of AUROC" in words(figure)


def test_why_there_is_no_map_is_said(regions):
    absent = NotCollected("smri", "the catalog names no atlas")
    told = words(draw_brain_maps(loadings(), NOTHING, absent))
    assert "No brain map: the catalog names no atlas" in told
    assert "bar charts show the same" in told
    other = draw_brain_maps(loadings(["P1~P2", "P2~P3"]), NOTHING, regions)
    assert "atlas Four has not the regions" in words(other)
    assert "No result of this experiment" in words(draw_brain_maps(NOTHING, NOTHING, regions))
