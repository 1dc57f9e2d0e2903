"""Segments of a run, and which of them count, with motion taken into account.

A strategy's levels say how long segments are, which of them count, and how segments become runs and
runs a subject. What is left out is left out for a stated reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import require_finite_numbers

Pooling = Literal["mean", "inverse_fd"]
FD = "framewise_displacement"


@dataclass(frozen=True)
class Rules:
    """How segments are cut, which count, and how they are pooled.

    Parameters
    ----------
    tokens : str
        How an encoder's tokens become the embedding of a segment (``mean``, ``cls``).
    frames, stride : int, optional
        Length and step of a segment in frames as the encoder sees them; by default as long as the
        encoder takes, without overlap.
    seconds : float, optional
        Length of a segment in seconds, in place of `frames`.
    max_fd : float, optional
        Segments with a higher mean framewise displacement (mm) are left out.
    low_motion_fd : float, optional
        Mean framewise displacement (mm) up to which a segment has low motion; `max_fd` by default.
    min_low_motion : float
        Runs with a smaller share of low-motion segments are left out.
    censor_fd : float, optional
        Frames above it (mm) are censored: interpolated in parcel series, and not counted as usable
        time.
    min_seconds : float
        Runs with less usable time are left out.
    run, subject : {"mean", "inverse_fd"}
        How segments become a run and runs a subject.
    fd_floor : float
        Smallest displacement (mm) in a weight, so that one still segment does not outweigh all.
    """

    tokens: str = "mean"
    frames: int | None = None
    stride: int | None = None
    seconds: float | None = None
    max_fd: float | None = None
    low_motion_fd: float | None = None
    min_low_motion: float = 0.0
    censor_fd: float | None = None
    min_seconds: float = 0.0
    run: Pooling = "mean"
    subject: Pooling = "mean"
    fd_floor: float = 0.05

    @classmethod
    def from_levels(cls, levels: Iterable[Mapping[str, Any]], **settings: Any) -> Rules:
        """Rules of a strategy card's levels, with the run's settings.

        Raises
        ------
        InputError
            If the levels ask for a share of low-motion segments and do not say what low motion is.
        """
        by_name = {level["level"]: level for level in levels}
        first = by_name.get("segment") or by_name.get("token") or {}
        run, subject = by_name.get("run", {}), by_name.get("subject", {})
        rules = cls(
            tokens=first.get("pooling", "mean"),
            frames=first.get("frames"),
            stride=first.get("stride"),
            seconds=first.get("seconds"),
            max_fd=first.get("max_fd"),
            low_motion_fd=run.get("max_fd") or first.get("max_fd"),
            min_low_motion=run.get("min_low_motion") or 0.0,
            run=run.get("pooling", "mean"),
            subject=subject.get("pooling", "mean"),
            **settings,
        )
        if rules.min_low_motion and rules.low_motion_fd is None:
            raise InputError(
                "a share of low-motion segments is asked for, but not what low motion is",
                column="min_low_motion",
                remedy="Give max_fd (mm) at the segment or the run level.",
            )
        return rules

    @property
    def judges_segments(self) -> bool:
        """Whether segments are chosen or weighted by their displacement."""
        chosen = self.max_fd is not None or self.min_low_motion > 0
        return chosen or "inverse_fd" in (self.run, self.subject)

    @property
    def needs_fd(self) -> bool:
        """Whether nothing can be said without framewise displacement."""
        return self.judges_segments or self.censor_fd is not None


def displacement(confounds: pd.DataFrame, n_frames: int, subject: str, column: str = FD):
    """Framewise displacement (mm) of each frame; the first has none.

    Parameters
    ----------
    confounds : DataFrame
        Nuisance table of the run.
    n_frames : int
        Frames of the run's signal.
    subject : str
        For messages.
    column : str
        Column of the confounds table.

    Returns
    -------
    ndarray, shape (n_frames,)
        The first is not a number.

    Raises
    ------
    InputError
        If the rows are not the frames, the column is missing, or a later frame has no value.
    """
    file = f"confounds of {subject}"
    if len(confounds) != n_frames:
        raise InputError(
            f"{len(confounds)} rows, but the run has {n_frames} frames",
            file=file,
            remedy="Use signals and confounds of the same run.",
        )
    if column not in confounds:
        raise InputError(
            "the column is missing", file=file, column=column, remedy="Write it with fMRIPrep."
        )
    numbers = require_finite_numbers(confounds[column], file, column)
    values = numbers.to_numpy(dtype=float, copy=True)
    gaps = np.flatnonzero(~np.isfinite(values[1:])) + 1
    if gaps.size or (values[1:] < 0).any():
        at = gaps[0] if gaps.size else 1 + int(np.argmax(values[1:] < 0))
        raise InputError(
            f"frame {at + 1} has no displacement that is zero or more",
            file=file,
            column=column,
            remedy="Run fMRIPrep again for this subject, or list it in fmri.quality.exclude.",
        )
    values[:1] = np.nan
    return values


def cut_segments(n_frames: int, frames: int, stride: int | None = None) -> list[tuple[int, int]]:
    """Starts and ends of whole segments.

    Examples
    --------
    >>> cut_segments(70, 32, 16)
    [(0, 32), (16, 48), (32, 64)]
    """
    step = frames if stride is None else stride
    return [(start, start + frames) for start in range(0, n_frames - frames + 1, step)]


def mean_fd(fd: np.ndarray, start: float, stop: float) -> float:
    """Mean displacement from frame `start` up to `stop`, the run's first frame left out."""
    some = fd[int(start) : max(math.ceil(stop), int(start) + 1)]
    some = some[~np.isnan(some)]
    return float(some.mean()) if some.size else float("nan")


