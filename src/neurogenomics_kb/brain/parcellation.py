"""Functional volumes to parcel series."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.image import resample_to_img
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker

from neurogenomics_kb.brain.atlas import Atlas, open_image
from neurogenomics_kb.brain.images import read_array
from neurogenomics_kb.foundation.errors import InputError, listing

logger = logging.getLogger(__name__)

# Share of the atlas that must lie inside the image, and share that must have signal there.
MIN_INSIDE, MIN_SIGNAL = 0.95, 0.5
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}


def extract_parcels(
    image: Any,
    atlas: Atlas,
    *,
    tr: float | None = None,
    space: str = "",
    fwhm: float | None = None,
) -> pd.DataFrame:
    """Mean signal of each parcel in each frame, through nilearn's maskers.

    The atlas is brought to the image's grid by nearest neighbour where the grids differ. Nothing is
    cleaned here: averaging and regression are both linear, so that `denoise` afterwards gives what
    cleaning of voxels would.

    Parameters
    ----------
    image : path or nibabel image
        4-D.
    atlas : Atlas
        Labels, or maps whose series come from a least-squares fit.
    tr : float, optional
        Repetition time (s) of the sidecar, to compare with the header.
    space : str
        Space that the file name states (``MNI152NLin2009cAsym``, ``T1w``), or "".
    fwhm : float, optional
        Smooth by a Gaussian of this width (mm) first.

    Returns
    -------
    DataFrame, shape (n_frames, n_parcels)

    Raises
    ------
    InputError
        If the image is damaged, not 4-D, in another space than the atlas, has no voxel of a
        parcel, or lacks a finite value where a parcel is; or if header and sidecar disagree about
        the repetition time.
    """
    image, path = open_image(image)
    check_space(atlas, image, path, space)
    check_repetition_time(image, tr, path)
    data = read_voxels(image, path)
    reference = nib.Nifti1Image(data, image.affine, image.header)
    if atlas.is_maps:
        masker = NiftiMapsMasker(
            atlas.image, smoothing_fwhm=fwhm, standardize=None, resampling_target="data"
        )
        check_frames(data, np.abs(data).sum(axis=3) > 0, path)
    else:
        labels = atlas_on_grid(atlas, image.shape[:3], tuple(image.affine.ravel()))
        labels = check_coverage(atlas, labels, data, path)
        masker = NiftiLabelsMasker(
            nib.Nifti1Image(labels, image.affine),
            smoothing_fwhm=fwhm,
            standardize=None,
            resampling_target=None,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series = masker.fit_transform(reference)
    if series.shape[1] != len(atlas.parcels):
        raise InputError(
            f"{series.shape[1]} series for {len(atlas.parcels)} parcels",
            file=path,
            remedy="Check the atlas; some of its maps lie outside the image.",
        )
    return pd.DataFrame(series, columns=atlas.parcels)


def read_voxels(image: Any, path: str | Path) -> np.ndarray:
    """Voxels of a 4-D image, single precision.

    Raises
    ------
    InputError
        If the image is not 4-D, has one frame, or the file ends too early.
    """
    if len(image.shape) != 4 or image.shape[3] < 2:
        raise InputError(
            f"an image of shape {image.shape} is no time series",
            file=path,
            remedy="Give the 4-D functional image.",
        )
    remedy = "Copy or make it again, or list the subject in fmri.quality.exclude."
    return read_array(image, path, dtype=np.float32, remedy=remedy)


def check_repetition_time(image: Any, tr: float | None, path: str | Path) -> None:
    """Compare the header's repetition time with the sidecar's.

    Raises
    ------
    InputError
        If both are there and differ by more than a millisecond.
    """
    zooms = image.header.get_zooms()
    if tr is None or len(zooms) < 4 or not zooms[3] > 0:
        return
    unit = image.header.get_xyzt_units()[1] if hasattr(image.header, "get_xyzt_units") else "sec"
    stated = float(zooms[3]) * _SECONDS.get(unit, 1.0)
    if abs(stated - tr) > 1e-3:
        raise InputError(
            f"the header says {stated:g} s and the sidecar {tr:g} s",
            file=path,
            column="RepetitionTime",
            remedy="Find out which is right and correct the other.",
        )


def check_space(atlas: Atlas, image: Any, path: str | Path, space: str) -> None:
    """Refuse an atlas in another space than the image.

    Raises
    ------
    InputError
        If the stated spaces are of different families, or too little of the atlas lies inside the
        image.
    """
    families = {s.split("NLin")[0] for s in (atlas.space, space) if s}
    if len(families) > 1:
        raise InputError(
            f"the image is in space {space}, atlas {atlas.name} in {atlas.space}",
            file=path,
            remedy="Use images in the atlas's space, or bring the atlas to theirs.",
        )
    if atlas.space and space and atlas.space != space:
        logger.warning(
            "fmri: atlas %s is in %s, images in %s, which differ by some millimetres",
            atlas.name,
            atlas.space,
            space,
        )
    inside = share_inside(atlas, image.shape[:3], tuple(image.affine.ravel()))
    if inside < MIN_INSIDE:
        raise InputError(
            f"only {100 * inside:.0f} % of atlas {atlas.name} lies inside the image",
            file=path,
            remedy="Atlas and image are in different spaces, or the image covers only a part of "
            "the brain: use images in the atlas's space.",
        )


@lru_cache(maxsize=4)
def share_inside(atlas: Atlas, shape: tuple, affine: tuple) -> float:
    """Share of the atlas's voxels whose centres lie inside a grid."""
    values = np.asanyarray(atlas.image.dataobj)
    labelled = np.argwhere(values.any(axis=3) if atlas.is_maps else values > 0)
    world = nib.affines.apply_affine(atlas.image.affine, labelled)
    voxels = nib.affines.apply_affine(np.linalg.inv(np.reshape(affine, (4, 4))), world)
    return float(np.all((voxels > -0.5) & (voxels < np.array(shape) - 0.5), axis=1).mean())


