"""Audit of leakage and confounding: what the blocks give away beside the outcome.

Diagnostic, after the fact and on the same folds; its p-values are no part of the confirmatory
family of tests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.pipelines.integration.analyses.audit.relatives import (
    relative_rows,
    repeat_row,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import AUDIT, FREELY, WITHIN, row
from neurogenomics_kb.pipelines.integration.design import cluster_labels
from neurogenomics_kb.pipelines.integration.projection import fitted_blocks
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.audit import (
    FoldDecoder,
    association_p_value,
    cramers_v,
    decode,
    group_difference,
    label_permutations,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.prediction.folds import make_folds

logger = logging.getLogger(__name__)

MAX_PERMUTATIONS = 500
WATCHED_UNITS, TOP_UNITS = 10, 3
# AUROC lost without a unit that is worth asking about.
LARGE_LOSS = 0.02
# A unit is looked at closely when its calls are missing this much more often in one batch.
RATE_GAP = 0.10
ADJUSTED, UNADJUSTED = "confounds regressed out", "confounds left in"


@dataclass(frozen=True)
class _Audit:
    """What every check reads."""

    recipe: Recipe
    cohort: pd.DataFrame
    folds: np.ndarray
    families: np.ndarray | None
    n_permutations: int

    def relabel(self, strata: np.ndarray | None = None) -> np.ndarray:
        """Relabellings of families, inside strata if given."""
        return label_permutations(
            len(self.cohort),
            self.n_permutations,
            families=self.families,
            strata=strata,
            random_state=self.recipe.experiment.seed,
        )

    @property
    def outcome(self) -> np.ndarray:
        """Outcome of the analysed subjects: 0/1, a score, or names of classes."""
        values = self.cohort[self.recipe.experiment.outcome]
        return values.to_numpy(dtype=str if self.recipe.multiclass else float)

    def groups(self) -> dict[str, np.ndarray]:
        """Site and batch columns with more than one level, small levels taken together."""
        found = {c: merge_small(self.cohort[c].astype(str).to_numpy())
                 for c in self.recipe.audited_columns if c in self.cohort}  # fmt: skip
        return {c: v for c, v in found.items() if len(np.unique(v)) > 1}


def merge_small(labels: np.ndarray) -> np.ndarray:
    """Levels of few subjects as one; with the smallest other level, if still few."""
    levels, sizes = np.unique(labels, return_counts=True)
    order = np.argsort(sizes, kind="stable")
    n_small = int((sizes < MINIMUM_CELL).sum())
    if not n_small:
        return labels
    if sizes[order[:n_small]].sum() < MINIMUM_CELL:
        n_small += 1
    return np.where(np.isin(labels, levels[order[:n_small]]), "small ones together", labels)


def audit_run(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: dict[str, pd.DataFrame],
    folds: pd.Series,
    projections: dict[str, pd.DataFrame],
    metrics: pd.DataFrame,
    call_rates: pd.DataFrame,
    haplotypes: pd.DataFrame,
    attribution: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every check, as one tidy table.

    Its parameters are the tables that the checks read, which is why there are many.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people, named by the index.
    blocks : dict of str to DataFrame
        Raw features.
    folds : Series
        Test fold of every person.
    projections : dict of str to DataFrame
        Blocks as every fold sees them.
    metrics : DataFrame
        Metrics of the run, or of quality control.
    call_rates : DataFrame
        Share of missing calls, subjects by genes.
    haplotypes : DataFrame
        Who carries which sequence; empty where there are no genotypes.
    attribution : DataFrame, optional
        Leave-one-group-out losses, whose largest ones are looked at inside batches.

    Returns
    -------
    DataFrame
        `AUDIT_COLUMNS`; no row is about a subject.
    """
    experiment = recipe.experiment
    audit = _Audit(
        recipe,
        cohort,
        folds.loc[cohort.index].to_numpy(),
        cluster_labels(recipe, cohort),
        min(experiment.n_permutations, MAX_PERMUTATIONS),
    )
    rows = model_rows(recipe, metrics)
    decoders = {}
    for block in blocks:
        for variant in ("adjusted", "unadjusted"):
            parts = [
                projections[f"{block}-{variant}-{k}"].loc[cohort.index].to_numpy()
                for k in range(folds.nunique())
            ]
            decoders[block, variant] = FoldDecoder(parts, audit.folds)
    rows += decodability_rows(audit, decoders)
    rows += outcome_rows(audit, decoders)
    rows += fold_rows(audit, blocks)
    places = {"folds": audit.folds}
    if audit.families is not None:
        places["families"] = audit.families
    rows += relative_rows(cohort, haplotypes, places)
    rows += batch_rows(audit)
    for block, features in blocks.items():
        rates = missing_rates(recipe, block, features, call_rates)
        found, watched = missingness_rows(audit, block, rates)
        rows += found
        lost = units_of_large_loss(block, attribution)
        if not (recipe.continuous or recipe.multiclass):
            rows += unit_rows(audit, block, features, watched, lost)
    logger.info("audit: %d checks", len(rows))
    return pd.DataFrame(rows, columns=list(AUDIT.names))


