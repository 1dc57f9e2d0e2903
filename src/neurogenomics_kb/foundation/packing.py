"""Objects as one buffer that processes share: arrays lie in it as they lay in memory.

Pickle's fifth protocol keeps large buffers apart, so that who reads a packed file maps its arrays
into memory instead of copying them. Arrays keep their strides: numerical libraries add in another
order where the layout is another, and a result must not depend on where it was computed.
"""

from __future__ import annotations

import io
import pickle
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.lib.array_utils import byte_bounds

ALIGNED = 64
# A view of a larger array is packed with what lies between its values up to this many times its
# size, and as a copy without gaps beyond.
MOST_GAPS = 4


class _Memory:
    """A stretch of memory as an array sees it."""

    def __init__(self, address: int, size: int) -> None:
        where = {"data": (address, True), "shape": (size,), "typestr": "|u1", "version": 3}
        self.__array_interface__ = where


class _Pickler(cloudpickle.Pickler):
    """Pickler whose arrays keep their strides."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is np.ndarray and obj.size and not (obj.flags.forc or obj.dtype.hasobject):
            low, high = byte_bounds(obj)
            if high - low <= MOST_GAPS * obj.nbytes:
                span = np.asarray(_Memory(low, high - low)).copy()
                first = obj.__array_interface__["data"][0] - low
                return _strided, (span, obj.dtype, obj.shape, obj.strides, first)
        return super().reducer_override(obj)


def _strided(span: np.ndarray, dtype, shape, strides, first: int) -> np.ndarray:
    return np.ndarray(shape, dtype, buffer=span, offset=first, strides=strides)


def parts_of(obj: Any) -> list[bytes | memoryview]:
    """Pieces that one after the other are the packed object, large arrays uncopied.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle takes.
    """
    stream, buffers = io.BytesIO(), []
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(obj)
    pieces = [stream.getbuffer(), *(buffer.raw() for buffer in buffers)]
    sizes = [piece.nbytes for piece in pieces]
    out = [struct.pack(f"<{len(sizes) + 1}Q", len(sizes), *sizes)]
    out.append(bytes(-len(out[0]) % ALIGNED))
    for piece in pieces:
        out += [piece, bytes(-piece.nbytes % ALIGNED)]
    return out


def pack(obj: Any) -> bytes:
    """The object in one piece.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle takes.

    Examples
    --------
    >>> view = np.arange(12.0).reshape(3, 4)[:, ::2]
    >>> unpack(pack(view)).strides == view.strides
    True
    """
    return b"".join(parts_of(obj))


def pack_to(obj: Any, file: Path) -> None:
    """Write the object to a file.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle takes.
    file : Path
        Where to.
    """
    with open(file, "wb") as out:
        for piece in parts_of(obj):
            out.write(piece)


def unpack(buffer: Any) -> Any:
    """The object, its arrays on the buffer itself: read-only if that is.

    Only ever of what this program packed itself a moment ago.

    Parameters
    ----------
    buffer : bytes-like
        As `pack` gave it.
    """
    view = memoryview(buffer).cast("B")
    (n,) = struct.unpack_from("<Q", view)
    sizes = struct.unpack_from(f"<{n}Q", view, 8)
    at, pieces = 8 * (n + 1), []
    for size in sizes:
        at += -at % ALIGNED
        pieces.append(view[at : at + size])
        at += size
    return pickle.loads(pieces[0], buffers=pieces[1:])


def unpack_file(file: Path | str) -> Any:
    """The object of a file, its arrays mapped into memory.

    Parameters
    ----------
    file : Path or str
        As `pack_to` wrote it.
    """
    return unpack(np.memmap(file, mode="r", dtype=np.uint8))


class SharedFile:
    """The file of one loop, for workers that see the same folder.

    Parameters
    ----------
    folder : Path or str
        Where its own folder, which nobody else may read, is made.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = folder
        self._own: Path | None = None

    def write(self, obj: Any) -> str:
        """Write the object; its place is what workers are told."""
        self._own = Path(tempfile.mkdtemp(prefix="ngkb-loop-", dir=self.folder))
        pack_to(obj, self._own / "shared")
        return str(self._own / "shared")

    def delete(self) -> None:
        """Delete the file, if there is one; who has it open keeps it."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own = None


# What a worker has open, so that a file is read once and not for every chunk.
_opened: dict[str, Any] = {}


def opened(file: str) -> Any:
    """The object of a `SharedFile`; the last one stays open.

    Parameters
    ----------
    file : str
        As `SharedFile.write` gave it.
    """
    if file not in _opened:
        _opened.clear()
        _opened[file] = unpack_file(file)
    return _opened[file]
