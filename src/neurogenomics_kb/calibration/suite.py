"""Scenarios, and the counting of what came out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from scipy import stats

from neurogenomics_kb.calibration.alarms import OutcomeBlock, audit_alarms, proxy_alarms
from neurogenomics_kb.calibration.clusters import (
    Clusters,
    cluster_p_values,
    compare_over_repeats,
    curve_p_values,
)
from neurogenomics_kb.calibration.cohorts import CohortSettings
from neurogenomics_kb.calibration.coverage import (
    Population,
    association_coverage,
    compare_equal_procedures,
    continuous_coverage,
    locked_coverage,
    prediction_coverage,
)
from neurogenomics_kb.calibration.family import family_p_values
from neurogenomics_kb.calibration.ladder import NullLadder, ladder_p_values
from neurogenomics_kb.calibration.maps import MapSettings, map_p_values
from neurogenomics_kb.calibration.methods import (
    feature_p_values,
    joint_p_values,
    related_p_values,
)
from neurogenomics_kb.calibration.runs import (
    attribution_p_values,
    audit_p_values,
    canonical_p_values,
    outcome_p_values,
)
from neurogenomics_kb.calibration.scenario import Scenario
from neurogenomics_kb.calibration.scenarios import VIOLATIONS
from neurogenomics_kb.calibration.shards import run_shards
from neurogenomics_kb.calibration.violations import WARNING
from neurogenomics_kb.simulate.outcome_blocks import DiffuseBlock, SymptomScales

logger = logging.getLogger(__name__)

ALPHA = 0.05
CONFIDENCE = 0.99
COLUMNS = ["scenario", "kind", "question", "cohorts", "hits", "rate", "low", "high", "verdict"]


PLAIN = CohortSettings(n=120, sites=1, ancestry=0, confounding=0.5)
CONFOUNDED = CohortSettings(n=120, ancestry=30, confounding=1.5)
SITES = CohortSettings(n=160, sites=4, confounding=2.0)
FAMILIES = CohortSettings(n=180, sites=4, family_sizes=(2, 3, 4))
MIXED = CohortSettings(n=180, sites=4, family_sizes=(1, 1, 2, 3, 4), missing=0.2)
WIDE = CohortSettings(n=640, genes=64, features_per_gene=8, regions=20, sites=4)
LARGE = (1, 1, 2, 3, 4, 8)
CURVED = CohortSettings(n=200, sites=4, confounding=0.7)
FIRST = ("CCA, first component", "CCA, held-out correlation",
         "naive: permuted residuals, first component")  # fmt: skip
RELATED = Population(n=240, family_sizes=(2, 3, 4))
RARE = Population(n=300, cases=0.15, effect=1.2)
CONTINUOUS = Population(effect=0.5)

SCENARIOS: dict[str, Scenario] = {
    "independent people": Scenario(PLAIN, canonical_p_values),
    "35 confounds on both sides": Scenario(CONFOUNDED, canonical_p_values),
    "four sites": Scenario(SITES, canonical_p_values),
    "families of 2–4, four sites": Scenario(FAMILIES, canonical_p_values),
    "families, 20 % missing": Scenario(MIXED, canonical_p_values),
    "512 features": Scenario(WIDE, canonical_p_values),
    "Roy's root": Scenario(SITES, canonical_p_values, experiment={"statistic": "roy"}),
    "heavy tails, normal scores": Scenario(
        replace(CONFOUNDED, tails=2.0), canonical_p_values, experiment={"normal_scores": True}
    ),
    "ridge chosen inside": Scenario(
        SITES, canonical_p_values, experiment={"regularisation": "ridge"}
    ),
    "dimension chosen inside": Scenario(
        SITES,
        canonical_p_values,
        experiment={"regularisation": "pca", "regularisation_grid": [2, 4, 8]},
    ),
    "true first axis": Scenario(
        replace(SITES, gene_brain=1.5), canonical_p_values, true_kinds=FIRST
    ),
    "weak axis": Scenario(replace(PLAIN, gene_brain=0.5), canonical_p_values, question="power"),
    "weak axis, Roy's root": Scenario(
        replace(PLAIN, gene_brain=0.5),
        canonical_p_values,
        question="power",
        experiment={"statistic": "roy"},
    ),
    "outcome, four sites": Scenario(SITES, outcome_p_values),
    "outcome, families of 2–4": Scenario(FAMILIES, outcome_p_values),
    "LOGO, families of 2–4": Scenario(FAMILIES, attribution_p_values),
    "LOGO, four sites": Scenario(SITES, attribution_p_values),
    "LOGO, two genes carry signal": Scenario(
        replace(SITES, gene_outcome=1.0),
        attribution_p_values,
        true_kinds=(
            "LOGO, family-wise over genes",
            "naive: LOGO by Wilcoxon over folds, smallest q",
        ),
    ),
    "whole run, four sites": Scenario(SITES, family_p_values),
    "whole run, weak axis": Scenario(
        replace(PLAIN, gene_brain=0.5), family_p_values, question="power"
    ),
    "audit, families of 2–4": Scenario(replace(FAMILIES, missing=0.05), audit_p_values),
    "audit, clean cohort": Scenario(replace(PLAIN, n=150, sites=4, confounding=0.0), audit_alarms),
    **{
        f"audit, {name}": Scenario(OutcomeBlock(block), proxy_alarms)
        for name, block in {
            "scales that reach 0.95": SymptomScales(auc=0.95),
            "scales that reach 0.80": SymptomScales(auc=0.80),
            "diffuse block that reaches 0.93": DiffuseBlock(auc=0.975),
            "diffuse block that reaches 0.80": DiffuseBlock(auc=0.90),
        }.items()
    },
    "equal procedures": Scenario(Population(), compare_equal_procedures),
    "equal procedures, families": Scenario(RELATED, compare_equal_procedures),
    "prediction": Scenario(Population(), prediction_coverage, "coverage"),
    "prediction, nothing to predict": Scenario(
        Population(effect=0.0), prediction_coverage, "coverage"
    ),
    "prediction, families": Scenario(RELATED, prediction_coverage, "coverage"),
    "prediction, 15 % cases": Scenario(RARE, prediction_coverage, "coverage"),
    "score": Scenario(CONTINUOUS, continuous_coverage, "coverage"),
    "score, families": Scenario(
        replace(CONTINUOUS, n=240, family_sizes=(2, 3, 4)), continuous_coverage, "coverage"
    ),
    "locked model": Scenario(Population(), locked_coverage, "coverage"),
    "locked model, families": Scenario(RELATED, locked_coverage, "coverage"),
    "association": Scenario(Population(), association_coverage, "coverage"),
    "association, families": Scenario(RELATED, association_coverage, "coverage"),
    "LOGO, families of 1–8": Scenario(
        replace(FAMILIES, family_sizes=LARGE, family=0.8), attribution_p_values
    ),
    **{
        f"{n} clusters, alike by {likeness}": Scenario(
            Clusters(n, likeness=likeness), cluster_p_values
        )
        for n in (8, 12, 20, 30, 47)
        for likeness in (0.4, 0.8)
    },
    "equal procedures, ten repeats": Scenario(Population(), compare_over_repeats),
    "equal procedures, ten repeats, families of 1–8": Scenario(
        Population(n=240, family_sizes=LARGE), compare_over_repeats
    ),
    "prediction, confounds are lines": Scenario(CURVED, curve_p_values),
    "prediction, age² in blocks and outcome": Scenario(
        CURVED,
        curve_p_values,
        experiment={"curve": 0.6},
        true_kinds=("change of the comparison with curves",),
    ),
    **VIOLATIONS,
}

# Features of axes, maps of regions, growth, and other ways to relate blocks.
SCENARIOS |= {
    "features, four sites": Scenario(SITES, feature_p_values),
    "features, families of 2–4": Scenario(FAMILIES, feature_p_values),
    "features, true first axis": Scenario(
        replace(SITES, gene_brain=1.5),
        feature_p_values,
        true_kinds=tuple(f"features of the first axis, {b} with it" for b in ("gene", "brain")),
    ),
    "features of the second axis, true first axis": Scenario(
        replace(SITES, gene_brain=1.5), feature_p_values, experiment={"n_components": 2}
    ),
    "ridge per side chosen inside": Scenario(
        SITES, related_p_values, experiment={"regularisation": "ridge per side"}
    ),
    "partial least squares": Scenario(
        SITES, related_p_values, experiment={"regularisation": "pls"}
    ),
    "partial least squares, true first axis": Scenario(
        replace(SITES, gene_brain=1.5),
        related_p_values,
        experiment={"regularisation": "pls"},
        true_kinds=("first component",),
    ),
    "three blocks": Scenario(SITES, joint_p_values),
    "three blocks, families of 2–4": Scenario(FAMILIES, joint_p_values),
    "three blocks, two share an axis": Scenario(
        replace(SITES, gene_brain=1.5),
        joint_p_values,
        true_kinds=("axis in common, first component", "block in a common axis, related"),
    ),
    "smooth maps, Moran": Scenario(MapSettings(), map_p_values),
    "smooth maps, spins": Scenario(
        MapSettings(), map_p_values, experiment={"spatial_null": "spin"}
    ),
    "smooth maps, spins to the nearest": Scenario(
        MapSettings(), map_p_values, experiment={"spatial_null": "spin nearest"}
    ),
    "ladder, nothing to find": Scenario(NullLadder(), ladder_p_values),
    "ladder, nothing to find, families of 1–4": Scenario(
        NullLadder(families=True), ladder_p_values
    ),
    "ladder, late fusion takes all there is": Scenario(NullLadder(effect=1.0), ladder_p_values),
    "ladder, missing blocks follow the outcome": Scenario(
        NullLadder(missing=True), ladder_p_values
    ),
}


def run_scenario(
    name: str,
    scenario: Scenario,
    *,
    cohorts: int,
    first_seed: int = 0,
    n_jobs: int = 1,
    shards: Path | None = None,
) -> pd.DataFrame:
    """Simulate cohorts and count.

    Parameters
    ----------
    name : str
        Name, as the messages and tables have it.
    scenario : Scenario
        What is simulated, and which tests are looked at.
    cohorts : int
        Number of cohorts.
    first_seed : int
        Cohort i has seed ``first_seed + i``.
    n_jobs : int
        Processes at a time. Default 1.
    shards : Path, optional
        Folder in which parts are kept until the scenario is counted, so that a stopped
        measurement goes on where it was.

    Returns
    -------
    DataFrame
        One row per kind.
    """
    one = partial(_quiet, scenario.run, scenario.settings, **scenario.experiment)
    words = f"{name} {scenario.run.__module__}.{scenario.run.__qualname__} {scenario!r}"
    found = run_shards(
        one,
        cohorts=cohorts,
        first_seed=first_seed,
        n_jobs=n_jobs,
        folder=shards,
        recipe=words.replace(repr(scenario.run), ""),
    )
    rows = []
    for kind in found.columns:
        values = found[kind].dropna()
        question = question_of(scenario, kind)
        counted = question in ("coverage", "warning")
        hits = int(values.sum() if counted else (values <= ALPHA).sum())
        rows.append({"scenario": name, "kind": kind, "question": question,
                     **judge(hits, len(values), question, kind)})  # fmt: skip
    logger.info("%s: %d cohorts", name, cohorts)
    return pd.DataFrame(rows, columns=COLUMNS)


def question_of(scenario: Scenario, kind: str) -> str:
    """What the values of one kind are in a scenario."""
    if kind.startswith(WARNING):
        return "warning"
    return "power" if kind in scenario.true_kinds else scenario.question


def _quiet(run, settings, seed, **experiment):
    with (
        warnings.catch_warnings(),
        sklearn.config_context(assume_finite=True, skip_parameter_validation=True),
    ):
        warnings.simplefilter("ignore")
        return run(settings, seed, **experiment)


def judge(hits: int, cohorts: int, question: str, kind: str) -> dict[str, Any]:
    """Rate with its exact 99 % interval, and whether it is what it should be.

    Returns
    -------
    dict
        ``verdict`` is "calibrated", "conservative" or "too many" for a null and a violation;
        "covers", "too few" or "too wide" for coverage; empty for power and warnings.
    """
    interval = stats.binomtest(hits, cohorts).proportion_ci(CONFIDENCE, "exact")
    rate = hits / cohorts
    if question in ("null", "violation"):
        low, high = stats.binom.ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], cohorts, ALPHA)
        verdict = "too many" if hits > high else "conservative" if hits < low else "calibrated"
    elif question == "coverage":
        verdict = "too few" if rate < 0.93 else "too wide" if rate > 0.97 else "covers"
    else:
        verdict = ""
    return {"cohorts": cohorts, "hits": hits, "rate": rate, "low": interval.low,
            "high": interval.high, "verdict": verdict}  # fmt: skip


def is_naive(kind: str) -> bool:
    """Whether a kind is shown only to fail."""
    return kind.startswith("naive")


def run_suite(
    names: list[str] | None = None,
    *,
    cohorts: int = 1000,
    n_jobs: int = 2,
    done: pd.DataFrame | None = None,
    save: Callable[[pd.DataFrame], None] | None = None,
    shards: Path | None = None,
) -> pd.DataFrame:
    """All scenarios, one after the other; those that `done` holds with as many cohorts are kept.

    Returns
    -------
    DataFrame
    """
    table = pd.DataFrame(columns=COLUMNS) if done is None else done
    for name in names or list(SCENARIOS):
        if name not in SCENARIOS:
            raise KeyError(f"no scenario {name!r}; there are {list(SCENARIOS)}")
        old = table[table["scenario"] == name]
        if len(old) and old["cohorts"].max() >= cohorts and names is None:
            continue
        fresh = run_scenario(name, SCENARIOS[name], cohorts=cohorts, n_jobs=n_jobs, shards=shards)
        parts = [part for part in (table[table["scenario"] != name], fresh) if len(part)]
        table = pd.concat(parts, ignore_index=True)
        if save is not None:
            save(table)
    order = {name: i for i, name in enumerate(SCENARIOS)}
    return table.sort_values("scenario", key=lambda s: s.map(order), kind="stable",
                             ignore_index=True)  # fmt: skip


def rate_in(table: pd.DataFrame, scenario: str, kind: str) -> float:
    """Rate of one kind in one scenario."""
    row = table[(table["scenario"] == scenario) & (table["kind"] == kind)]
    return float(row["rate"].iloc[0]) if len(row) else np.nan
