"""Audit: subjects who occur twice, and relatives, on both sides of a fold boundary."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.genome.relatedness import (
    FIRST_DEGREE,
    MAX_NOISE,
    SAME,
    genotype_concordance,
    relationship_matrix,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import ONE_ROW, count_row, row
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.stats.inference.audit import (
    NEAR,
    commonest_row,
    expected_repeats,
    identical_rows,
    repeat_tolerance,
)

# Above this many subjects the pairs no longer fit in memory; use KING or PLINK beforehand.
MAX_RELATED = 5000
# Columns of participants that hold ancestry components.
ANCESTRY = re.compile(r"^(ancestry_|genetic_)?pc_?\d+$", re.IGNORECASE)
# More pairs than this that are expected to be equal by chance, and equal rows say nothing.
CHANCE_REPEATS = 0.01


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
    return count_row(check, block, identical_rows(X, folds, tolerance=tolerance))


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
    if own.empty or len(cohort) > MAX_RELATED:
        return []

    def across(labels: np.ndarray, samples: list[str]) -> np.ndarray:
        mine = np.asarray(labels)[cohort.index.get_indexer(samples)]
        return np.triu(mine[:, None] != mine[None, :], 1)

    n_regions = own["region_id"].nunique()
    samples, concordance, clearance = genotype_concordance(own)
    check = "same person across folds"
    if clearance < SAME:
        rows = [count_row(check, "", (concordance >= SAME)[across(places["folds"], samples)].sum())]
    else:
        detail = (
            f"not told, since unrelated pairs agree in up to {clearance:.0%} of {n_regions} regions"
        )
        rows = [row(check, "", "pairs", np.nan, 0.0, detail=detail)]
    components = [c for c in cohort if ANCESTRY.match(str(c))]
    ancestry = cohort[components].dropna() if components else None
    samples, relationship, noise = relationship_matrix(own, ancestry)
    caveat = "" if components else "ancestry unknown: people of one ancestry may look related"
    for name, labels in places.items():
        check = f"relatives across {name}"
        if noise <= MAX_NOISE:
            related = (relationship > FIRST_DEGREE)[across(labels, samples)].sum()
            rows.append(count_row(check, "", related, caveat))
        else:
            detail = (
                f"not told, since relationships of unrelated pairs vary by {noise:.2f} with "
                f"{n_regions} regions and {MAX_NOISE:.2f} is needed"
            )
            rows.append(row(check, "", "pairs", np.nan, 0.0, detail=detail))
    return rows
