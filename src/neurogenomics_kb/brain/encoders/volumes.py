"""Four-dimensional images for volume encoders, read a few volumes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurogenomics_kb.brain.encoders.base import PreparedRun, require_tr
from neurogenomics_kb.brain.encoders.scaling import SAME_TR
from neurogenomics_kb.brain.images import DAMAGE, damaged, read_to_end
from neurogenomics_kb.foundation.errors import InputError

SCALINGS = ("zscore", "minmax")
BACKGROUNDS = ("minimum", "zero")
AT_ONCE = 20  # volumes read together
SLAB = 8  # slices scaled together
SAME_SIZE = 0.05  # relative difference of voxel sizes that is let pass
SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


@dataclass(frozen=True)
class ScaledVolumes:
    """Volumes that were scaled before they came here.

    Parameters
    ----------
    values : ndarray, shape (x, y, z, n_frames)
        The first voxel is background.
    voxel_mm : tuple of float
        Size of a voxel (mm).
    """

    values: np.ndarray
    voxel_mm: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels and frames."""
        return self.values.shape


def prepare_volumes(
    image: Any,
    tr: float | None,
    shape: Sequence[int],
    *,
    scaling: str = "zscore",
    background: str = "minimum",
    voxel_mm: float | None = None,
    model: str = "the model",
    subject: str = "",
) -> PreparedRun:
    """Scale a run by its own voxels and fit it into the model's box.

    One mean and deviation (or minimum and maximum) of all voxels of the run that are not zero, as
    SwiFT's preprocessing takes them.

    Parameters
    ----------
    image : nibabel image or ScaledVolumes, shape (x, y, z, n_frames)
        An image is read twice, some volumes at a time: once for the statistics, once for the
        segments. Scaled volumes are only fitted.
    tr : float
        Repetition time (s), compared with the header's.
    shape : sequence of int
        Box of the model; more voxels are cropped, fewer filled up with background, the odd one on
        the left.
    scaling : {"zscore", "minmax"}
        How a volume is scaled. Default zscore.
    background : {"minimum", "zero"}
        What voxels that are zero become after scaling.
    voxel_mm : float, optional
        Size of voxels that the image must have.
    model, subject : str
        For messages.

    Raises
    ------
    InputError
        If the image is not four-dimensional, its voxels have another size, its header contradicts
        the repetition time, it holds no signal or values that are no finite numbers.
    """
    file = f"volumes of {subject}"
    for value, known, column in (
        (scaling, SCALINGS, "scaling"), (background, BACKGROUNDS, "background"),
    ):  # fmt: skip
        if value not in known:
            raise InputError(
                f"unknown {column} '{value}'", column=column, remedy=f"Choose {' or '.join(known)}."
            )
    if len(image.shape) != 4:
        raise InputError(
            f"the image has {len(image.shape)} dimensions",
            file=file,
            remedy="Give the whole run as one image of volumes over time.",
        )
    tr = require_tr(tr, subject)
    if isinstance(image, ScaledVolumes):
        check_voxels(image.voxel_mm, voxel_mm, model, file)
        outside = float(image.values[0, 0, 0, 0])

        def take(start: int, stop: int) -> np.ndarray:
            inside, place = overlap(image.shape[:3], shape)
            out = np.full((*shape, stop - start), outside, dtype=np.float32)
            out[place] = image.values[..., start:stop][inside]
            return out

        return PreparedRun(image.shape[3], tr, take)
    tr = check_header_tr(image, tr, file)
    check_voxels(image.header.get_zooms()[:3], voxel_mm, model, file)
    centre, spread, lowest = statistics(image, scaling, file)
    fill = (lowest - centre) / spread if background == "minimum" else 0.0

    def cut(start: int, stop: int) -> np.ndarray:
        inside, place = overlap(image.shape[:3], shape)
        values = read_frames(image, start, stop)[inside]
        out = np.full((*shape, values.shape[3]), fill, dtype=np.float32)
        box = out[place]
        # Slab by slab, so that what is in between stays in the cache.
        for low in range(0, values.shape[2], SLAB):
            slab = values[:, :, low : low + SLAB]
            scaled = (slab - np.float32(centre)) * np.float32(1 / spread)
            scaled[slab == 0] = fill
            box[:, :, low : low + SLAB] = time_last(scaled)
        return out

    return PreparedRun(image.shape[3], tr, cut)


