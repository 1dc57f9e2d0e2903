"""Head motion during a functional run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.confounds import measured
from neurogenomics_kb.brain.image_quality import refuse_repeated, subjects_of
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import require_columns, require_finite_numbers

GROUP_TABLE = "fmri.group_motion"


def mean_framewise_displacement(
    confounds: pd.DataFrame, column: str = "framewise_displacement", *, subject: str = ""
) -> float:
    """Mean framewise displacement (mm) of a run.

    Displacement compares a frame with the one before it, so the first frame has none (``n/a`` in
    fMRIPrep's tables) and does not count.

    Parameters
    ----------
    confounds : DataFrame, n_frames rows
        Nuisance table of a run.
    column : str
        Column of framewise displacement (Power et al., NeuroImage 2012).
    subject : str
        Whose table it is, for messages.

    Raises
    ------
    InputError
        If the column is absent or not numeric, or a frame after the first has no value.
    """
    displacement = measured(confounds, column, subject)
    values = displacement[~np.isnan(displacement)]
    return float(values.mean()) if values.size else float("nan")


def motion_quality(
    runs: pd.DataFrame,
    *,
    max_mean_fd: float = 0.5,
    min_frames: int = 100,
    min_usable_s: float | None = None,
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Quality metrics of every subject, and who fails for which reason.

    Parameters
    ----------
    runs : DataFrame
        Index of subject ids; ``mean_fd`` (mm), ``n_frames``, ``has_timeseries``, ``has_confounds``;
        ``usable_s``, the seconds that are left after censoring, where frames are censored.
    max_mean_fd : float
        Subjects above it (mm) fail.
    min_frames : int
        Subjects with fewer frames fail.
    min_usable_s : float, optional
        Subjects with fewer seconds left after censoring fail.

    Returns
    -------
    metrics : DataFrame
        ``mean_fd``, ``n_frames``, and ``usable_s`` where it was given.
    failures : dict of str to Series of bool
        Reason to who fails.
    """
    censored = "usable_s" in runs
    metrics = runs[["mean_fd", "n_frames"] + ["usable_s"] * censored].astype(float)
    metrics.index.name = SUBJECT
    both = runs["has_timeseries"] & runs["has_confounds"]
    failures = {
        "no confounds": ~runs["has_confounds"],
        "no time series": ~runs["has_timeseries"],
        f"mean framewise displacement above {max_mean_fd:g} mm": metrics["mean_fd"] > max_mean_fd,
        f"fewer than {min_frames} frames": metrics["n_frames"] < min_frames,
        "no framewise displacement": both & metrics["mean_fd"].isna(),
    }
    if censored:
        nothing = metrics["usable_s"] == 0
        failures["all frames censored"] = nothing
        if min_usable_s is not None:
            too_short = metrics["usable_s"] < min_usable_s
            failures[f"less than {min_usable_s:g} s left after censoring"] = too_short & ~nothing
    return metrics, failures


def group_mean_fd(table: pd.DataFrame) -> pd.Series:
    """Mean framewise displacement of every subject from MRIQC's ``group_bold.tsv``.

    Parameters
    ----------
    table : DataFrame
        One row per run: ``bids_name`` and ``fd_mean`` (mm).

    Returns
    -------
    Series
        ``mean_fd`` (mm), averaged over a subject's runs, index ``subject_id``.

    Raises
    ------
    InputError
        If a column is missing, a run's name does not begin with a subject, or a value is no
        displacement.
    """
    require_columns(table, ("bids_name", "fd_mean"), GROUP_TABLE)
    subjects = subjects_of(table["bids_name"], GROUP_TABLE, "sub-01_task-rest_bold", "runs")
    refuse_repeated(table["bids_name"], GROUP_TABLE, "bids_name")
    numbers = require_finite_numbers(table["fd_mean"], GROUP_TABLE, "fd_mean")
    if (numbers < 0).any():
        raise InputError(
            f"{numbers[numbers < 0].iloc[0]:g} is no displacement in mm",
            file=GROUP_TABLE,
            column="fd_mean",
            subjects=int(subjects[numbers < 0].nunique()),
            of=int(subjects.nunique()),
            remedy="Correct the values, or code missing ones as n/a.",
        )
    return numbers.groupby(subjects).mean().rename("mean_fd").rename_axis(SUBJECT)
