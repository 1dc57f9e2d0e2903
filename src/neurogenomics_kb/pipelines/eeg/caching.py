"""Recordings by content: each is cleaned and described once.

What a result is kept under is the hash of the recording's files and of the sidecars that may apply
to it, the parameters, the encoders, and the code.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.brain.eeg.encoders import load_segment_encoder
from neurogenomics_kb.brain.eeg.recordings import Recording
from neurogenomics_kb.brain.eeg.runs import Run, process_recording
from neurogenomics_kb.foundation.content import (
    code_version,
    encoder_version,
    fingerprint,
    fingerprint_files,
)
from neurogenomics_kb.foundation.item_cache import Entry, ItemCache, recall

LIBRARIES = ("numpy", "scipy", "pandas", "mne")
# Stands for the folder of the cohort in what is said about a recording.
ROOT = "<folder>"


def recording_cache(
    folder: str | None, options: tuple[Mapping[str, Any], ...], encoders: Mapping[str, Any]
) -> ItemCache | None:
    """Cache of recordings; none where an encoder does not tell what it is.

    Parameters
    ----------
    folder : str, optional
        Cache of the cohort; None for none.
    options : tuple of mapping
        Reading, cleaning and measures, as `process_recording` takes them.
    encoders : mapping of str to mapping
        Model card to spec.
    """
    if folder is None:
        return None
    made = {name: (spec, load_segment_encoder(spec)) for name, spec in encoders.items()}
    versions = {name: encoder_version(spec, each) for name, (spec, each) in made.items()}
    if not all(versions.values()):
        return None
    code = code_version(process_recording.__module__, libraries=LIBRARIES)
    return ItemCache(folder, "recordings", fingerprint(code, options, versions))


def files_of(recording: Recording) -> list[Path]:
    """Files that what is known of a recording may come from.

    Parameters
    ----------
    recording : Recording
        The recording.

    Notes
    -----
    All in its folder but those that bear another recording's name, since headers name files of
    data freely, and the sidecars of the folders above.
    """
    here, root = recording.path.parent, recording.root
    own = unsplit(recording.path)
    others = {unsplit(p) for p in here.glob("*_eeg.*")} - {own}
    files = [
        file
        for file in here.rglob("*")
        if file.is_file() and (file.name.startswith(own) or not _bears(file, here, others))
    ]
    above = here
    while above != root and root in above.parents:
        above = above.parent
        files += [p for pattern in ("*.json", "*.tsv") for p in above.glob(pattern) if p.is_file()]
    return files


def unsplit(path: Path) -> str:
    """Name of a recording without the number of its part."""
    stem = path.name.partition("_eeg.")[0]
    return stem.partition("_split-")[0]


def _bears(file: Path, folder: Path, names: set[str]) -> bool:
    """Whether a file, or the folder that it lies in, is named after one of the recordings."""
    first = file.relative_to(folder).parts[0]
    return any(first.startswith(f"{name}_") for name in names)


def recording_key(recording: Recording) -> str:
    """Hash of a recording's name and files.

    Parameters
    ----------
    recording : Recording
        The recording.
    """
    return fingerprint(recording.name, fingerprint_files(files_of(recording)))


def process_once(cache: ItemCache | None, recording: Recording, *options: Any) -> Run:
    """`process_recording`, once of each content.

    Parameters
    ----------
    cache : ItemCache, optional
        From `recording_cache`.
    recording : Recording
        The recording.
    *options
        Further arguments of `process_recording`.
    """
    return recall(
        cache,
        functools.partial(recording_key, recording),
        functools.partial(process_recording, recording, *options),
        _pack,
        functools.partial(_unpack, recording),
    )


def _pack(run: Run) -> Entry:
    note = {
        "counts": run.counts,
        "names": list(run.features),
        "reason": run.reason,
        "problem": run.problem.replace(str(run.recording.root), ROOT),
    }
    return Entry(note, {"features": np.array(list(run.features.values()), dtype=float)})


def _unpack(recording: Recording, entry: Entry) -> Run:
    values = entry.arrays["features"].tolist()
    return Run(
        recording,
        counts=entry.note["counts"],
        features=dict(zip(entry.note["names"], values, strict=True)),
        reason=entry.note["reason"],
        problem=entry.note["problem"].replace(ROOT, str(recording.root)),
    )
