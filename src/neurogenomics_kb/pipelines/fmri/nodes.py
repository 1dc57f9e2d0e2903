"""Nodes of the fMRI pipeline."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.atlas import load_atlas
from neurogenomics_kb.brain.connectivity import (
    connect_run,
    repetition_time,
    unit_names,
)
from neurogenomics_kb.brain.motion import (
    group_mean_fd,
    mean_framewise_displacement,
    motion_quality,
)
from neurogenomics_kb.brain.series import looked_through, missing_parcels
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.loops import iterate_loop
from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.fmri.acquisition import (
    censoring_of,
    check_parcels,
    denoise_options,
    parcel_card,
    wanted_kinds,
)
from neurogenomics_kb.pipelines.fmri.caching import (
    connect_once,
    connectivity_cache,
    series_of_volumes,
)
from neurogenomics_kb.pipelines.fmri.parameters import ConnectivityParameters, FmriQuality
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)

Loader = Callable[[], pd.DataFrame]


def _seconds_between_frames(sidecar: dict[str, Any]) -> float:
    """Repetition time (s) that the sidecar states; refused without one."""
    return repetition_time({} if is_absent(sidecar) else sidecar)


def average_parcels(
    volumes: dict[str, Callable[[], Any]],
    atlas: dict[str, Any],
    sidecar: dict[str, Any],
    recipe: Recipe,
    quality: FmriQuality,
    connectivity: ConnectivityParameters,
) -> dict[str, Loader]:
    """Parcel series of a cohort that has images and an atlas, made one subject at a time."""
    if is_absent(volumes) or is_absent(atlas):
        return {}
    wanted = {s: load for s, load in volumes.items() if s not in quality.exclude}
    tr = _seconds_between_frames(sidecar)
    return series_of_volumes(wanted, atlas, tr, parcel_card(recipe), connectivity.cache)


def assess_quality(
    timeseries: dict[str, Loader],
    parcels: dict[str, Loader],
    confounds: dict[str, Loader],
    sidecar: dict[str, Any],
    group_motion: pd.DataFrame,
    recipe: Recipe,
    quality: FmriQuality,
) -> pd.DataFrame:
    """Mean framewise displacement and frames of every subject, and who passes.

    Without time series, a group table of motion still gives a covariate.
    """
    series = parcels or timeseries
    if is_absent(series, confounds):
        if is_absent(group_motion):
            return empty_table()
        metrics = group_mean_fd(group_motion).to_frame()
        too_much = metrics["mean_fd"] > quality.max_mean_fd
        reason = f"mean framewise displacement above {quality.max_mean_fd:g} mm"
        return quality_table("fmri", metrics, {reason: too_much}, quality.exclude)
    card = parcel_card(recipe)
    censoring = censoring_of(card)
    tr = _seconds_between_frames(sidecar) if censoring else np.nan
    rows = {}
    for subject in _report(sorted({*series, *confounds}), "motion"):
        known = subject in confounds
        table = confounds[subject]() if known else None
        rows[subject] = {
            "mean_fd": mean_framewise_displacement(table, subject=subject) if known else np.nan,
            "n_frames": len(table) if known else np.nan,
            "has_timeseries": subject in series,
            "has_confounds": known,
        }
        if censoring:
            kept = censoring.kept(table, subject=subject).sum() if known else np.nan
            rows[subject]["usable_s"] = kept * tr
    runs = pd.DataFrame.from_dict(rows, orient="index").astype(
        {"has_timeseries": bool, "has_confounds": bool}
    )
    censor = None if card is None else card.find("censor")
    metrics, failures = motion_quality(
        runs,
        max_mean_fd=quality.max_mean_fd,
        min_frames=quality.min_frames,
        min_usable_s=censor.min_usable_s if censor else None,
    )
    return quality_table("fmri", metrics, failures, quality.exclude)


def build_features(
    timeseries: dict[str, Loader],
    parcels: dict[str, Loader],
    confounds: dict[str, Loader],
    sidecar: dict[str, Any],
    atlas: dict[str, Any],
    quality: pd.DataFrame,
    recipe: Recipe,
    connectivity: ConnectivityParameters,
) -> pd.DataFrame:
    """Connectivity of the subjects that pass, in the kinds that parameters and recipe name."""
    plan = plan_connectivity(
        timeseries, parcels, confounds, sidecar, atlas, quality, recipe, connectivity
    )
    if plan is None:
        return empty_table()
    arguments, kinds = plan.arguments, plan.kinds
    subjects = [each[3] for each in arguments]
    results = iterate_loop(
        functools.partial(_connect, connectivity_cache(connectivity.cache)),
        arguments,
        label="fmri: connectivity",
        n_jobs=connectivity.n_jobs,
    )
    names, table = None, np.empty((0, 0), np.float32)
    for row, (each, result) in enumerate(
        zip(arguments, _report(results, "connectivity", len(subjects)), strict=True)
    ):
        found, features = result or connect_run(*each)
        if names is None:
            names = found
            check_parcels(parcel_card(recipe), atlas, plan.parcels or names, each[3])
            # Filled in place: a list of rows would hold everything twice at the end.
            table = np.empty((len(subjects), sum(map(len, features.values()))), np.float32)
        if found != names:
            raise InputError(
                f"the parcels are not those of {subjects[0]} ({len(found)} against {len(names)})",
                file=f"time series of {each[3]}",
                remedy="Extract all subjects with one atlas.",
            )
        np.concatenate([features[kind] for kind in kinds], out=table[row])
    if names is None:
        return empty_table()
    columns = [
        feature_name("fmri", kind, unit)
        for kind in kinds
        for unit in unit_names(kind, names, plan.networks)
    ]
    index = pd.Index(subjects, name=SUBJECT)
    return keep_included(pd.DataFrame(table, index=index, columns=columns), quality)


def _connect(cache, arguments: tuple) -> Any:
    return connect_once(cache, *arguments)


@dataclass(frozen=True)
class ConnectivityPlan:
    """Runs to connect, and what is known before the first.

    Parameters
    ----------
    arguments : list of tuple
        Of `connect_run`, by subject; the fourth is the subject.
    kinds : list of str
        Kinds of connectivity.
    parcels : list of str
        All parcels, where some may be left out for everybody; empty otherwise.
    networks : dict of str to str, optional
        Parcel to network.
    """

    arguments: list[tuple]
    kinds: list[str]
    parcels: list[str]
    networks: dict[str, str] | None


def plan_connectivity(
    timeseries: dict[str, Loader],
    parcels: dict[str, Loader],
    confounds: dict[str, Loader],
    sidecar: dict[str, Any],
    atlas: dict[str, Any],
    quality: pd.DataFrame,
    recipe: Recipe,
    connectivity: ConnectivityParameters,
) -> ConnectivityPlan | None:
    """Runs of the subjects that pass, ready to be connected; None in a cohort that has none."""
    series = parcels or timeseries
    if is_absent(series, confounds):
        return None
    tr = _seconds_between_frames(sidecar)
    subjects = quality.index[quality["included"]].tolist()
    card, kinds = parcel_card(recipe), wanted_kinds(recipe, connectivity.kinds)
    here = {s: series[s] for s in subjects}
    parcels_of_all, missing = find_missing(here, connectivity)
    here = looked_through(here, missing)
    options = denoise_options(card, connectivity)
    networks = None
    if "network" in kinds and not is_absent(atlas):
        networks = load_atlas(atlas).networks
    arguments = [(here[s], confounds[s], tr, s, options, kinds, networks) for s in subjects]
    return ConnectivityPlan(arguments, kinds, parcels_of_all, networks)


def find_missing(
    series: dict[str, Loader], connectivity: ConnectivityParameters
) -> tuple[list[str], dict[str, int]]:
    """All parcels, and those that some lack, where they are to be left out for everybody."""
    if connectivity.missing_parcels == "error":
        return [], {}
    parcels, missing = missing_parcels(series, max_share=connectivity.max_missing_parcels)
    if missing:
        told = listing(f"{parcel} ({n})" for parcel, n in missing.items())
        logger.warning(
            "fmri: %d of %d parcels have no signal in some of %d subjects and are left out for "
            "all: %s",
            len(missing), len(parcels), len(series), told,
        )  # fmt: skip
    return parcels, missing


def _report(items: Iterable, what: str, total: int | None = None) -> Iterator:
    """Pass items on, with a line in the log every hundred."""
    total = len(items) if total is None else total
    for number, item in enumerate(items, start=1):
        yield item
        if number % 100 == 0 or number == total:
            logger.info("fmri: %s of %d / %d subjects", what, number, total)
