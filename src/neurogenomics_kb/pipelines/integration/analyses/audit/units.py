"""Audit: missing data, and units whose worth goes with a batch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.pipelines.integration.analyses.audit.context import (
    ADJUSTED,
    UNADJUSTED,
    Audit,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.looking import UnitScores
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import LEVEL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.audit import (
    FoldDecoder,
    decode,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.inference.group_shares import group_difference

WATCHED_UNITS, TOP_UNITS = 10, 3
# AUROC lost without a unit that is worth asking about.
LARGE_LOSS = 0.02
# A unit is looked at closely when its calls are missing this much more often in one batch.
RATE_GAP = 0.10


def missing_rates(
    recipe: Recipe, block: str, features: pd.DataFrame, call_rates: pd.DataFrame
) -> pd.DataFrame:
    """Share of missing data per subject and unit: genotype calls of genes, else features."""
    units = units_of(features.columns)
    strategy = recipe.blocks[block]
    if strategy.modality == "genomics" and strategy.encoder and not call_rates.empty:
        known = [unit for unit in units if unit in call_rates]
        return call_rates.reindex(features.index)[known]
    gaps = features.isna().to_numpy()
    return pd.DataFrame(
        {unit: gaps[:, columns].mean(axis=1) for unit, columns in units.items()},
        index=features.index,
    )


def varying(rates: pd.DataFrame) -> pd.DataFrame:
    """Units whose share of missing data differs between people."""
    return rates.loc[:, np.ptp(rates.to_numpy(), axis=0) > 0]


def missingness_rows(audit: Audit, rates: dict[str, pd.DataFrame]) -> list[dict]:
    """Does missing data alone tell the outcome? Of blocks that have any.

    Parameters
    ----------
    audit : Audit
        What every check reads.
    rates : dict of str to DataFrame
        From `missing_rates`, by block.
    """
    found, continuous = [], audit.recipe.continuous
    for block, own in rates.items():
        own = varying(own)
        if own.shape[1]:
            decoder = FoldDecoder(own.to_numpy(), audit.folds)
            decoded = decode(decoder, audit.outcome, audit.relabel(), continuous=continuous)
            known = {"check": "missingness alone", "block": block, "reference": audit.chance,
                     "target": audit.recipe.experiment.outcome}  # fmt: skip
            found.append((known, decoded))
    return audit.judged_rows(found, audit.worth)


def missing_by_batch(audit: Audit, block: str, rates: pd.DataFrame) -> tuple[list[dict], list[str]]:
    """Is missing data structured by batch? Rows, and the units in which it is."""
    rates, rows, watched = varying(rates), [], {}
    # No relabelling may come near where there are fewer than the level needs.
    level = max(LEVEL, 1 / (audit.n_permutations + 1))
    for column, labels in audit.groups().items():
        relabelled = audit.relabel()
        if not rates.shape[1]:
            continue
        levels, difference = group_difference(rates.to_numpy(), labels, relabelled)
        for u, unit in enumerate(rates.columns):
            worst = int(difference.rates[u].argmax())
            others = labels != levels[worst]
            elsewhere = float(rates[unit].to_numpy()[others].mean())
            gap = difference.rates[u, worst] - elsewhere
            if difference.p_values[u] <= level * (1 + 1e-9) and gap >= RATE_GAP:
                rows.append(
                    row("missing calls by batch", block, column, difference.rates[u, worst],
                        elsewhere, difference.p_values[u], unit=unit, detail=levels[worst])
                )  # fmt: skip
                watched[unit] = max(gap, watched.get(unit, 0.0))
    return rows, sorted(watched, key=watched.__getitem__, reverse=True)


def units_of_large_loss(block: str, attribution: pd.DataFrame | None) -> list[str]:
    """The block's units whose absence costs most."""
    if attribution is None or attribution.empty:
        return []
    own = attribution[(attribution["block"] == block) & (attribution["level"] == "unit")]
    return list(own.nlargest(TOP_UNITS, "delta").query("delta >= @LARGE_LOSS")["unit"])


def watched_units(audit: Audit, missing: list[str], lost: list[str]) -> dict[str, list[str]]:
    """Units that are looked at, by whether confounds are left in or regressed out.

    Units that are missing by batch are looked at both ways, units of large loss as the attribution
    has them, regressed out.
    """
    if audit.recipe.continuous or audit.recipe.multiclass or not audit.groups():
        return {UNADJUSTED: [], ADJUSTED: []}
    missing = list(dict.fromkeys(missing))[:WATCHED_UNITS]
    return {UNADJUSTED: missing, ADJUSTED: list(dict.fromkeys([*missing, *lost]))}


def unit_rows(audit: Audit, block: str, detail: str, watch: UnitScores) -> list[dict]:
    """What units are worth overall, and among subjects of one batch."""
    return [
        row(f"unit {name}", block, column, value, error, unit=unit, detail=detail)
        for unit, (left, single) in watch.of.items()
        for column, strata in audit.groups().items()
        for name, (value, error) in unit_values(audit, watch.full, left, single, strata).items()
    ]


def unit_values(
    audit: Audit, full: np.ndarray, left: np.ndarray, single: np.ndarray, strata: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Losses and single AUCs, overall and inside strata, with standard errors over families."""
    y, folds = audit.outcome, audit.folds

    def auc(scores: np.ndarray, inside: np.ndarray | None) -> np.ndarray:
        value, influence = stratified_auc_influence(y, scores, folds, inside)
        return np.append(influence, value)

    loss, fixed = (auc(full, s) - auc(left, s) for s in (None, strata))
    found = {
        "loss without it": loss,
        "loss without it, batch held fixed": fixed,
        "loss that goes with the batch": loss - fixed,
        "alone": auc(single, None),
        "alone, batch held fixed": auc(single, strata),
    }
    clusters = np.arange(len(y)) if audit.families is None else audit.families
    codes = np.unique(clusters, return_inverse=True)[1]
    return {
        name: (float(v[-1]), float(np.sqrt((np.bincount(codes, v[:-1]) ** 2).sum())))
        for name, v in found.items()
    }
