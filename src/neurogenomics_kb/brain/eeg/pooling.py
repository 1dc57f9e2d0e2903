"""Runs to waves: one row per subject and session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.eeg.runs import Run
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT

WAVE = "wave_id"
RUN_METRICS = [
    "sfreq", "n_channels", "n_unplaced", "n_bad_listed", "n_flat", "n_deviating", "n_uncorrelated",
    "n_bad_channels", "n_segments", "n_noisy_segments", "n_flat_segments", "n_marked_segments",
    "n_clean_segments", "n_bands_left_out",
]  # fmt: skip


def tabulate_runs(runs: Sequence[Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Quality and features of runs as tables.

    Parameters
    ----------
    runs : sequence of Run
        Processed recordings.

    Returns
    -------
    quality : DataFrame
        One row per recording (index ``recording``): `SUBJECT`, `WAVE`, `RUN_METRICS`, ``reason``,
        ``problem``.
    features : DataFrame
        Same rows; NaN where a recording cannot be used.

    Raises
    ------
    InputError
        If none can be used.
    """
    usable = [run for run in runs if run.features]
    if not usable:
        raise InputError(
            f"none of {len(runs)} recordings can be used; first: {runs[0].problem}",
            file="eeg.recordings",
            remedy="If they all fail alike, correct the parameters rather than the recordings.",
        )
    index = pd.Index([run.recording.name for run in runs], name="recording")
    quality = pd.DataFrame([run.counts for run in runs], index=index, columns=RUN_METRICS)
    quality = quality.astype(float)
    quality["n_clean_segments"] = quality["n_clean_segments"].fillna(0.0)
    quality.insert(0, SUBJECT, [run.recording.subject for run in runs])
    quality.insert(1, WAVE, [run.recording.session for run in runs])
    quality["reason"] = pd.Series([run.reason for run in runs], index=index, dtype=str)
    quality["problem"] = pd.Series([run.problem for run in runs], index=index, dtype=str)
    columns = list(dict.fromkeys(name for run in usable for name in run.features))
    features = pd.DataFrame([run.features for run in runs], index=index, columns=columns)
    return quality, features.astype(float)


def pool_runs(quality: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Means over the runs of each subject and wave, weighted by clean segments.

    Parameters
    ----------
    quality, features : DataFrame
        As from `tabulate_runs`.

    Returns
    -------
    DataFrame
        Index `SUBJECT`, `WAVE`, sorted; a feature that some runs lack is the mean of the others.
    """
    keys = [quality[SUBJECT], quality[WAVE]]
    weight = quality["n_clean_segments"].to_numpy()[:, None]
    values = features.to_numpy()
    known = np.isfinite(values) * weight
    frame = pd.DataFrame(np.where(known > 0, values, 0) * known, columns=features.columns)
    total = pd.DataFrame(known, columns=features.columns)
    keys = [key.to_numpy() for key in keys]
    summed, weights = frame.groupby(keys).sum(), total.groupby(keys).sum()
    pooled = summed / weights.where(weights > 0)
    return pooled.rename_axis([SUBJECT, WAVE])


def wave_quality(
    quality: pd.DataFrame, *, min_clean_segments: int
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Quality of every subject and wave, and who fails for which reason.

    Parameters
    ----------
    quality : DataFrame
        As from `tabulate_runs`.
    min_clean_segments : int
        Smallest number of clean segments over the runs of a wave.

    Returns
    -------
    metrics : DataFrame
        Index `SUBJECT`, `WAVE`: ``n_runs``, ``n_usable_runs``, ``n_segments``,
        ``n_clean_segments``, ``share_clean``, ``n_bad_channels`` (mean over runs), ``n_unplaced``.
    failures : dict of str to Series of bool
        Reason to who fails.
    """
    usable = quality["reason"] == ""
    grouped = quality.assign(usable=usable).groupby([SUBJECT, WAVE])
    metrics = pd.DataFrame(
        {
            "n_runs": grouped.size().astype(float),
            "n_usable_runs": grouped["usable"].sum().astype(float),
            "n_segments": grouped["n_segments"].sum(),
            "n_clean_segments": grouped["n_clean_segments"].sum(),
            "n_bad_channels": grouped["n_bad_channels"].mean(),
            "n_unplaced": grouped["n_unplaced"].mean(),
        }
    )
    metrics.insert(
        4,
        "share_clean",
        metrics["n_clean_segments"] / metrics["n_segments"].where(metrics["n_segments"] > 0),
    )
    unusable = metrics["n_usable_runs"] == 0
    failures: dict[str, pd.Series] = {}
    for reason in sorted(set(quality["reason"]) - {""}):
        hit = (quality["reason"] == reason).groupby([quality[SUBJECT], quality[WAVE]]).any()
        failures[reason] = hit & unusable
    few = metrics["n_clean_segments"] < min_clean_segments
    failures[f"fewer than {min_clean_segments} clean segments"] = few & ~unusable
    return metrics, failures


def choose_wave(waves: Sequence[str], session: str | None) -> str:
    """Wave that stands for the subjects where a table holds one row each.

    Parameters
    ----------
    waves : sequence of str
        Session of every recording, "" where the layout has none.
    session : str, optional
        The one wanted, with or without ``ses-``.

    Raises
    ------
    InputError
        If there are several and none is named, or the named one does not occur.
    """
    known = sorted(set(waves))
    if session is None:
        if len(known) > 1:
            raise InputError(
                f"recordings are of {len(known)} sessions ({listing(w or 'none' for w in known)})",
                column="eeg.waves.session",
                remedy="Name one; eeg.wave_features holds all of them whichever it is.",
            )
        return known[0]
    wanted = f"ses-{session.removeprefix('ses-')}"
    if wanted not in known:
        raise InputError(
            f"no recording is of session '{session}'",
            column="eeg.waves.session",
            remedy=f"There are {listing(w or 'recordings without session' for w in known)}.",
        )
    return wanted
