"""Runs through an encoder, or embeddings that were made elsewhere, to one vector per subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.embeddings import ImportedEmbeddings
from neurogenomics_kb.brain.encoders.base import BrainEncoder, require_tr
from neurogenomics_kb.brain.pooling import PooledRun, PooledSubject, pool_run, pool_subject
from neurogenomics_kb.brain.windows import (
    Rules,
    censor_frames,
    displacement,
    judge_segments,
    mean_fd,
    plan_segments,
)
from neurogenomics_kb.foundation.errors import InputError

NO_CONFOUNDS = "no confounds"
ALL_CENSORED = "all frames censored"
# Column of confounds that says so, where more than displacement decided.
CENSORED = "censored"
Loader = Callable[[], Any]


def subject_of(key: str) -> str:
    """Subject of a run's file: its BIDS entity, or the whole name.

    Examples
    --------
    >>> subject_of("sub-01_ses-2_run-1"), subject_of("1001")
    ('sub-01', '1001')
    """
    return key.split("_")[0] if key.startswith("sub-") else key


def runs_by_subject(keys: Iterable[str]) -> dict[str, list[str]]:
    """Runs of each subject, in order."""
    runs: dict[str, list[str]] = {}
    for key in sorted(keys):
        runs.setdefault(subject_of(key), []).append(key)
    return runs


def left_out(reason: str) -> PooledRun:
    """A run that does not count."""
    return PooledRun(None, None, float("nan"), 0, 0, reason, {})


def embed_run(
    encoder: BrainEncoder,
    rules: Rules,
    signal: Any,
    confounds: pd.DataFrame | None,
    tr: float | None,
    *,
    subject: str = "",
) -> PooledRun:
    """One run through an encoder.

    Parameters
    ----------
    encoder : BrainEncoder
        The encoder.
    rules : Rules
        Which segments count, and how they are pooled.
    signal : DataFrame or image
        Parcel series (frames × parcels), or a four-dimensional image.
    confounds : DataFrame, optional
        Nuisance table of the run. A column ``censored`` says which frames are, in place of the
        rules' limit.
    tr : float
        Repetition time (s).
    subject : str
        Whose run it is, for messages.

    Returns
    -------
    PooledRun

    Raises
    ------
    InputError
        If the run or its confounds are not what the encoder reads.

    Notes
    -----
    Frames of a series that are censored are interpolated, since an encoder needs frames at equal
    distances; volumes stay as they are. Neither counts as usable time.
    """
    tr = require_tr(tr, subject)
    if confounds is None and rules.needs_fd:
        return left_out(NO_CONFOUNDS)
    parcels = encoder.reads == "parcels"
    n_frames = len(signal) if parcels else signal.shape[-1]
    fd, usable = None, n_frames * tr
    if confounds is not None:
        fd = displacement(confounds, n_frames, subject)
    censored = None
    if confounds is not None and CENSORED in confounds:
        censored = confounds[CENSORED].to_numpy(dtype=bool)
    elif fd is not None and rules.censor_fd is not None:
        censored = fd > rules.censor_fd
    if censored is not None:
        if censored.all():
            return left_out(ALL_CENSORED)
        usable = float((~censored).sum()) * tr
        if parcels and censored.any():
            values = censor_frames(signal.to_numpy(dtype=float), censored)
            signal = pd.DataFrame(values, columns=signal.columns)
    prepared = encoder.prepare(signal, tr, subject=subject)
    span = encoder.span(prepared.tr)
    plan = plan_segments(prepared.n_frames, prepared.tr, rules, span, fd, tr)

    def embed(some: pd.DataFrame) -> np.ndarray:
        pairs = list(zip(some["start"], some["stop"], strict=True))
        size = getattr(encoder, "batch", len(pairs))
        # A few at a time, so that a run of volumes is never in memory as a whole.
        parts = [
            encoder.embed([prepared.cut(a, b) for a, b in pairs[first : first + size]], prepared.tr)
            for first in range(0, len(pairs), size)
        ]
        return np.concatenate(parts)

    return pool_run(plan, embed, rules, usable)


def embed_loaded(
    encoder: BrainEncoder,
    rules: Rules,
    load: Loader,
    load_confounds: Loader | None,
    tr: float | None,
    subject: str = "",
) -> PooledRun:
    """One run through an encoder, read first.

    Parameters
    ----------
    encoder, rules, tr, subject
        As for `embed_run`.
    load, load_confounds : callable
        Give the run's signal and its nuisance table; None for a run without the latter.
    """
    table = None if load_confounds is None else load_confounds()
    return embed_run(encoder, rules, load(), table, tr, subject=subject)


def embed_subject(
    embed: Callable[[Loader, Loader | None, str], PooledRun],
    rules: Rules,
    runs: Mapping[str, Loader],
    confounds: Mapping[str, Loader],
) -> PooledSubject:
    """All runs of a subject, read one after the other.

    Parameters
    ----------
    embed : callable
        Takes what gives a run's signal, what gives its nuisance table (None where there is none)
        and the run's name; gives its vector, as `embed_loaded` does.
    rules : Rules
        Which segments count, and how they are pooled.
    runs : mapping of str to callable
        Run to what gives its signal.
    confounds : mapping of str to callable
        Run to what gives its nuisance table; runs without one are left out where motion counts.
    """
    pooled = [embed(load, confounds.get(key), key) for key, load in runs.items()]
    return pool_subject(pooled, rules)


def pool_imported(
    imported: ImportedEmbeddings,
    rules: Rules,
    confounds: Mapping[str, Loader] | None = None,
    subjects: Iterable[str] | None = None,
) -> dict[str, PooledSubject]:
    """Imported embeddings through the same rules.

    Parameters
    ----------
    imported : ImportedEmbeddings
        Vectors that were made elsewhere.
    rules : Rules
        Lengths of segments are compared with the import's; frames cannot be censored any more.
    confounds : mapping of str to callable, optional
        Nuisance tables by run (``<run>`` or ``<subject>_<run>``), for segments that say their
        frames and not their displacement.
    subjects : iterable of str, optional
        Whom to pool; all by default.

    Returns
    -------
    dict of str to PooledSubject
        Those of `subjects` that the import has no segment of are left out with that reason.

    Raises
    ------
    InputError
        If the segments have another length than the strategy's.
    """
    rules = replace(rules, censor_fd=None, min_seconds=0.0)
    keys = imported.keys
    if rules.frames is not None and {"start", "stop"} <= set(keys):
        lengths = (keys["stop"] - keys["start"]).dropna()
        other = lengths[lengths != rules.frames]
        if len(other):
            raise InputError(
                f"{len(other)} segments are not {rules.frames} frames long, as the strategy says, "
                f"but {other.iloc[0]:g}",
                file=imported.source,
                column="stop",
                remedy="Import embeddings of such segments, or write another strategy card.",
            )
    rows = dict(tuple(keys.groupby("subject", sort=True)))
    pooled = {}
    for subject in rows if subjects is None else subjects:
        if subject not in rows:
            pooled[subject] = pool_subject([left_out("no imported embedding")], rules)
            continue
        runs = [
            pool_run(
                judge_segments(_with_fd(run, name, subject, confounds or {}), rules),
                lambda some: imported.vectors[some.index],
                rules,
            )
            for name, run in rows[subject].groupby("run", sort=True)
        ]
        pooled[subject] = pool_subject(runs, rules)
    return pooled


def _with_fd(
    segments: pd.DataFrame, run: str, subject: str, confounds: Mapping[str, Loader]
) -> pd.DataFrame:
    """Segments with their displacement: stated, from the confounds, or unknown."""
    if "fd" in segments:
        return segments
    key = next((k for k in (run, f"{subject}_{run}", subject) if k in confounds), None)
    if key is None or not {"start", "stop"} <= set(segments):
        return segments.assign(fd=float("nan"))
    table = confounds[key]()
    fd = displacement(table, len(table), key)
    ends = zip(segments["start"], segments["stop"], strict=True)
    return segments.assign(fd=[mean_fd(fd, a, b) for a, b in ends])
