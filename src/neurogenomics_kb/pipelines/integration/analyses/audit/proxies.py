"""Audit: is a block, or a feature of it, part of how the outcome was made?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    ALL_AUC,
    ALL_R,
    FEWEST_SCALES,
    HIGH_AUC,
    HIGH_R,
    LEVEL,
)
from neurogenomics_kb.stats.inference.audit import (
    Decoded,
    FoldDecoder,
    decode,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.inference.target_proxy import one_factor, scan_features
from neurogenomics_kb.stats.prediction.ceilings import maximal_auc, maximal_r, reliable_auc
from neurogenomics_kb.stats.prediction.folds import NEVER_TESTED

ALONE_CHECK, BLOCK_CHECK = "feature alone", "block against outcome"
TYPICAL_CHECK, LEFT_CHECK = "typical feature", "in common beside the outcome"
HERITABILITY, RELIABILITY = "heritability ceiling", "reliability ceiling"
# Features of a block that tell the outcome best, in the table.
SHOWN = 3


@dataclass(frozen=True)
class _Tested:
    """A block on the people who are tested, confounds taken out in their folds."""

    names: list[str]
    values: np.ndarray
    outcome: np.ndarray
    folds: np.ndarray


def proxy_rows(audit: Audit) -> list[dict]:
    """Every feature alone, every block as a whole, and what its features have in common.

    Confounds are taken out of the blocks, as in the run's models: what site or age tell is the
    matter of other checks.
    """
    blocks = {block: tested_block(audit, block) for block in audit.blocks}
    n_features = sum(len(block.names) for block in blocks.values())
    rows = []
    for name, block in blocks.items():
        rows += alone_rows(audit, name, block, n_features)
    decoded = {name: block_decoded(audit, name) for name in blocks}
    worth = HIGH_R if audit.recipe.continuous else HIGH_AUC
    known = {"check": BLOCK_CHECK, "target": audit.recipe.experiment.outcome}
    for line, (name, block) in zip(
        audit.judged_rows(
            [(known | {"block": b, "reference": audit.chance}, d[0]) for b, d in decoded.items()],
            worth,
        ),
        blocks.items(),
        strict=True,
    ):
        error = decoded[name][1]
        # Against: the standard error, from which what the value surely exceeds follows.
        rows.append(line | {"reference": error, "chance": audit.chance})
        rows += structure_rows(audit, name, block)
        rows += ceiling_rows(audit, name, line["value"], error)
    return rows


def tested_block(audit: Audit, name: str) -> _Tested:
    """A block on its tested people."""
    frame = audit.tested(name)
    tested = audit.folds != NEVER_TESTED
    return _Tested(
        list(frame.columns), frame.to_numpy()[tested], audit.outcome[tested], audit.folds[tested]
    )


def alone_rows(audit: Audit, name: str, block: _Tested, n_features: int) -> list[dict]:
    """The features of a block that tell the outcome best by themselves."""
    if not block.names:
        return []
    scan = scan_features(
        block.values,
        block.outcome,
        block.folds,
        _within(audit),
        continuous=audit.recipe.continuous,
        n_tests=n_features,
        level=LEVEL,
        least=ALL_R if audit.recipe.continuous else ALL_AUC,
    )
    best = np.argsort(-np.nan_to_num(scan.values), kind="stable")[:SHOWN]
    return [
        row(ALONE_CHECK, name, audit.recipe.experiment.outcome, float(scan.values[i]),
            audit.chance, unit=block.names[i], p_adjusted=float(scan.p_values[i]), seen=scan.seen,
            detail=f"of {len(block.names)} features")
        for i in best
    ]  # fmt: skip


def _within(audit: Audit) -> np.ndarray:
    """Relabellings of the tested people: those of all, less who only trains."""
    tested = np.flatnonzero(audit.folds != NEVER_TESTED)
    if len(tested) == len(audit.folds):
        return audit.relabel()
    rng = np.random.default_rng(audit.recipe.experiment.seed)
    draws = [rng.permutation(len(tested)) for _ in range(audit.n_permutations)]
    return np.vstack([np.arange(len(tested)), *draws])


def block_decoded(audit: Audit, name: str) -> tuple[Decoded, float]:
    """The outcome decoded from all features, and the standard error over families."""
    parts = audit.fitted(name, audit.folds, residualize=True)
    decoder = FoldDecoder([part.to_numpy() for part in parts], audit.folds)
    decoded = decode(decoder, audit.outcome, audit.relabel(), continuous=audit.recipe.continuous)
    n = int((audit.folds != NEVER_TESTED).sum())
    if audit.recipe.multiclass:
        return decoded, decoded.tail.spread  # about that under the null
    if audit.recipe.continuous:
        return decoded, float((1 - decoded.value**2) / np.sqrt(max(n - 3, 1)))
    scores = decoder.scores(audit.outcome[:, None])[:, 0]
    tested = audit.folds != NEVER_TESTED
    _, influence = stratified_auc_influence(
        audit.outcome[tested], scores[tested], audit.folds[tested]
    )
    clusters = np.arange(n) if audit.families is None else audit.families[tested]
    codes = np.unique(clusters, return_inverse=True)[1]
    return decoded, float(np.sqrt((np.bincount(codes, influence) ** 2).sum()))


def structure_rows(audit: Audit, name: str, block: _Tested) -> list[dict]:
    """What the features of a block have in common beside the outcome."""
    if len(block.names) < FEWEST_SCALES:
        return []
    outcome = block.outcome
    if audit.recipe.multiclass:
        outcome = (outcome[:, None] == np.unique(outcome)[None, :]).astype(float)
    found = one_factor(block.values, outcome, random_state=audit.recipe.experiment.seed)
    target = audit.recipe.experiment.outcome
    detail = f"of {len(block.names)} features"
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
