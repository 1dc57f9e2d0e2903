"""Small images and atlases, and real confounds tables."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SHAPE, FRAMES, TR = (10, 11, 9), 40, 2.0
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
AFFINE[:3, 3] = [-20, -22, -18]


@pytest.fixture(scope="session")
def confounds_samples() -> Path:
    """Folder of published confounds tables, from the environment variable NGKB_SAMPLES_DIR."""
    named = os.environ.get("NGKB_SAMPLES_DIR")
    folder = Path(named) if named else ROOT.parent / "shared/data/format_samples"
    if not (folder / "fmriprep_v21_desc-confounds_timeseries.tsv").is_file():
        pytest.skip("published confounds tables are not here: set NGKB_SAMPLES_DIR")
    return folder


def label_image() -> np.ndarray:
    """Four parcels of 2 × 3 × 3 voxels."""
    labels = np.zeros(SHAPE, np.int16)
    for value, (x, y) in enumerate([(1, 1), (1, 6), (6, 1), (6, 6)], start=1):
        labels[x : x + 2, y : y + 3, 3:6] = value
    return labels


LABELS = "index\tname\tnetwork\n1\tA\tVis\n2\tB\tVis\n3\tC\tDef\n4\tD\tDef\n"


@pytest.fixture
def atlas_files(tmp_path) -> tuple[Path, Path]:
    """Image and table of an atlas of four parcels."""
    image, table = tmp_path / "atlas.nii.gz", tmp_path / "atlas.tsv"
    nib.save(nib.Nifti1Image(label_image(), AFFINE), image)
    table.write_text(LABELS)
    return image, table


def bold_array(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Image whose parcels hold known series with voxel noise that averages out; the series."""
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(FRAMES, 4)) * 20 + 500
    data = rng.normal(size=(*SHAPE, FRAMES)) + 100
    labels = label_image()
    for value in range(1, 5):
        where = labels == value
        noise = rng.normal(size=(where.sum(), FRAMES))
        data[where] = series[:, value - 1] + noise - noise.mean(axis=0)
    return data.astype(np.float32), series


def save_bold(path: Path, data: np.ndarray, tr: float = TR, affine: np.ndarray = AFFINE) -> Path:
    """Write an image with its repetition time."""
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((*image.header.get_zooms()[:3], tr))
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


@pytest.fixture
def bold(tmp_path) -> tuple[Path, np.ndarray]:
    """An image and the series of its parcels."""
    data, series = bold_array()
    return save_bold(tmp_path / "bold.nii.gz", data), series