def check_voxels(sizes: Sequence[float], voxel_mm: float | None, model: str, file: str) -> None:
    """Refuse voxels of another size than the model's.

    Raises
    ------
    InputError
    """
    if voxel_mm is None:
        return
    if (np.abs(np.asarray(sizes, dtype=float) - voxel_mm) > SAME_SIZE * voxel_mm).any():
        raise InputError(
            f"voxels of {' x '.join(f'{s:.3g}' for s in sizes)} mm, {model} was trained on "
            f"{voxel_mm:g} mm in MNI space",
            file=file,
            remedy="Resample the image to the model's space (nilearn.image.resample_img).",
        )


def check_header_tr(image: Any, tr: float, file: str) -> float:
    """Repetition time, after comparing it with the image header.

    Raises
    ------
    InputError
        If the header names another one.
    """
    stated, unit = float(image.header.get_zooms()[3]), image.header.get_xyzt_units()[1]
    # Zero, or one without a unit, is what programs write that do not know it.
    known = stated > 0 and (unit in SECONDS or stated != 1)
    stated *= SECONDS.get(unit, 1.0)
    if known and abs(stated - tr) > SAME_TR * tr:
        raise InputError(
            f"the header says {stated:g} s, the sidecar {tr:g} s",
            file=file,
            column="RepetitionTime",
            remedy="Find out which is right and correct the other.",
        )
    return tr


def read_frames(image: Any, start: int, stop: int) -> np.ndarray:
    """Some volumes as numbers.

    Raises
    ------
    InputError
        If the file is truncated or damaged.
    """
    try:
        return np.asarray(image.dataobj[..., start:stop], dtype=np.float32)
    except DAMAGE as error:
        where = image.get_filename() or "image"
        raise damaged(error, where, "Copy or make it again, or leave the subject out.") from None


def blocks(image: Any) -> Iterator[np.ndarray]:
    """The run, a few volumes at a time."""
    for start in range(0, image.shape[3], AT_ONCE):
        yield read_frames(image, start, min(start + AT_ONCE, image.shape[3]))


def statistics(image: Any, scaling: str, file: str) -> tuple[float, float, float]:
    """Centre, spread and lowest value of the voxels that are not zero.

    Raises
    ------
    InputError
        If there is no such voxel, they are all alike, or a value is no finite number.
    """
    count, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for values in blocks(image):
        # One volume at a time, as it lies in memory, and summed in double precision.
        for volume in np.moveaxis(values, 3, 0):
            flat = volume.ravel(order="K")
            inside = flat[flat != 0].astype(np.float64)
            if not inside.size:
                continue
            added = float(inside.sum())
            if not np.isfinite(added):
                raise InputError(
                    f"{int((~np.isfinite(values)).sum())} voxels hold no finite number",
                    file=file,
                    remedy="Run preprocessing again for this subject, or list it in "
                    "fmri.quality.exclude.",
                )
            count, total = count + inside.size, total + added
            squares += float(np.vdot(inside, inside))
            low, high = min(low, float(inside.min())), max(high, float(inside.max()))
    read_to_end(image, file)
    if not high > low:
        raise InputError(
            "the image holds no signal",
            file=file,
            remedy="List the subject in fmri.quality.exclude, or repair the image.",
        )
    if scaling == "minmax":
        return low, high - low, low
    deviation = np.sqrt((squares - total**2 / count) / (count - 1))
    return total / count, float(deviation), low


def time_last(volumes: np.ndarray) -> np.ndarray:
    """Volumes that lie one after the other, with the series of a voxel side by side instead.

    Voxels against time, which is several times as fast as one copy over four axes.
    """
    x, y, z, n = volumes.shape
    series = np.ascontiguousarray(volumes.reshape(-1, n, order="F"))
    return series.reshape(z, y, x, n).transpose(2, 1, 0, 3)


def overlap(
    have: Sequence[int], want: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Part of an image that lies in the model's box, and where it goes; centred on each axis.

    Of an odd number of voxels too many or too few, one more goes to the left.
    """
    inside, place = [], []
    for own, wanted in zip(have, want, strict=True):
        left, size = -(-abs(own - wanted) // 2), min(own, wanted)
        inside.append(slice(left, left + size) if own > wanted else slice(0, size))
        place.append(slice(left, left + size) if own < wanted else slice(0, size))
    return tuple(inside), tuple(place)
