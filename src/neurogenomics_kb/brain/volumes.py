"""Functional volumes as scaled tensors, for encoders that read whole images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nilearn.image import smooth_img

from neurogenomics_kb.brain.atlas import load_image, open_image
from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.images import read_array
from neurogenomics_kb.brain.parcellation import check_frames, check_repetition_time, read_voxels
from neurogenomics_kb.foundation.errors import InputError

# Axes over which mean and standard deviation of (voxels, frames) are taken.
SCALINGS: dict[str, int | None] = {"global_zscore": None, "voxel_zscore": 1}
# Value outside the brain, from the scaled values inside.
BACKGROUNDS: dict[str, Callable[[np.ndarray], float]] = {
    "minimum": lambda inside: float(inside.min()),
    "zero": lambda inside: 0.0,
}


def volume_tensor(
    image: Any,
    *,
    mask: str | Path | None = None,
    tr: float | None = None,
    drop_initial: int = 0,
    fwhm: float | None = None,
    scaling: Literal["global_zscore", "voxel_zscore"] = "global_zscore",
    background: Literal["minimum", "zero"] = "minimum",
) -> np.ndarray:
    """A functional image as a scaled 4-D array, in the space that it is in.

    Parameters
    ----------
    image : path or nibabel image
        4-D.
    mask : path, optional
        Brain mask on the same grid; without it voxels that are zero in all frames are outside, as
        for SwiFT.
    tr : float, optional
        Repetition time (s) of the sidecar, to compare with the header.
    drop_initial : int
        Frames dropped at the start.
    fwhm : float, optional
        Smooth by a Gaussian of this width (mm).
    scaling : {"global_zscore", "voxel_zscore"}
        One mean and standard deviation over brain and frames (Kim et al., SwiFT, NeurIPS 2023), or
        one per voxel. A constant voxel becomes 0.
    background : {"minimum", "zero"}
        Value outside the brain: the smallest inside, or 0.

    Returns
    -------
    ndarray of float32, shape (x, y, z, n_frames)

    Raises
    ------
    InputError
        If the image is damaged, empty, has gaps inside the brain, the mask is on another grid,
        nothing is left after the first frames, or header and sidecar disagree.
    """
    image, path = open_image(image)
    check_repetition_time(image, tr, path)
    data = read_voxels(image, path)[..., drop_initial:]
    if data.shape[3] < 2:
        raise InputError(
            f"{data.shape[3]} of {image.shape[3]} frames are left after the first {drop_initial}",
            file=path,
            remedy="Drop fewer frames, or list the subject in fmri.quality.exclude.",
        )
    brain = brain_voxels(image, data, mask, path)
    check_frames(data, brain, path)
    data = np.nan_to_num(data)
    if fwhm is not None:
        smooth = smooth_img(nib.Nifti1Image(data, image.affine), fwhm)
        data = np.asarray(smooth.dataobj, dtype=np.float32)
    inside = data[brain].astype(float)
    axis = choose(scaling, SCALINGS, "scaling")
    mean, spread = inside.mean(axis=axis, keepdims=True), inside.std(axis=axis, keepdims=True)
    if not (spread > 0).any():
        raise InputError(
            "the image is constant inside the brain",
            file=path,
            remedy="List the subject in fmri.quality.exclude.",
        )
    inside = (inside - mean) / np.where(spread > 0, spread, 1)
    outside = choose(background, BACKGROUNDS, "background")(inside)
    out = np.full(data.shape, outside, np.float32)
    out[brain] = inside
    return out


def brain_voxels(
    image: nib.spatialimages.SpatialImage,
    data: np.ndarray,
    mask: str | Path | None,
    path: str | Path,
) -> np.ndarray:
    """Which voxels are brain, as a 3-D array of bool.

    Raises
    ------
    InputError
        If the mask is on another grid, or no voxel is brain.
    """
    if mask is None:
        brain = (np.nan_to_num(data) != 0).any(axis=3)
    else:
        drawn = load_image(mask)
        if drawn.shape[:3] != image.shape[:3] or not np.allclose(
            drawn.affine, image.affine, atol=1e-3
        ):
            raise InputError(
                f"the mask's grid {drawn.shape} is not the image's {image.shape[:3]}",
                file=mask,
                remedy="Use the mask that was made with the image.",
            )
        brain = read_array(drawn, mask).reshape(image.shape[:3]) > 0
    if not brain.any():
        raise InputError(
            "there is no brain in the image",
            file=mask or path,
            remedy="List the subject in fmri.quality.exclude.",
        )
    return brain