def model_rows(recipe: Recipe, metrics: pd.DataFrame) -> list[dict]:
    """Models with their confounds in and out, and the covariates alone."""
    name = recipe.primary_metric
    first = recipe.experiment.algorithms[0]
    chosen = metrics[(metrics["metric"] == name) & (metrics["algorithm"] == first)]
    by_key = chosen.set_index(["model", "variant"])["value"]
    rows = []
    for model in chosen["model"].unique():
        value = by_key.get((model, "adjusted"), np.nan)
        rows.append(
            row("model", model, name, value, by_key.get((model, "unadjusted"), np.nan),
                detail="value: confounds regressed out of the blocks; reference: left in")
        )  # fmt: skip
    return rows


def decodability_rows(audit: _Audit, decoders: dict) -> list[dict]:
    """How well sites and batches are told from each block."""
    rows, relabelled = [], audit.relabel()
    for column, labels in audit.groups().items():
        for (block, variant), decoder in decoders.items():
            found = decode(decoder, labels, relabelled)
            rows.append(
                row("decodability", block, column, found.value, 0.5, found.p_value,
                    detail=ADJUSTED if variant == "adjusted" else UNADJUSTED)
            )  # fmt: skip
    return rows


def outcome_rows(audit: _Audit, decoders: dict) -> list[dict]:
    """The outcome's own decoding, against labels swapped freely and inside sites and batches."""
    rows = []
    continuous = audit.recipe.continuous
    outcome = audit.recipe.experiment.outcome
    schemes = [(FREELY, outcome, None), *((WITHIN, c, v) for c, v in audit.groups().items())]
    for scheme, target, strata in schemes:
        try:
            relabelled = audit.relabel(strata)
        except InputError as error:  # nothing may change places
            logger.warning("audit: outcome swapped %s %s: %s", scheme, target, error)
            continue
        for (block, variant), decoder in decoders.items():
            found = decode(decoder, audit.outcome, relabelled, continuous=continuous)
            rows.append(
                row("outcome, labels swapped", block, target, found.value, found.null_mean,
                    found.p_value, scheme=scheme,
                    detail=ADJUSTED if variant == "adjusted" else UNADJUSTED)
            )  # fmt: skip
    return rows


def fold_rows(audit: _Audit, blocks: dict[str, pd.DataFrame]) -> list[dict]:
    """Duplicates across folds, and whether a block tells the fold."""
    rows = []
    recipe, cohort = audit.recipe, audit.cohort
    labels = pd.Series(audit.folds, index=cohort.index, name="fold")
    families = None
    if audit.families is not None:
        families = pd.Series(audit.families, index=cohort.index, name="family")
    second = make_folds(
        labels,
        scheme="stratified" if families is None else "stratified_grouped",
        n_splits=min(5, int(labels.value_counts().min())),
        groups=families,
        seed=recipe.experiment.seed + 1,
    ).loc[cohort.index]
    relabelled = audit.relabel()
    expected = recipe.experiment.folds.scheme == "leave_site_out"
    for block, features in blocks.items():
        rows.append(repeat_row(block, features, audit.folds))
        parts = fitted_blocks(recipe, block, features, cohort, second, residualize=False)
        found = decode(decoder_of(parts, second.to_numpy()), audit.folds.astype(str), relabelled)
        rows.append(
            row("which fold", block, "fold", found.value, 0.5, found.p_value,
                detail="expected: folds are sites" if expected else "")
        )  # fmt: skip
    return rows


