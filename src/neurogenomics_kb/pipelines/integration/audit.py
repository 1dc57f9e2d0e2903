"""Audit of leakage and confounding: what the blocks give away beside the outcome.

Diagnostic, after the fact and on the same folds; its p-values are no part of the confirmatory
family of tests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.genome.relatedness import FIRST_DEGREE, MAX_NOISE, relationship_matrix
from neurogenomics_kb.naming import units_of
from neurogenomics_kb.pipelines.integration.canonical import cluster_labels, covariates_for
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.audit import (
    FoldDecoder,
    association_p_value,
    cramers_v,
    decode,
    group_difference,
    identical_rows,
    label_permutations,
    stratified_auc,
)
from neurogenomics_kb.stats.folds import fold_splits, make_folds

logger = logging.getLogger(__name__)

AUDIT_COLUMNS = ["check", "block", "target", "unit", "value", "reference", "p_value", "detail"]
MAX_PERMUTATIONS = 500
TOP_UNITS = 3
# Above this many subjects the pairs no longer fit in memory; use KING or PLINK beforehand.
MAX_RELATED = 5000
# Genomic relationship that only the same person (or an identical twin) has.
SAME = 0.85
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
        """Outcome of the analysed subjects."""
        return self.cohort[self.recipe.experiment.outcome].to_numpy(dtype=float)

    def groups(self) -> dict[str, np.ndarray]:
        """Site and batch columns with more than one level."""
        found = {c: self.cohort[c].astype(str).to_numpy() for c in self.recipe.audited_columns
                 if c in self.cohort}  # fmt: skip
        return {c: v for c, v in found.items() if len(np.unique(v)) > 1}


def row(check, block, target, value, reference=np.nan, p_value=np.nan, *, unit="", detail=""):
    """One line of the audit table."""
    values = (check, block, target, unit, value, reference, p_value, detail)
    return dict(zip(AUDIT_COLUMNS, values, strict=True))


def audit_run(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: dict[str, pd.DataFrame],
    folds: pd.Series,
    projections: dict[str, pd.DataFrame],
    metrics: pd.DataFrame,
    call_rates: pd.DataFrame,
    haplotypes: pd.DataFrame,
) -> pd.DataFrame:
    """Every check, as one tidy table.

    Parameters
    ----------
    recipe : Recipe
    cohort : DataFrame
    blocks : dict of str to DataFrame
        Raw features.
    folds : Series
    projections : dict of str to DataFrame
    metrics : DataFrame
    call_rates : DataFrame
        Share of missing calls, subjects by genes.
    haplotypes : DataFrame
        Who carries which sequence; empty where there are no genotypes.

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
    rows += relative_rows(audit, haplotypes)
    rows += batch_rows(audit)
    for block, features in blocks.items():
        rates = missing_rates(recipe, block, features, call_rates)
        rows += missingness_rows(audit, block, features, rates)
    logger.info("audit: %d checks", len(rows))
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS)


