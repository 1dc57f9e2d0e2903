"""Which recordings a BIDS folder holds, and what its sidecars say about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neurogenomics_kb.brain.eeg.formats import suffixes
from neurogenomics_kb.brain.eeg.unusable import UnusableRecording
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import read_json

__all__ = [
    "Recording",
    "UnusableRecording",
    "find_recordings",
    "read_coordinate_system",
    "read_sidecar",
    "read_sidecar_table",
]

# Entity and label; labels such as CC-001, which BIDS does not allow, occur.
ENTITY = re.compile(r"(?:^|_)([a-z]+)-([^_]+)")


@dataclass(frozen=True)
class Recording:
    """One recording of a BIDS folder.

    Attributes
    ----------
    path : Path
        File that is opened.
    root : Path
        The BIDS folder, where the search for sidecars ends.
    subject : str
        ``sub-…``.
    session : str
        ``ses-…``, or "" where the layout has no sessions.
    task : str
        Label of the task, "" if the name holds none.
    """

    path: Path
    root: Path
    subject: str
    session: str
    task: str

    @property
    def name(self) -> str:
        """Name without suffix and extension, unique within a cohort."""
        return self.path.stem.removesuffix("_eeg")


def find_recordings(root: Path, *, task: str | None = None) -> list[Recording]:
    """EEG recordings below a BIDS folder, none of them opened.

    Looks for ``sub-*/[ses-*/]eeg/*_eeg`` with an extension that a format has.

    Parameters
    ----------
    root : Path
        Folder of the cohort.
    task : str, optional
        Task to keep (``rest``); needed where the recordings are of several tasks.

    Returns
    -------
    list of Recording
        Sorted by name.

    Raises
    ------
    InputError
        If there is none, a name does not fit its folders, a recording lies there in two formats,
        or there are several tasks and none was chosen.
    """
    found = [_describe(path, root) for path in sorted(_files(root))]
    tasks = sorted({each.task for each in found})
    if task is not None:
        found = [each for each in found if each.task == task.removeprefix("task-")]
    if not found:
        raise InputError(
            "holds no EEG recording" + (f" of task '{task}'" if task and tasks else ""),
            file=root,
            remedy=f"There are the tasks {listing(tasks)}."
            if tasks
            else f"Expected sub-*/[ses-*/]eeg/*_eeg with one of {listing(suffixes(), 9)}.",
        )
    if task is None and len(tasks) > 1:
        raise InputError(
            f"recordings are of {len(tasks)} tasks: {listing(t or 'unnamed' for t in tasks)}",
            file=root,
            column="task",
            remedy="Name one under `task` in the catalog; rest and tasks do not pool.",
        )
    names = pd.Series([each.name for each in found])
    twice = sorted(set(names[names.duplicated()]))
    if twice:
        raise InputError(
            f"recordings lie there in more than one format: {listing(twice)}",
            file=root,
            remedy="Keep one file of each.",
        )
    return sorted(found, key=lambda each: each.name)


def _files(root: Path) -> Iterator[Path]:
    for pattern in ("sub-*/eeg/*_eeg.*", "sub-*/ses-*/eeg/*_eeg.*"):
        for path in root.glob(pattern):
            # Later parts of a split FIF are read with the first.
            part = dict(ENTITY.findall(path.stem)).get("split", "1")
            if path.suffix.lower() in suffixes() and part.lstrip("0") == "1":
                yield path


def _describe(path: Path, root: Path) -> Recording:
    entities = dict(ENTITY.findall(path.stem))
    folders = path.relative_to(root).parts
    session = folders[1] if folders[1].startswith("ses-") else ""
    named = f"sub-{entities.get('sub')}", f"ses-{entities['ses']}" if "ses" in entities else ""
    if named != (folders[0], session):
        raise InputError(
            f"the name says {' '.join(filter(None, named))}, the folders say "
            f"{' '.join(filter(None, (folders[0], session)))}",
            file=path,
            remedy="Rename the file or move it.",
        )
    return Recording(path, root, folders[0], session, entities.get("task", ""))


def read_sidecar(recording: Recording) -> dict[str, Any]:
    """Fields of the ``*_eeg.json`` that apply to a recording, nearer files over farther ones.

    Returns
    -------
    dict
        Empty if there is no such file.

    Raises
    ------
    UnusableRecording
        If one is not a JSON object.
    """
    fields: dict[str, Any] = {}
    for file in _inherited(recording, "eeg", ".json"):
        fields |= _json_object(file)
    return fields


def _json_object(file: Path) -> dict[str, Any]:
    try:
        content = read_json(file, "a sidecar")
    except (OSError, ValueError) as error:
        content, reason = None, f" ({error})"
    else:
        reason = ""
    if not isinstance(content, dict):
        raise UnusableRecording(
            "unreadable sidecar", f"not a JSON object{reason}", file=file, remedy="Correct it."
        )
    return content


def read_sidecar_table(recording: Recording, suffix: str) -> tuple[Path, pd.DataFrame] | None:
    """Nearest ``*_<suffix>.tsv`` of a recording and its rows, all as text, or None.

    Raises
    ------
    UnusableRecording
        If it cannot be read or has no column ``name``.
    """
    files = _inherited(recording, suffix, ".tsv")
    if not files:
        return None
    try:
        table = pd.read_csv(files[-1], sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise UnusableRecording(
            "unreadable sidecar", f"not a table ({error})", file=files[-1], remedy="Correct it."
        ) from None
    if "name" not in table:
        raise UnusableRecording(
            "unreadable sidecar",
            "the column is missing",
            file=files[-1],
            column="name",
            remedy="BIDS asks for it; check that tabs separate the columns.",
        )
    return files[-1], table


def read_coordinate_system(recording: Recording) -> dict[str, Any]:
    """Content of the nearest ``*_coordsystem.json``, empty if there is none.

    Raises
    ------
    UnusableRecording
        If it is not a JSON object.
    """
    files = _inherited(recording, "coordsystem", ".json")
    return _json_object(files[-1]) if files else {}


def _inherited(recording: Recording, suffix: str, extension: str) -> list[Path]:
    """Sidecars whose entities are all of the recording's own, farthest first.

    BIDS' inheritance principle; ``space`` is the one entity of sidecars that recordings lack.
    """
    own = dict(ENTITY.findall(recording.path.stem))
    folders = [
        folder
        for folder in reversed([recording.path.parent, *recording.path.parent.parents])
        if folder == recording.root or recording.root in folder.parents
    ]
    files: list[Path] = []
    for folder in folders:
        fitting = []
        for file in folder.glob(f"*{suffix}{extension}"):
            entities = dict(ENTITY.findall(file.stem))
            entities.pop("space", None)
            last = file.stem.split("_")[-1]
            if last == suffix and entities.items() <= own.items():
                fitting.append((len(entities), file.name, file))
        files += [file for *_, file in sorted(fitting)]
    return files