def plan_segments(
    n_frames: int,
    tr: float,
    rules: Rules,
    span: tuple[int, int],
    fd: np.ndarray | None = None,
    fd_tr: float | None = None,
) -> pd.DataFrame:
    """Segments of a run and which of them are left out.

    Parameters
    ----------
    n_frames : int
        Frames as the encoder sees them.
    tr : float
        Their repetition time (s).
    rules : Rules
        Which segments count, and how they are pooled.
    span : tuple of int
        Fewest and most frames that the encoder takes.
    fd : ndarray, optional
        Displacement (mm) of the frames as they were recorded.
    fd_tr : float, optional
        Repetition time (s) of the recording, where the encoder's differs.

    Returns
    -------
    DataFrame
        ``start``, ``stop`` (frames), ``fd`` (mm), ``reason`` ("" if the segment counts).

    Raises
    ------
    InputError
        If the strategy's segments do not fit the encoder.
    """
    frames = rules.frames
    if rules.seconds is not None:
        frames = round(rules.seconds / tr)
    if frames is None:
        # What is shorter than the encoder's longest segment is taken as it is, if it may be.
        frames = span[1] if n_frames >= span[1] else max(n_frames, span[0])
    if not span[0] <= frames <= span[1]:
        raise InputError(
            f"segments of {frames} frames do not fit the encoder, which takes {span[0]}"
            + ("" if span[0] == span[1] else f" to {span[1]}"),
            column="frames",
            remedy="Correct the strategy's segment level.",
        )
    pairs = cut_segments(n_frames, frames, rules.stride)
    ratio = tr / (fd_tr or tr)
    table = pd.DataFrame(pairs, columns=["start", "stop"], dtype=int)
    table["fd"] = [
        float("nan") if fd is None else mean_fd(fd, a * ratio + 1e-6, b * ratio - 1e-6)
        for a, b in pairs
    ]
    return judge_segments(table, rules)


def judge_segments(table: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Add to segments with their ``fd`` why they are left out."""
    reason = pd.Series("", index=table.index, dtype=object)
    if rules.judges_segments:
        reason[table["fd"].isna()] = "segment without displacement"
    if rules.max_fd is not None:
        reason[table["fd"] > rules.max_fd] = f"segment above {rules.max_fd:g} mm"
    return table.assign(reason=reason)


def judge_run(segments: pd.DataFrame, rules: Rules, usable_seconds: float = math.inf) -> str:
    """Why a run is left out, or nothing.

    Parameters
    ----------
    segments : DataFrame
        From `plan_segments`.
    rules : Rules
        Which segments count, and how they are pooled.
    usable_seconds : float
        Time of frames that were not censored.
    """
    if usable_seconds < rules.min_seconds or usable_seconds == 0:
        return f"less than {rules.min_seconds:g} s of usable frames"
    if segments.empty:
        return "shorter than one segment"
    if rules.min_low_motion:
        low = (segments["fd"] <= rules.low_motion_fd).mean()
        if low < rules.min_low_motion:
            return f"fewer than {rules.min_low_motion:.0%} of segments with low motion"
    if (segments["reason"] != "").all():
        return "no segment left"
    return ""


def censor_frames(values: np.ndarray, censored: np.ndarray) -> np.ndarray:
    """Replace censored frames by the line between their neighbours, or the nearest at an end.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_parcels)
        Series of one run.
    censored : ndarray of bool, shape (n_frames,)
        Frames that are not counted.
    """
    if not censored.any() or censored.all():
        return values
    at, kept = np.flatnonzero(censored), np.flatnonzero(~censored)
    right = np.searchsorted(kept, at)
    low, high = kept[np.maximum(right - 1, 0)], kept[np.minimum(right, len(kept) - 1)]
    share = np.where(high > low, (at - low) / np.maximum(high - low, 1), 0.0)[:, None]
    out = values.astype(float, copy=True)
    out[at] = values[low] * (1 - share) + values[high] * share
    return out