def decoder_of(parts: list[pd.DataFrame], folds: np.ndarray) -> FoldDecoder:
    """Decoder of a block's features as every fold sees them."""
    return FoldDecoder([part.to_numpy() for part in parts], folds)


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


def missingness_rows(
    audit: _Audit,
    block: str,
    rates: pd.DataFrame,
) -> tuple[list[dict], list[str]]:
    """Is missing data structured by batch? Rows, and the units in which it is."""
    rates = rates.loc[:, np.ptp(rates.to_numpy(), axis=0) > 0]
    rows = []
    if rates.shape[1]:
        decoder, continuous = FoldDecoder(rates.to_numpy(), audit.folds), audit.recipe.continuous
        found = decode(decoder, audit.outcome, audit.relabel(), continuous=continuous)
        rows.append(row("missingness alone", block, audit.recipe.experiment.outcome, found.value,
                        0.0 if continuous else 0.5, found.p_value))  # fmt: skip
    watched = {}
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
            if difference.p_values[u] < audit.recipe.experiment.alpha and gap >= RATE_GAP:
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


def batch_rows(audit: _Audit) -> list[dict]:
    """Do cases and controls, or classes, share sites and batches evenly?"""
    rows = []
    if audit.recipe.continuous:
        return rows
    relabelled = audit.relabel()
    for column, labels in audit.groups().items():
        rows.append(
            row("batch by outcome", "", column, cramers_v(labels, audit.outcome), 0.0,
                association_p_value(labels, audit.outcome, relabelled))
        )  # fmt: skip
        if not audit.recipe.multiclass:
            rows += share_rows(audit, column, labels)
    return rows


def share_rows(audit: _Audit, column: str, labels: np.ndarray) -> list[dict]:
    """Share of cases and of controls in every batch that is not a small cell."""
    case = audit.outcome > 0.5
    return [
        row("share of outcome classes", "", column, float((labels[case] == level).mean()),
            float((labels[~case] == level).mean()), unit=level)
        for level in np.unique(labels)
        if min((labels[case] == level).sum(), (labels[~case] == level).sum()) >= MINIMUM_CELL
    ]  # fmt: skip


def unit_rows(
    audit: _Audit, block: str, features: pd.DataFrame, missing: list[str], lost: list[str]
) -> list[dict]:
    """What units are worth overall, and among subjects of one batch.

    Units that are missing by batch are looked at with confounds left in and regressed out, units
    of large loss as the attribution has them, regressed out.
    """
    rows, y = [], audit.outcome
    folds = pd.Series(audit.folds, index=audit.cohort.index)
    missing = list(dict.fromkeys(missing))[:WATCHED_UNITS]
    plans = {UNADJUSTED: missing, ADJUSTED: list(dict.fromkeys([*missing, *lost]))}
    for detail, wanted in plans.items():
        if not wanted or not audit.groups():
            continue
        parts = fitted_blocks(
            audit.recipe, block, features, audit.cohort, folds, residualize=detail == ADJUSTED
        )
        full = decoder_of(parts, audit.folds).scores(y[:, None])[:, 0]
        for unit in wanted:
            # Filters act in the fold, so each fold has its own columns of the unit.
            own = [units_of(part.columns).get(unit, []) for part in parts]
            if not all(own) or any(len(c) == p.shape[1] for p, c in zip(parts, own, strict=True)):
                continue
            without = [p.drop(columns=p.columns[c]) for p, c in zip(parts, own, strict=True)]
            alone = [p.iloc[:, c] for p, c in zip(parts, own, strict=True)]
            left = decoder_of(without, audit.folds).scores(y[:, None])[:, 0]
            single = decoder_of(alone, audit.folds).scores(y[:, None])[:, 0]
            for column, strata in audit.groups().items():
                rows += [
                    row(f"unit {name}", block, column, value, error, unit=unit, detail=detail)
                    for name, (value, error) in unit_values(
                        audit, full, left, single, strata
                    ).items()
                ]
    return rows


def unit_values(
    audit: _Audit, full: np.ndarray, left: np.ndarray, single: np.ndarray, strata: np.ndarray
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
