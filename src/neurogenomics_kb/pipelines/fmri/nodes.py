"""Nodes of the fMRI pipeline."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from neurogenomics_kb.brain.connectivity import (
    attempt_run,
    connect_run,
    edge_names,
    repetition_time,
)
from neurogenomics_kb.brain.motion import (
    group_mean_fd,
    mean_framewise_displacement,
    motion_quality,
)
from neurogenomics_kb.errors import InputError
from neurogenomics_kb.naming import SUBJECT, feature_name
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.fmri.parameters import ConnectivityParameters, FmriQuality
from neurogenomics_kb.pipelines.quality import keep_included, quality_table

logger = logging.getLogger(__name__)

Loader = Callable[[], pd.DataFrame]


def assess_quality(
    timeseries: dict[str, Loader],
    confounds: dict[str, Loader],
    group_motion: pd.DataFrame,
    quality: FmriQuality,
) -> pd.DataFrame:
    """Mean framewise displacement and frames of every subject, and who passes.

    Without time series, a group table of motion still gives a covariate.
    """
    if is_absent(timeseries, confounds):
        if is_absent(group_motion):
            return empty_table()
        metrics = group_mean_fd(group_motion).to_frame()
        too_much = metrics["mean_fd"] > quality.max_mean_fd
        reason = f"mean framewise displacement above {quality.max_mean_fd:g} mm"
        return quality_table("fmri", metrics, {reason: too_much}, quality.exclude)
    rows = {}
    for subject in _report(sorted({*timeseries, *confounds}), "motion"):
        known = subject in confounds
        table = confounds[subject]() if known else None
        rows[subject] = {
            "mean_fd": mean_framewise_displacement(table, subject=subject) if known else np.nan,
            "n_frames": len(table) if known else np.nan,
            "has_timeseries": subject in timeseries,
            "has_confounds": known,
        }
    runs = pd.DataFrame.from_dict(rows, orient="index").astype(
        {"has_timeseries": bool, "has_confounds": bool}
    )
    metrics, failures = motion_quality(
        runs, max_mean_fd=quality.max_mean_fd, min_frames=quality.min_frames
    )
    return quality_table("fmri", metrics, failures, quality.exclude)


def build_features(
    timeseries: dict[str, Loader],
    confounds: dict[str, Loader],
    sidecar: dict[str, Any],
    quality: pd.DataFrame,
    connectivity: ConnectivityParameters,
) -> pd.DataFrame:
    """Fisher-z connectivity of the subjects that pass."""
    if is_absent(timeseries, confounds):
        return empty_table()
    tr = repetition_time({} if is_absent(sidecar) else sidecar)
    subjects = quality.index[quality["included"]].tolist()
    options = connectivity.model_dump(exclude={"n_jobs"})
    arguments = [(timeseries[s], confounds[s], tr, s, options) for s in subjects]
    # Processes: filtering holds the interpreter's lock, so that threads would wait for each other.
    # A worker of Kedro's ParallelRunner is one of several already; workers of its own would keep it
    # waiting for minutes after the last node.
    inside_worker = multiprocessing.parent_process() is not None
    n_jobs = 1 if inside_worker else connectivity.n_jobs
    work = Parallel(n_jobs=n_jobs, return_as="generator")
    results = work(delayed(attempt_run)(*each) for each in arguments)
    parcels, rows = None, []
    for each, result in zip(
        arguments, _report(results, "connectivity", len(subjects)), strict=True
    ):
        names, edges = result or connect_run(*each)
        parcels = parcels or names
        if names != parcels:
            raise InputError(
                f"the parcels are not those of {subjects[0]} ({len(names)} against {len(parcels)})",
                file=f"time series of {each[3]}",
                remedy="Extract all subjects with one atlas.",
            )
        rows.append(edges)
    if not rows:
        return empty_table()
    columns = [feature_name("fmri", "connectivity", edge) for edge in edge_names(parcels)]
    features = pd.DataFrame(np.stack(rows), index=pd.Index(subjects, name=SUBJECT), columns=columns)
    return keep_included(features, quality)


def _report(items: Iterable, what: str, total: int | None = None) -> Iterator:
    """Pass items on, with a line in the log every hundred."""
    total = len(items) if total is None else total
    for number, item in enumerate(items, start=1):
        yield item
        if number % 100 == 0 or number == total:
            logger.info("fmri: %s of %d / %d subjects", what, number, total)
