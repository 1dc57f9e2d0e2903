from __future__ import annotations

import nibabel as nib
import pytest

from neurogenomics_kb.datasets import AtlasDataset, NotCollected
from neurogenomics_kb.pipelines.reporting.brain_maps import draw_brain_maps
from neurogenomics_kb.pipelines.view import Part, Regional
from tests.brain.conftest import AFFINE, LABELS, label_image

LOADINGS = "brain, thickness, in gene – brain, component 1: structure coefficient"


def part(title=LOADINGS, units=("A", "B", "C", "X")):
    values = {unit: 0.1 * i for i, unit in enumerate(units, start=1)}
    return Part(analysis="cca", regional=[Regional(title=title, values=values)])


@pytest.fixture
def regions(tmp_path):
    nib.save(nib.Nifti1Image(label_image(), AFFINE), tmp_path / "atlas.nii.gz")
    (tmp_path / "atlas.tsv").write_text(LABELS)
    files = {"filepath": str(tmp_path / "atlas.nii.gz"), "labels": str(tmp_path / "atlas.tsv")}
    return AtlasDataset(name="Four", **files).load()


def words(figure):
    return " ".join(t.get_text() for axis in figure.axes for t in [*axis.texts, axis.title])


def test_maps_of_all_results_and_what_the_atlas_lacks(regions):
    figure = draw_brain_maps(regions, part(), part("brain: loss of AUROC without it", "AB"))
    assert "structure coefficient (1 regions not in the atlas)" in words(figure)
    assert "loss of AUROC" in words(figure)


def test_why_there_is_no_map_is_said(regions):
    absent = NotCollected("smri", "the catalog names no atlas")
    told = words(draw_brain_maps(absent, part()))
    assert "No brain map: the catalog names no atlas" in told
    assert "bar charts show the same" in told
    other = draw_brain_maps(regions, part(units=("P1~P2", "P2~P3")))
    assert "atlas Four has not the regions" in words(other)
    assert "No result of this experiment" in words(draw_brain_maps(regions, Part(analysis="cca")))
