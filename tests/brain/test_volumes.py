from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from neurogenomics_kb.brain.volumes import volume_tensor
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.conftest import AFFINE, SHAPE, TR, label_image, save_bold


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(0)
    data = np.zeros((*SHAPE, 12), np.float32)
    brain = label_image() > 0
    data[brain] = rng.normal(size=(brain.sum(), 12)) * 30 + 900
    return save_bold(tmp_path / "bold.nii.gz", data), brain


def test_one_mean_and_deviation_over_the_brain(image):
    path, brain = image
    tensor = volume_tensor(path, tr=TR)
    assert tensor.shape == (*SHAPE, 12)
    assert tensor.dtype == np.float32
    assert tensor[brain].mean() == pytest.approx(0, abs=1e-5)
    assert tensor[brain].std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(tensor[~brain], tensor[brain].min())
    assert (volume_tensor(path, background="zero")[~brain] == 0).all()


def test_each_voxel_by_itself(image):
    path, brain = image
    tensor = volume_tensor(path, scaling="voxel_zscore", background="zero")
    np.testing.assert_allclose(tensor[brain].mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(tensor[brain].std(axis=1), 1, atol=1e-5)


def test_mask_smoothing_and_first_frames(image, tmp_path):
    path, brain = image
    part = brain & (np.arange(SHAPE[0])[:, None, None] < 5)
    mask = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(part.astype(np.uint8), AFFINE), mask)
    tensor = volume_tensor(path, mask=mask, drop_initial=2)
    assert tensor.shape[3] == 10
    assert tensor[part].std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(tensor[~part], tensor[part].min())
    centre = (6, 7, 4)  # all neighbours along the axes within the parcel
    rough = volume_tensor(path, scaling="voxel_zscore")
    smooth = volume_tensor(path, fwhm=8, scaling="voxel_zscore")
    near = np.corrcoef(smooth[centre], smooth[6, 8, 4])[0, 1]
    assert near > np.corrcoef(rough[centre], rough[6, 8, 4])[0, 1] + 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tr": 0.735}, "header says 2 s and the sidecar 0.735 s"),
        ({"drop_initial": 11}, "1 of 12 frames are left after the first 11"),
    ],
)
def test_images_that_do_not_fit_are_refused(image, options, message):
    with pytest.raises(InputError, match=message):
        volume_tensor(image[0], **options)


def test_masks_that_do_not_fit_are_refused(image, tmp_path):
    path, _ = image
    mask = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.uint8), AFFINE), mask)
    with pytest.raises(InputError, match="the mask's grid"):
        volume_tensor(path, mask=mask)
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.uint8), AFFINE), mask)
    with pytest.raises(InputError, match=r"mask.nii.gz: there is no brain"):
        volume_tensor(path, mask=mask)


def test_gaps_and_constants_in_the_brain_are_refused(image, tmp_path):
    data = np.asanyarray(nib.load(image[0]).dataobj).copy()
    data[2, 2, 4, 5] = np.nan
    with pytest.raises(InputError, match=r"1 of 12 frames .* first frame 6"):
        volume_tensor(save_bold(tmp_path / "gap.nii.gz", data))
    flat = (data > 0) * np.float32(7)
    flat[2, 2, 4, 5] = 7
    with pytest.raises(InputError, match="constant inside the brain"):
        volume_tensor(save_bold(tmp_path / "flat.nii.gz", flat))
