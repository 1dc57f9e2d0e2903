"""T1-weighted images as arrays of one shape, orientation and scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from neurogenomics_kb.brain.images import OPEN, believable, read_to_end
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import refuse_no_file

VOXEL_MM, TOLERANCE_MM = 1.0, 0.05
# Axes turned further (radians) than rounding of a header explains need resampling.
OBLIQUE = 0.02


def prepare_t1(
    image: Any, *, shape: tuple[int, int, int] = (160, 192, 160), scaling: str = "volume",
    file: str = "",
) -> np.ndarray:  # fmt: skip
    """A conformed T1 image, oriented to RAS+, cut or padded around its centre, standardised.

    Nothing is resampled here: how to interpolate is a choice of the preprocessing, so an image that
    is not on a straight 1-mm grid is refused.

    Parameters
    ----------
    image : path or nibabel image
        3-D, or 4-D with one frame; 1 mm isotropic: FreeSurfer's ``mri/orig.mgz``, fMRIPrep's
        ``desc-preproc_T1w`` in a 1-mm space.
    shape : tuple of int
        Voxels kept around the centre of the grid; missing ones are filled with the image's
        smallest value.
    scaling : {"volume", "nonzero"}
        Zero mean and unit variance over all voxels kept, or over those that are not 0 (for
        skull-stripped images; the others stay 0).
    file : str
        What to call the image in messages.

    Returns
    -------
    ndarray of float32, `shape`

    Raises
    ------
    InputError
        If the image is damaged, not 3-D, not at 1 mm, oblique, holds NaN, or is constant.
    """
    if isinstance(image, str | Path):
        image, file = open_image(Path(image)), file or str(image)
    whole = image
    if len(image.shape) == 4 and image.shape[3] == 1:
        image = image.slicer[..., 0]
    if len(image.shape) != 3:
        raise InputError(
            f"the image has shape {tuple(image.shape)}, a T1 volume has three dimensions",
            file=file,
            remedy="Give the anatomical image, not a functional run.",
        )
    check_grid(image, file)
    try:
        turned = nib.as_closest_canonical(image)
        data = np.asarray(turned.dataobj, dtype=np.float32)
    except Exception as error:  # damaged compression raises kinds of its own
        raise InputError(
            f"the voxels cannot be read ({error})", file=file, remedy="Copy the file again."
        ) from None
    read_to_end(whole, file, remedy="Copy the file again.")
    bad = int((~np.isfinite(data)).sum())
    if bad:
        raise InputError(
            f"{bad} of {data.size} voxels are NaN or infinite",
            file=file,
            remedy="Write the image again; missing voxels are coded 0.",
        )
    return standardise(centre_crop(data, shape), scaling, file)


def open_image(path: Path) -> Any:
    """Header of an image.

    Raises
    ------
    InputError
        If the file is missing or not an image.
    """
    refuse_no_file(path)
    try:
        image = nib.load(path, **OPEN)
    except Exception as error:  # nibabel raises many kinds
        raise InputError(
            f"not a readable image ({' '.join(str(error).split())[:120]})",
            file=path,
            remedy="Expected .nii, .nii.gz or .mgz; copy the file again.",
        ) from None
    return believable(image, path)


def check_grid(image: Any, file: str) -> None:
    """Refuse what is not conformed: other voxels than 1 mm, or turned axes.

    Raises
    ------
    InputError
    """
    size = nib.affines.voxel_sizes(image.affine)
    if (np.abs(size - VOXEL_MM) > TOLERANCE_MM).any():
        raise InputError(
            f"voxels of {' × '.join(f'{s:.3g}' for s in size)} mm are not 1 mm",
            file=file,
            remedy="Conform the image first (mri_convert --conform, or FreeSurfer's mri/orig.mgz).",
        )
    turned = float(np.max(nib.affines.obliquity(image.affine)))
    if turned > OBLIQUE:
        raise InputError(
            f"the axes are turned by {np.degrees(turned):.1f}° against the scanner's",
            file=file,
            remedy="Conform the image first (mri_convert --conform, or FreeSurfer's mri/orig.mgz).",
        )


def centre_crop(data: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Voxels around the centre of the grid; what the image lacks is its smallest value.

    Examples
    --------
    >>> centre_crop(np.arange(5.0).reshape(5, 1, 1), (3, 1, 1)).ravel()
    array([1., 2., 3.])
    """
    cut = tuple(
        slice(max(0, (have - want) // 2), max(0, (have - want) // 2) + want)
        for have, want in zip(data.shape, shape, strict=True)
    )
    data = data[cut]
    missing = [want - have for have, want in zip(data.shape, shape, strict=True)]
    if any(missing):
        around = [(m // 2, m - m // 2) for m in missing]
        data = np.pad(data, around, constant_values=data.min())
    return data


def standardise(data: np.ndarray, scaling: str, file: str) -> np.ndarray:
    """Zero mean and unit variance.

    Raises
    ------
    InputError
        If there is no contrast, or no such scaling.
    """
    if scaling not in ("volume", "nonzero"):
        raise InputError(
            f"there is no scaling '{scaling}'", column="scaling", remedy="Choose volume or nonzero."
        )
    inside = data != 0 if scaling == "nonzero" else np.ones(data.shape, dtype=bool)
    values = data[inside].astype(np.float64)
    if not len(values) or values.std() == 0:
        raise InputError(
            "the image has no contrast: all voxels are the same",
            file=file,
            remedy="Check the image, or leave the subject out (smri.quality.exclude).",
        )
    return np.where(inside, (data - values.mean()) / values.std(), 0).astype(np.float32)
