"""Audit: subjects who occur twice, and relatives, on both sides of a fold boundary."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.genome.related_pairs import count_relatives, count_same
from neurogenomics_kb.genome.relatedness import (
    FIRST_DEGREE,
    MAX_NOISE,
    SAME,
    genotype_concordance,
    relationship_matrix,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import ONE_ROW, count_row, row
from neurogenomics_kb.pipelines.integration.design import ancestry_columns
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.stats.inference.near_rows import ALL_PAIRS, MISSED
from neurogenomics_kb.stats.inference.repeats import (
    NEAR,
    commonest_row,
    expected_repeats,
    identical_rows,
    paired_subjects,
    repeat_tolerance,
)

# Up to this many subjects a table of all pairs is made, above it the pairs are counted in tiles.
MAX_RELATED = 2000
# More pairs than this that are expected to be equal by chance, and equal rows say nothing.
CHANCE_REPEATS = 0.01


# What was looked at, where not everybody was: a check of a draw says nothing of the rest.
FOUND = "equal rows are all found, near ones all but one in {of:,}"
DRAWN = "not told of the rest: pairs of {of:,} subjects, drawn from {n:,}, were looked at"


def repeat_row(block: str, features: pd.DataFrame, folds: np.ndarray) -> dict:
    """Equal, or nearly equal, features on both sides of a fold boundary."""
    check = "duplicates across folds"
    X = features.to_numpy(dtype=float)
    units = units_of(features.columns)
    if expected_repeats(X, units.values()) > CHANCE_REPEATS:
        detail = f"not told, since rows of {len(units)} such units are equal by chance"
        return row(check, block, "pairs", np.nan, 0.0, detail=detail)
    tolerance, shared = repeat_tolerance(X), commonest_row(X)
    if tolerance < NEAR and shared >= MINIMUM_CELL:
        # Scores that are functions of items: all who were without a complaint have one row.
        detail = f"not told, since {shared} subjects {ONE_ROW}: the floor of its scales, or a copy"
        return row(check, block, "pairs", np.nan, 0.0, detail=detail)
    found = FOUND.format(of=MISSED) if tolerance >= NEAR and len(X) > ALL_PAIRS else ""
    return count_row(check, block, identical_rows(X, folds, tolerance=tolerance), found)


def relative_rows(
    cohort: pd.DataFrame, haplotypes: pd.DataFrame, places: dict[str, np.ndarray]
) -> list[dict]:
    """Pairs apart in folds or families that carry one person's or close relatives' sequences.

    Parameters
    ----------
    cohort : DataFrame
        Analysed people, named by the index.
    haplotypes : DataFrame
        Who carries which sequence; empty where there are no genotypes.
    places : dict of str to ndarray (n,)
        ``folds``, and ``families`` where they are known.
    """
    own = haplotypes
    if not haplotypes.empty:
        own = haplotypes[haplotypes["sample"].isin(cohort.index)]
    if own.empty:
        return []
    n_regions = own["region_id"].nunique()
    components = ancestry_columns(cohort)
    ancestry = cohort[components].dropna() if components else None
    if len(cohort) <= MAX_RELATED:
        same, clearance, related, noise = _by_table(cohort, own, ancestry, places)
    else:
        drawn = cohort.index[paired_subjects(len(cohort))]
        labels = {name: pd.Series(v, cohort.index).loc[drawn] for name, v in places.items()}
        own = own[own["sample"].isin(drawn)]
        same, clearance = count_same(own, labels["folds"])
        related, noise = count_relatives(own, labels, ancestry)
    rows = [same_row(same, clearance, n_regions)]
    caveat = "" if components else "ancestry unknown: people of one ancestry may look related"
    for name in places:
        check = f"relatives across {name}"
        if noise <= MAX_NOISE:
            rows.append(count_row(check, "", related[name], caveat))
        else:
            detail = (
                f"not told, since relationships of unrelated pairs vary by {noise:.2f} with "
                f"{n_regions} regions and {MAX_NOISE:.2f} is needed"
            )
            rows.append(row(check, "", "pairs", np.nan, 0.0, detail=detail))
    if len(paired_subjects(len(cohort))) < len(cohort):
        untold = DRAWN.format(of=len(paired_subjects(len(cohort))), n=len(cohort))
        checks = [r["check"] for r in rows]
        rows += [row(check, "", "pairs", np.nan, 0.0, detail=untold) for check in checks]
    return rows


def same_row(count: int, clearance: float, n_regions: int) -> dict:
    """Pairs of one person's genotypes, or why these are not told from chance."""
    check = "same person across folds"
    if clearance < SAME:
        return count_row(check, "", count)
    detail = (
        f"not told, since unrelated pairs agree in up to {clearance:.0%} of {n_regions} regions"
    )
    return row(check, "", "pairs", np.nan, 0.0, detail=detail)


def _by_table(cohort, own, ancestry, places) -> tuple[int, float, dict[str, int], float]:
    """Counts and noise from tables of all pairs."""

    def across(labels: np.ndarray, samples: list[str]) -> np.ndarray:
        mine = np.asarray(labels)[cohort.index.get_indexer(samples)]
        return np.triu(mine[:, None] != mine[None, :], 1)

    samples, concordance, clearance = genotype_concordance(own)
    same = int((concordance >= SAME)[across(places["folds"], samples)].sum())
    samples, relationship, noise = relationship_matrix(own, ancestry)
    related = {
        name: int((relationship > FIRST_DEGREE)[across(labels, samples)].sum())
        for name, labels in places.items()
    }
    return same, clearance, related, noise