def model_rows(recipe: Recipe, metrics: pd.DataFrame) -> list[dict]:
    """Models with their confounds in and out, and the covariates alone."""
    name = "r2" if recipe.continuous else "auroc"
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
    schemes = {"freely": None, **{f"within {c}": v for c, v in audit.groups().items()}}
    for scheme, strata in schemes.items():
        relabelled = audit.relabel(strata)
        for (block, variant), decoder in decoders.items():
            found = decode(decoder, audit.outcome, relabelled, continuous=continuous)
            rows.append(
                row("outcome, labels swapped", block, scheme, found.value, found.null_mean,
                    found.p_value, detail=ADJUSTED if variant == "adjusted" else UNADJUSTED)
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
        pairs = identical_rows(features.to_numpy(dtype=float), audit.folds)
        rows.append(row("duplicates across folds", block, "pairs", float(pairs), 0.0))
        parts = fitted_blocks(recipe, block, features, cohort, second, residualize=False)
        found = decode(decoder_of(parts, second.to_numpy()), audit.folds.astype(str), relabelled)
        rows.append(
            row("which fold", block, "fold", found.value, 0.5, found.p_value,
                detail="expected: folds are sites" if expected else "")
        )  # fmt: skip
    return rows


def relative_rows(audit: _Audit, haplotypes: pd.DataFrame) -> list[dict]:
    """Pairs across folds that carry one person's or close relatives' sequences."""
    if haplotypes.empty or len(audit.cohort) > MAX_RELATED:
        return []
    own = haplotypes[haplotypes["sample"].isin(audit.cohort.index)]
    samples, relationship, noise = relationship_matrix(own)
    place = audit.cohort.index.get_indexer(samples)
    inside = place >= 0
    relationship = relationship[np.ix_(inside, inside)]
    folds = audit.folds[place[inside]]
    across = np.triu(folds[:, None] != folds[None, :], 1)
    rows = [
        row(
            "same person across folds", "", "pairs", float((relationship > SAME)[across].sum()), 0.0
        )
    ]
    if noise <= MAX_NOISE:
        related = (relationship > FIRST_DEGREE)[across].sum()
        rows.append(row("relatives across folds", "", "pairs", float(related), 0.0))
    else:
        rows.append(
            row("relatives across folds", "", "pairs", np.nan, 0.0,
                detail=f"not told: relationships of unrelated pairs vary by {noise:.2f} with "
                f"{own['region_id'].nunique()} regions, {MAX_NOISE:g} is needed")
        )  # fmt: skip
    return rows


def fitted_blocks(recipe, block, features, cohort, folds: pd.Series, *, residualize: bool):
    """A block's features as every fold sees them, projector left out."""
    covariates = covariates_for(recipe, cohort)
    table = pd.concat([features, covariates], axis=1)
    parts = []
    for train, _ in fold_splits(folds):
        transformer = build_transformer(
            recipe, block, covariates.columns, residualize=residualize, project=False
        )
        parts.append(transformer.fit(table.iloc[train]).transform(table))
    return parts


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
    features: pd.DataFrame,
    rates: pd.DataFrame,
) -> list[dict]:
    """Is missing data structured by batch, and is a unit's signal that structure?"""
    rates = rates.loc[:, np.ptp(rates.to_numpy(), axis=0) > 0]
    rows = []
    if rates.shape[1] and not audit.recipe.continuous:
        decoder = FoldDecoder(rates.to_numpy(), audit.folds)
        found = decode(decoder, audit.outcome, audit.relabel())
        rows.append(row("missingness alone", block, audit.recipe.experiment.outcome, found.value,
                        0.5, found.p_value))  # fmt: skip
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
                watched.setdefault(unit, []).append((column, levels[worst]))
    if watched and not audit.recipe.continuous:
        rows += unit_rows(audit, block, features, watched)
    return rows


def batch_rows(audit: _Audit) -> list[dict]:
    """Do cases and controls share sites and batches evenly?"""
    rows = []
    if audit.recipe.continuous:
        return rows
    relabelled = audit.relabel()
    for column, labels in audit.groups().items():
        rows.append(
            row("batch by outcome", "", column, cramers_v(labels, audit.outcome), 0.0,
                association_p_value(labels, audit.outcome, relabelled))
        )  # fmt: skip
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


def unit_rows(audit: _Audit, block: str, features, watched: dict) -> list[dict]:
    """What watched units are worth overall, and among subjects of one batch."""
    rows, y = [], audit.outcome
    folds = pd.Series(audit.folds, index=audit.cohort.index)
    for residualize in (False, True):
        detail = ADJUSTED if residualize else UNADJUSTED
        parts = fitted_blocks(
            audit.recipe, block, features, audit.cohort, folds, residualize=residualize
        )
        full = decoder_of(parts, audit.folds).scores(y[:, None])[:, 0]
        for unit, places in list(watched.items())[:TOP_UNITS]:
            # Filters act in the fold, so each fold has its own columns of the unit.
            own = [units_of(part.columns).get(unit, []) for part in parts]
            if not all(own):
                continue
            without = [p.drop(columns=p.columns[c]) for p, c in zip(parts, own, strict=True)]
            alone = [p.iloc[:, c] for p, c in zip(parts, own, strict=True)]
            left = decoder_of(without, audit.folds).scores(y[:, None])[:, 0]
            single = decoder_of(alone, audit.folds).scores(y[:, None])[:, 0]
            for column, _ in places:
                strata = audit.cohort[column].astype(str).to_numpy()
                values = {
                    "loss without it": stratified_auc(y, full, audit.folds)
                    - stratified_auc(y, left, audit.folds),
                    "loss without it, batch held fixed": stratified_auc(
                        y, full, audit.folds, strata
                    )
                    - stratified_auc(y, left, audit.folds, strata),
                    "alone": stratified_auc(y, single, audit.folds),
                    "alone, batch held fixed": stratified_auc(y, single, audit.folds, strata),
                }
                rows += [
                    row(f"unit {name}", block, column, value, unit=unit, detail=detail)
                    for name, value in values.items()
                ]
    return rows
