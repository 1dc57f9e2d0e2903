"""Hashes of whole files, remembered so that gigabytes are read once.

What is remembered lies outside the folder that was hashed (which may be read-only or shared), below
``$XDG_CACHE_HOME`` (default ``~/.cache``): one small file per folder, written in one step. It is
advice only: an entry counts while size, times and inode of the file are those it was made with, and
a damaged, foreign or missing file means that everything is hashed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.foundation.whole_files import write_text_whole

# Smaller files are read at every start: it costs nothing, and they change by hand.
LARGE = 1 << 20
# A file that changed this recently (s) may change again without its time telling.
SETTLED = 3.0
FORMAT = 1


def hash_files(files: Sequence[Path]) -> dict[Path, str]:
    """SHA-256 of the content of files, as hexadecimal digits.

    Parameters
    ----------
    files : sequence of Path
        Files to hash, in any order.
    """
    found: dict[Path, str] = {}
    for folder in dict.fromkeys(file.parent for file in files):
        memory = _memory_of(folder)
        before = _recall(memory)
        after = dict(before)
        for file in (f for f in files if f.parent == folder):
            found[file], entry = _hash(file, before.get(file.name))
            if entry is None:
                after.pop(file.name, None)
            else:
                after[file.name] = entry
        if after != before:
            _remember(memory, after)
    return found


def _hash(file: Path, known: Mapping | None) -> tuple[str, dict | None]:
    """Hash of a file, and what to remember of it if it can be relied on."""
    seen = _state(file)
    if known is not None and known["state"] == seen:
        return known["sha256"], dict(known)
    with open_file(file) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    recent = time.time() - max(file.stat().st_mtime, file.stat().st_ctime) < SETTLED
    if seen[0] < LARGE or recent or _state(file) != seen:
        return digest, None
    return digest, {"state": seen, "sha256": digest}


def _state(file: Path) -> list[int]:
    """What changes when a file does: size, times, and which file it is.

    The time of the last change of the entry (ctime) cannot be set back, as copying and unpacking
    programs do with that of the content.
    """
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _memory_of(folder: Path) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    return Path(base).expanduser() / "neurogenomics_kb" / "hashes" / f"{name}.json"


def _recall(memory: Path) -> dict[str, dict]:
    """Entries by file name; none where the memory cannot be relied on."""
    try:
        stored = json.loads(memory.read_text(encoding="utf-8"))
        entries = stored["files"]
        if stored["format"] != FORMAT or stored["seal"] != _seal(entries):
            return {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return entries


def _remember(memory: Path, entries: dict[str, dict]) -> None:
    """Replace the memory in one step; where that is not possible, nothing is remembered.

    Two runs that do so at once each leave a whole file; what one lacks is hashed once more.
    """
    text = json.dumps({"format": FORMAT, "files": entries, "seal": _seal(entries)})
    with contextlib.suppress(OSError):
        write_text_whole(memory, text)


def _seal(entries: dict[str, dict]) -> str:
    """Tells entries as they were written from damaged ones."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
