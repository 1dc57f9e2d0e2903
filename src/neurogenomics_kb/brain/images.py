"""Voxels of images, read to the end of the file.

A compressed file says at its end whether what was read is what was written; nibabel stops before
that, so a flipped bit in the middle gives other voxels and no error.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import refuse_swelling

# What reading a damaged image raises.
DAMAGE = (OSError, EOFError, ValueError, zlib.error)
COMPRESSED = (".gz", ".mgz")
CHUNK = 1 << 20
# How images are opened: left open, so that the end of a compressed one is near when it was read.
OPEN = {"mmap": False, "keep_file_open": True}
REMEDY = "Copy or make it again, or leave the subject out."


def believable(image: Any, path: str | Path) -> Any:
    """An opened image whose header announces no more voxels than its file can hold.

    Parameters
    ----------
    image : nibabel image
        Opened, not read.
    path : str or Path
        Its file.

    Raises
    ------
    InputError
    """
    # Surfaces have no voxels; whoever wants some says so.
    voxels = getattr(image, "dataobj", None)
    dtype = getattr(voxels, "dtype", None)
    if dtype is not None and not isinstance(voxels, np.ndarray) and Path(path).is_file():
        declared = int(np.prod(image.shape, dtype=object)) * dtype.itemsize
        refuse_swelling(path, declared, packed=str(path).lower().endswith(COMPRESSED))
    return image


def read_array(
    image: Any, path: str | Path, *, dtype: type | None = None, remedy: str = REMEDY
) -> np.ndarray:
    """All voxels of an image.

    Parameters
    ----------
    image : nibabel image
        The image, opened.
    path : str or Path
        What to call it in messages.
    dtype : type, optional
        Of the result; the image's own by default.
    remedy : str
        What the user can do.

    Raises
    ------
    InputError
        If the file is truncated or damaged.
    """
    try:
        values = np.asanyarray(image.dataobj, dtype=dtype)
    except DAMAGE as error:
        raise damaged(error, path, remedy) from None
    read_to_end(image, path, remedy=remedy)
    return values


def read_to_end(image: Any, path: str | Path, *, remedy: str = REMEDY) -> None:
    """Read what is left of a compressed file, at whose end its check sum stands.

    Call it after the voxels were read in their order: the file then lies open where they end.

    Raises
    ------
    InputError
        If the check sum does not fit, or the end is missing.
    """
    place = str(image.get_filename() or "") if hasattr(image, "get_filename") else ""
    if not place.lower().endswith(COMPRESSED) or isinstance(image.dataobj, np.ndarray):
        return
    stream = getattr(getattr(image.dataobj, "_opener", None), "fobj", None)
    try:
        if isinstance(stream, gzip.GzipFile):
            while stream.read(CHUNK):
                pass
            return
        with gzip.open(place) as other:
            while other.read(CHUNK):
                pass
    except DAMAGE as error:
        raise damaged(error, path, remedy) from None


def damaged(error: Exception, path: str | Path, remedy: str) -> InputError:
    """The one line about an image that cannot be read whole."""
    reason = " ".join(str(error).split())[:150]
    return InputError(f"the image is truncated or damaged ({reason})", file=path, remedy=remedy)
