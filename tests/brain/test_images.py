"""Damage within compressed images is noticed, wherever they are read."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.brain.atlas import open_image, read_atlas
from neurogenomics_kb.brain.encoders.volumes import statistics
from neurogenomics_kb.brain.parcellation import read_voxels
from neurogenomics_kb.brain.t1.volumes import prepare_t1
from neurogenomics_kb.brain.volumes import volume_tensor
from neurogenomics_kb.datasets.imaging import NiftiDataset
from neurogenomics_kb.foundation.errors import InputError


def run_image() -> nib.Nifti1Image:
    rng = np.random.default_rng(0)
    return nib.Nifti1Image(rng.normal(1000, 50, (12, 12, 10, 15)).astype(np.int16), np.eye(4))


def labels_image() -> nib.Nifti1Image:
    return nib.Nifti1Image(
        np.random.default_rng(0).integers(0, 9, (20, 20, 20), np.int16), np.eye(4)
    )


def head_image(kind=nib.Nifti1Image):
    rng = np.random.default_rng(0)
    return kind(rng.normal(100, 20, (24, 24, 24)).astype(np.float32), np.eye(4))


def loaded(path):
    return NiftiDataset(filepath=str(path)).load()


READERS = {
    "functional": (run_image, ".nii.gz", lambda p: read_voxels(loaded(p), p)),
    "by path": (run_image, ".nii.gz", lambda p: read_voxels(*open_image(p))),
    "tensor": (run_image, ".nii.gz", volume_tensor),
    "a few frames": (run_image, ".nii.gz", lambda p: statistics(loaded(p), "zscore", str(p))),
    "labels": (labels_image, ".nii.gz", read_atlas),
    "head": (head_image, ".nii.gz", lambda p: prepare_t1(p, shape=(16, 16, 16))),
    "mgz": (lambda: head_image(nib.MGHImage), ".mgz", lambda p: prepare_t1(p, shape=(16, 16, 16))),
}


@pytest.mark.parametrize("kind", READERS)
def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path, kind):
    make, suffix, read = READERS[kind]
    path = tmp_path / f"image{suffix}"
    nib.save(make(), path)
    whole = path.read_bytes()
    read(path)
    rng = np.random.default_rng(1)
    for number in range(30):
        changed = bytearray(whole)
        if number % 5:
            # Behind gzip's own header, whose time and name are nobody's concern.
            changed[rng.integers(20, len(whole))] ^= 1 << int(rng.integers(8))
        else:
            del changed[int(rng.integers(20, len(whole) - 1)) :]
        path.write_bytes(changed)
        # Kedro wraps what a dataset raises.
        with pytest.raises((InputError, DatasetError)) as error:
            read(path)
        cause = error.value.__cause__ or error.value
        assert isinstance(cause, InputError)
        assert "image" in str(cause)
        assert "\n" not in str(cause)


def test_an_image_in_memory_and_one_that_is_not_compressed(tmp_path):
    image = run_image()
    np.testing.assert_array_equal(read_voxels(image, "x"), image.get_fdata(dtype=np.float32))
    nib.save(image, tmp_path / "a.nii")
    found = read_voxels(loaded(tmp_path / "a.nii"), "a.nii")
    np.testing.assert_array_equal(found, image.get_fdata(dtype=np.float32))
    (tmp_path / "a.nii").write_bytes((tmp_path / "a.nii").read_bytes()[:-40])
    with pytest.raises(InputError, match="truncated or damaged"):
        read_voxels(loaded(tmp_path / "a.nii"), "a.nii")