@lru_cache(maxsize=4)
def atlas_on_grid(atlas: Atlas, shape: tuple, affine: tuple) -> np.ndarray:
    """Labels on an image's grid, by nearest neighbour; subjects of one grid share the result."""
    matrix = np.reshape(affine, (4, 4))
    values = np.asanyarray(atlas.image.dataobj).astype(np.int32)
    if atlas.image.shape == shape and np.allclose(atlas.image.affine, matrix, atol=1e-3):
        return values
    moved = resample_to_img(
        nib.Nifti1Image(values, atlas.image.affine),
        nib.Nifti1Image(np.zeros(shape, np.int8), matrix),
        interpolation="nearest",
        force_resample=True,
        copy_header=True,
    )
    return np.asanyarray(moved.dataobj).astype(np.int32)


def check_coverage(
    atlas: Atlas, labels: np.ndarray, data: np.ndarray, path: str | Path
) -> np.ndarray:
    """Labels without the voxels that have no data at all.

    Raises
    ------
    InputError
        If a parcel has no voxel, most of the atlas has no signal, or frames have gaps.
    """
    labelled = labels > 0
    lost = sorted(set(atlas.labels.index) - set(np.unique(labels[labelled])))
    if lost:
        raise InputError(
            f"parcel {listing(atlas.labels.loc[lost, 'name'])} has no voxel in the image's grid",
            file=path,
            remedy="The voxels are too large for the atlas, or the atlas is not for this space: "
            "use a coarser atlas or finer images.",
        )
    inside = data[labelled]
    # Some programs write NaN outside the brain, in all frames.
    absent = np.isnan(inside).all(axis=1)
    if absent.any():
        labels = labels.copy()
        labels[tuple(axis[absent] for axis in np.nonzero(labelled))] = 0
        lost = sorted(set(atlas.labels.index) - set(np.unique(labels)))
        if lost:
            raise InputError(
                f"parcel {listing(atlas.labels.loc[lost, 'name'])} has no finite voxel",
                file=path,
                remedy="It lies outside the field of view: list the subject in "
                "fmri.quality.exclude, or use an atlas without it.",
            )
    check_frames(data, labels > 0, path)
    with_signal = float((inside[~absent].std(axis=1) > 0).mean())
    if with_signal < MIN_SIGNAL:
        raise InputError(
            f"only {100 * with_signal:.0f} % of the voxels of atlas {atlas.name} have a signal "
            "that varies",
            file=path,
            remedy="Atlas and image are in different spaces, or the image is empty.",
        )
    return labels


def check_frames(data: np.ndarray, where: np.ndarray, path: str | Path) -> None:
    """Refuse frames that have no finite value in some voxel of a parcel.

    nilearn would put zeros there.

    Raises
    ------
    InputError
    """
    bad = ~np.isfinite(data[where]).all(axis=0)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} of {len(bad)} frames have voxels without a finite value, first "
            f"frame {int(np.flatnonzero(bad)[0]) + 1}",
            file=path,
            remedy="Run preprocessing again, or list the subject in fmri.quality.exclude.",
        )


def check_upstream(
    statements: list[Mapping[str, Any]],
    entities: Mapping[str, str],
    description: Mapping[str, Any],
    path: str | Path,
) -> list[str]:
    """Compare what a preprocessing card expects of images with what the derivative says.

    Parameters
    ----------
    statements : list of mapping
        Upstream steps of the card: ``what``, ``space``, ``desc``, ``generated_by``.
    entities : mapping
        Of the file name.
    description : mapping
        ``dataset_description.json``.
    path : path
        For messages.

    Returns
    -------
    list of str
        What cannot be checked and rests on the user's word.

    Raises
    ------
    InputError
        If the derivative contradicts the card.
    """
    unchecked = []
    programs = [str(each.get("Name", "")) for each in description.get("GeneratedBy", [])]
    for statement in statements:
        what, checked = statement["what"], False
        for key in ("space", "desc"):
            wanted, has = statement.get(key), entities.get(key, "")
            if wanted:
                checked = True
                if not (has.startswith(wanted) if key == "space" else has == wanted):
                    raise InputError(
                        f"{what}: the card expects {key}-{wanted}, the file name says "
                        f"{f'{key}-{has}' if has else 'nothing'}",
                        file=path,
                        remedy="Choose other images in the catalog entry, or another card.",
                    )
        wanted = statement.get("generated_by") or []
        if wanted and programs:
            checked = True
            if not {w.lower() for w in wanted} & {p.lower() for p in programs}:
                raise InputError(
                    f"{what}: the card expects {' or '.join(wanted)}, the images were made by "
                    f"{listing(programs)}",
                    file="dataset_description.json",
                    column="GeneratedBy",
                    remedy="Choose other images in the catalog entry, or another card.",
                )
        if not checked:
            unchecked.append(what)
    return unchecked
