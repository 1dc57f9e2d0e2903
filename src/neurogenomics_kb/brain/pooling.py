"""From segments to runs and from runs to one vector per subject.

Weights by inverse framewise displacement are our own choice: no published encoder weights segments
by motion. Nearest to it is the weighting of volumes by their inverse variance of Diedrichsen &
Shadmehr (NeuroImage 2005, 27:624–634). The uniform mean is always computed beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.windows import Pooling, Rules, judge_run
from neurogenomics_kb.foundation.errors import InputError


def inverse_fd_weights(fd: Sequence[float], floor: float = 0.05) -> np.ndarray:
    """Weights proportional to one over displacement, adding up to 1.

    Parameters
    ----------
    fd : sequence of float
        Mean displacement (mm) of each segment.
    floor : float
        Smallest displacement that counts (mm).
    """
    weights = 1 / np.maximum(np.asarray(fd, dtype=float), floor)
    return weights / weights.sum()


def pool(
    vectors: np.ndarray, fd: Sequence[float], pooling: Pooling, floor: float = 0.05
) -> np.ndarray:
    """Weighted or uniform mean of vectors; shape (dim,).

    Raises
    ------
    InputError
        If the pooling is unknown, or weights are wanted and a displacement is not known.
    """
    return choose(pooling, POOLINGS, "pooling")(np.asarray(vectors, dtype=float), fd, floor)


def uniform_mean(vectors: np.ndarray, fd: Sequence[float], floor: float) -> np.ndarray:
    """Mean of vectors."""
    return vectors.mean(axis=0)


def inverse_fd_mean(vectors: np.ndarray, fd: Sequence[float], floor: float) -> np.ndarray:
    """Mean of vectors weighted by one over displacement.

    Raises
    ------
    InputError
        If a displacement is not known.
    """
    if np.isnan(np.asarray(fd, dtype=float)).any():
        raise InputError(
            "a segment has no displacement to be weighted by",
            column="fd",
            remedy="Give confounds with framewise displacement, or pool by the mean.",
        )
    return inverse_fd_weights(fd, floor) @ vectors


# How vectors become one, by the name on a strategy card.
POOLINGS = {"mean": uniform_mean, "inverse_fd": inverse_fd_mean}


@dataclass(frozen=True)
class PooledRun:
    """A run's vector, and what it was made of.

    Parameters
    ----------
    vector, uniform : ndarray, shape (dim,), or None
        As the rules pool, and by the uniform mean; None if the run is left out.
    fd : float
        Mean displacement (mm) of the segments that count.
    segments, kept : int
        Segments of the run, and those that count.
    reason : str
        Why the run is left out, or "".
    dropped : dict of str to int
        Reason to segments left out.
    """

    vector: np.ndarray | None
    uniform: np.ndarray | None
    fd: float
    segments: int
    kept: int
    reason: str
    dropped: dict[str, int]


def pool_run(
    segments: pd.DataFrame,
    embed,
    rules: Rules,
    usable_seconds: float = math.inf,
) -> PooledRun:
    """Embed the segments that count, and pool them.

    Parameters
    ----------
    segments : DataFrame
        From `plan_segments` or `judge_segments`.
    embed : callable
        Rows of segments to vectors (n, dim); not called for a run that is left out.
    rules : Rules
        Which segments count, and how they are pooled.
    usable_seconds : float
        Time of frames that were not censored.
    """
    reason = judge_run(segments, rules, usable_seconds)
    left_out = segments["reason"][segments["reason"] != ""]
    dropped = {str(text): int(n) for text, n in left_out.value_counts().items()}
    some = segments[segments["reason"] == ""]
    if reason:
        return PooledRun(None, None, float("nan"), len(segments), 0, reason, dropped)
    vectors = np.asarray(embed(some), dtype=float)
    return PooledRun(
        pool(vectors, some["fd"], rules.run, rules.fd_floor), vectors.mean(axis=0),
        float(some["fd"].mean()), len(segments), len(some), "", dropped,
    )  # fmt: skip


@dataclass(frozen=True)
class PooledSubject:
    """A subject's vector, and the runs it was made of.

    Parameters
    ----------
    vector, uniform : ndarray, shape (dim,), or None
        Weighted mean of the runs, and the plain one; None where no run counts.
    reason : str
        Why there is no vector, or "".
    runs : list of PooledRun
        Runs of the subject.
    """

    vector: np.ndarray | None
    uniform: np.ndarray | None
    reason: str
    runs: list[PooledRun]


def pool_subject(runs: list[PooledRun], rules: Rules) -> PooledSubject:
    """Pool a subject's runs; runs that are left out do not count."""
    kept = [run for run in runs if run.vector is not None]
    if not kept:
        reasons = list(dict.fromkeys(run.reason for run in runs))
        return PooledSubject(None, None, "; ".join(reasons) or "no run", runs)
    vectors = np.stack([run.vector for run in kept])
    fd = [run.fd for run in kept]
    vector = pool(vectors, fd, rules.subject, rules.fd_floor)
    uniform = np.stack([run.uniform for run in kept]).mean(axis=0)
    return PooledSubject(vector, uniform, "", runs)


def count_pooled(subjects: Mapping[str, PooledSubject]) -> dict[str, Any]:
    """What was used and left out, over all subjects, for the record.

    Returns
    -------
    dict
        Numbers of subjects, runs and segments, reasons with counts, and how far the weighted
        vectors lie from the uniform mean (median over subjects of the distance by the length of
        the uniform mean).
    """
    runs = [run for subject in subjects.values() for run in subject.runs]
    both = [s for s in subjects.values() if s.vector is not None]
    far = [
        float(np.linalg.norm(s.vector - s.uniform) / max(np.linalg.norm(s.uniform), 1e-12))
        for s in both
    ]
    dropped: dict[str, int] = {}
    for run in runs:
        for text, number in run.dropped.items():
            dropped[text] = dropped.get(text, 0) + number
    return {
        "subjects": len(subjects),
        "subjects_embedded": len(both),
        "subjects_dropped": _count(s.reason for s in subjects.values()),
        "runs": len(runs),
        "runs_dropped": _count(run.reason for run in runs),
        "segments": sum(run.segments for run in runs),
        "segments_used": sum(run.kept for run in runs),
        "segments_dropped": dropped,
        "distance_to_uniform_mean": float(np.median(far)) if far else None,
    }


def _count(reasons: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reason in reasons:
        if reason:
            counts[reason] = counts.get(reason, 0) + 1
    return counts
