"""Audit: is a block, or a feature of it, part of how the outcome was made?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.looking import Looked
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    ALL_AUC,
    ALL_R,
    HIGH_AUC,
    HIGH_R,
    LEVEL,
)
from neurogenomics_kb.stats.prediction.ceilings import maximal_auc, maximal_r, reliable_auc

ALONE_CHECK, BLOCK_CHECK = "feature alone", "block against outcome"
TYPICAL_CHECK, LEFT_CHECK = "typical feature", "in common beside the outcome"
HERITABILITY, RELIABILITY = "heritability ceiling", "reliability ceiling"
# Features of a block that tell the outcome best, in the table.
SHOWN = 3


def proxy_rows(audit: Audit, looked: Mapping[str, Looked]) -> list[dict]:
    """Every feature alone, every block as a whole, and what its features have in common.

    Confounds are taken out of the blocks, as in the run's models: what site or age tell is the
    matter of other checks.

    Parameters
    ----------
    audit : Audit
        What every check reads.
    looked : mapping of str to Looked
        What was seen in every block.
    """
    n_features = sum(len(each.names) for each in looked.values())
    rows = []
    for name, each in looked.items():
        rows += alone_rows(audit, name, each, n_features)
    worth = HIGH_R if audit.recipe.continuous else HIGH_AUC
    known = {"check": BLOCK_CHECK, "target": audit.recipe.experiment.outcome}
    lines = audit.judged_rows(
        [(known | {"block": b, "reference": audit.chance}, each.decoded)
         for b, each in looked.items()],
        worth,
    )  # fmt: skip
    for line, (name, each) in zip(lines, looked.items(), strict=True):
        # Against: the standard error, from which what the value surely exceeds follows.
        rows.append(line | {"reference": each.error, "chance": audit.chance})
        rows += structure_rows(audit, name, each)
        rows += ceiling_rows(audit, name, line["value"], each.error)
    return rows


def alone_rows(audit: Audit, name: str, looked: Looked, n_features: int) -> list[dict]:
    """The features of a block that tell the outcome best by themselves."""
    if not looked.names:
        return []
    least = ALL_R if audit.recipe.continuous else ALL_AUC
    scan = looked.distances.judged(n_features, LEVEL, least)
    best = np.argsort(-np.nan_to_num(scan.values), kind="stable")[:SHOWN]
    return [
        row(ALONE_CHECK, name, audit.recipe.experiment.outcome, float(scan.values[i]),
            audit.chance, unit=looked.names[i], p_adjusted=float(scan.p_values[i]),
            seen=scan.seen, detail=f"of {len(looked.names)} features")
        for i in best
    ]  # fmt: skip


def structure_rows(audit: Audit, name: str, looked: Looked) -> list[dict]:
    """What the features of a block have in common beside the outcome."""
    found = looked.structure
    if found is None:
        return []
    target = audit.recipe.experiment.outcome
    detail = f"of {len(looked.names)} features"
    return [
        row(TYPICAL_CHECK, name, target, found.typical, unit="median |z|", chance=0.67,
            detail=detail),
        row(LEFT_CHECK, name, target, found.left, found.error, unit="root mean square r",
            chance=0.0, detail=detail),
    ]  # fmt: skip


def ceiling_rows(audit: Audit, name: str, value: float, error: float) -> list[dict]:
    """What heritability and reliability, as the card states them, allow; empty without them."""
    recipe = audit.recipe
    column, target = recipe.columns[recipe.experiment.outcome], recipe.experiment.outcome
    rows = []
    stated = {RELIABILITY: column.reliability}
    if recipe.blocks[name].modality == "genomics":
        stated[HERITABILITY] = column.heritability
    for check, share in stated.items():
        bound = ceiling(check, share, column.prevalence, recipe.continuous)
        if share is None or recipe.multiclass or bound is None:
            missing = ["outcome of several classes"] if recipe.multiclass else [
                *([check.split()[0]] if share is None else []),
                *(["prevalence"] if column.prevalence is None and not recipe.continuous else []),
            ]  # fmt: skip
            rows.append(row(check, name, target, value, np.nan, detail=", ".join(missing)))
            continue
        told = f"{check.split()[0]} {share:g}"
        told += "" if recipe.continuous else f", prevalence {column.prevalence:g}"
        rows.append(row(check, name, target, value, bound, seen=error, unit=told))
    return rows


def ceiling(
    check: str, share: float | None, prevalence: float | None, continuous: bool
) -> float | None:
    """Largest AUC or correlation that a share of the outcome allows; None where not stated."""
    if share is None or (prevalence is None and not continuous):
        return None
    if continuous:
        return maximal_r(share)
    return (reliable_auc if check == RELIABILITY else maximal_auc)(share, prevalence)
