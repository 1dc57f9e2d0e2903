"""Results by content: what was computed of a recording once is read from then on.

A cache is a folder with one small file per item. A file appears in one step, so that processes may
write at once and be killed at any time; a damaged one is noticed, named and made again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.whole_files import PART, whole_file

logger = logging.getLogger(__name__)

T = TypeVar("T")
NOTE = "note"
# What was computed faster (s) is not kept, except by shards.
WORTH_KEEPING = 0.05
_EVERYTHING: ContextVar[bool] = ContextVar("keep_everything", default=False)
_LOOKING: ContextVar[bool] = ContextVar("only_look", default=False)
# Files of writers that were killed are swept away when nobody can be writing them any more (s).
ABANDONED = 24 * 3600.0


@dataclass(frozen=True)
class Entry:
    """What is kept of one item.

    Parameters
    ----------
    note : dict
        Values that JSON holds; numbers come back as they were, to the last bit.
    arrays : dict of str to ndarray
        Arrays of numbers or text.
    """

    note: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class ItemCache:
    """Results of one computation in a folder.

    Parameters
    ----------
    folder : str or Path
        Cache of the cohort; made when there is something to put down.
    kind : str
        What is computed, such as ``connectivity``: a folder below.
    version : str
        Hash of what all items share: parameters, code. Others' results are not seen.
    """

    def __init__(self, folder: str | Path, kind: str, version: str) -> None:
        self.folder = Path(folder) / f"{kind}-{version[:16]}"
        self.version = version

    def file_of(self, key: str) -> Path:
        """Where an item is kept.

        Parameters
        ----------
        key : str
            Hash of what the item's result hangs on, beside what all share.
        """
        return self.folder / key[:2] / f"{key}.npz"

    def get(self, key: str) -> Entry | None:
        """What is kept of an item, or None.

        Parameters
        ----------
        key : str
            As for `file_of`.

        Raises
        ------
        InputError
            If the file cannot be opened, which is another thing than a damaged one.
        """
        file = self.file_of(key)
        try:
            with np.load(file, allow_pickle=False) as stored:
                # Everything is read, and so held against its checksum.
                arrays = {name: stored[name] for name in stored.files}
            note = json.loads(arrays.pop(NOTE).tobytes())
            if note.pop("key") != f"{self.version} {key}":
                raise ValueError("it is of another item")
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):
                raise InputError(
                    f"the cache cannot be read ({error.strerror})",
                    file=file,
                    remedy="See to the folder's permissions, or set another `cache` in the "
                    "parameters.",
                ) from None
            return self._damaged(file, error)
        except Exception as error:  # damage shows in many ways
            return self._damaged(file, error)
        return Entry(note, arrays)

    def _damaged(self, file: Path, error: Exception) -> None:
        logger.warning("%s is damaged (%s) and is made again", file, error)
        file.unlink(missing_ok=True)

    def put(self, key: str, entry: Entry) -> None:
        """Keep an item's result.

        Parameters
        ----------
        key : str
            As for `file_of`.
        entry : Entry
            The result.
        """
        note = json.dumps({**entry.note, "key": f"{self.version} {key}"}).encode()
        arrays = {**entry.arrays, NOTE: np.frombuffer(note, dtype=np.uint8)}
        with whole_file(self.file_of(key)) as stream:
            np.savez(stream, **arrays)


class NotKept(LookupError):
    """What was only looked for is not in the cache."""


@contextlib.contextmanager
def only_look() -> Iterator[None]:
    """Let `recall` raise `NotKept` instead of computing.

    Whether something is kept may hang on the content of something that is kept itself: that is not
    computed for the question.
    """
    token = _LOOKING.set(True)
    try:
        yield
    finally:
        _LOOKING.reset(token)


@contextlib.contextmanager
def keep_everything() -> Iterator[None]:
    """Let `recall` keep results however fast they came, as shards must.

    What takes milliseconds is otherwise computed again: a file for it would take as long.
    """
    token = _EVERYTHING.set(True)
    try:
        yield
    finally:
        _EVERYTHING.reset(token)


def recall(
    cache: ItemCache | None,
    key: Callable[[], str],
    compute: Callable[[], T],
    pack: Callable[[T], Entry | None],
    unpack: Callable[[Entry], T],
    *,
    in_memory: bool = False,
) -> T:
    """A result from the cache, or computed and kept.

    Parameters
    ----------
    cache : ItemCache, optional
        Nothing is kept without it.
    key : callable
        Gives the hash of the item; asked for only where there is a cache.
    compute : callable
        Gives the result.
    pack : callable
        Result to what is kept of it; None for a result that is not to be kept.
    unpack : callable
        The way back.
    in_memory : bool
        Whether what is computed from is in memory. A file may change meanwhile: the hash is then
        taken before and after, and the result kept only if it is the same.

    Raises
    ------
    NotKept
        Inside `only_look`, if the result is not in the cache.
    """
    if cache is None:
        return compute()
    before = None
    if not in_memory or cache.folder.is_dir():
        before = key()
        found = cache.get(before)
        if found is not None:
            return unpack(found)
    if _LOOKING.get():
        raise NotKept
    start = time.perf_counter()
    result = compute()
    if time.perf_counter() - start < WORTH_KEEPING and not _EVERYTHING.get():
        return result
    entry = pack(result)
    if entry is not None:
        name = before if in_memory and before is not None else key()
        if before in (None, name):
            cache.put(name, entry)
    return result


def sweep(folder: Path, now: float | None = None) -> int:
    """Delete what killed writers left, and say how many files that were.

    Parameters
    ----------
    folder : Path
        A cache.
    now : float, optional
        Time to judge by (s since 1970); files that changed in the day before it stay.
    """
    limit = (time.time() if now is None else now) - ABANDONED
    left = [file for file in Path(folder).rglob(f"*{PART}") if file.stat().st_mtime < limit]
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)
