"""Audit: what linear decoders read from a block that they should not."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.context import (
    ADJUSTED,
    VARIANTS,
    Audit,
    decoder_of,
    refused,
    shows,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import (
    FREELY,
    OWN_FOLDS,
    WITHIN,
    row,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    WORTH_AUC,
    WORTH_V,
)
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.stats.inference.audit import (
    UNDEFINED,
    FoldDecoder,
    decode,
)
from neurogenomics_kb.stats.inference.group_shares import uneven_groups
from neurogenomics_kb.stats.prediction.folds import make_folds

logger = logging.getLogger(__name__)

Decoders = dict[tuple[str, str], FoldDecoder]


def run_decoders(audit: Audit, projections: dict[str, pd.DataFrame]) -> Decoders:
    """Decoders of every block and variant on the run's own folds and projections."""
    n_folds = len(FoldDecoder.splits_of(audit.folds))
    return {
        (block, variant): decoder_of(
            [projections[f"{block}-{variant}-{k}"].loc[audit.cohort.index] for k in range(n_folds)],
            audit.folds,
        )
        for block in audit.blocks
        for variant in VARIANTS
    }


def own_decoders(audit: Audit, labels: np.ndarray) -> Decoders:
    """Decoders on folds that are stratified by the labels, the blocks fitted in these folds."""
    folds = audit.own_folds(labels)
    return {
        (block, variant): decoder_of(
            audit.fitted(block, folds, residualize=variant == "adjusted"), folds
        )
        for block in audit.blocks
        for variant in VARIANTS
    }


def decodability_rows(audit: Audit, decoders: Decoders) -> list[dict]:
    """How well sites, batches, cohorts and waves are told from each block."""
    found, refusals = [], []
    for column, labels in audit.identities().items():
        known = {"check": "decodability", "target": column, "reference": 0.5}
        mine, scheme = decoders, ""
        try:
            if not shows(audit.folds, labels):
                mine, scheme = own_decoders(audit, labels), OWN_FOLDS
            relabelled = audit.relabel_column(labels)
        except InputError as error:
            logger.warning("audit: %s cannot be decoded: %s", column, error)
            refusals += [
                row(**known, block=b, value=np.nan, unit=refused(error), detail=ADJUSTED)
                for b in audit.blocks
            ]
            continue
        for (block, variant), decoder in mine.items():
            place = {"block": block, "scheme": scheme, "detail": VARIANTS[variant]}
            found.append((known | place, decode(decoder, labels, relabelled)))
    # The verdict reads what is left once confounds are regressed out: half of the rows.
    return audit.judged_rows(found, WORTH_AUC, len(found) // 2) + refusals


def outcome_rows(audit: Audit, decoders: Decoders) -> list[dict]:
    """The outcome's own decoding, against labels swapped freely and inside sites and batches."""
    found = []
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
            decoded = decode(decoder, audit.outcome, relabelled, continuous=continuous)
            known = {"check": "outcome, labels swapped", "block": block, "target": target,
                     "reference": decoded.null_mean, "scheme": scheme,
                     "detail": VARIANTS[variant]}  # fmt: skip
            found.append((known, decoded))
    return audit.judged_rows(found, audit.worth, len(decoders))


def fold_rows(audit: Audit) -> list[dict]:
    """Whether a block tells the fold that a person is in."""
    recipe, cohort = audit.recipe, audit.cohort
    labels = pd.Series(audit.folds, index=cohort.index, name="fold")
    families = None
    if audit.families is not None:
        families = pd.Series(audit.families, index=cohort.index, name="family")
    expected = recipe.experiment.folds.scheme == "leave_site_out"
    found = []
    try:
        second = make_folds(
            labels,
            scheme="stratified" if families is None else "stratified_grouped",
            n_splits=min(5, int(labels.value_counts().min())),
            groups=families,
            seed=recipe.experiment.seed + 1,
        ).loc[cohort.index].to_numpy()  # fmt: skip
        relabelled = audit.relabel_column(audit.folds.astype(str))
        untold = ""
    except InputError as error:
        untold = refused(error)
    detail = "expected: folds are sites" if expected else ""
    for block in audit.blocks:
        known = {"check": "which fold", "block": block, "target": "fold", "reference": 0.5,
                 "unit": untold, "detail": detail}  # fmt: skip
        decoded = UNDEFINED
        if not untold:
            parts = audit.fitted(block, second, residualize=False)
            decoded = decode(decoder_of(parts, second), audit.folds.astype(str), relabelled)
        found.append((known, decoded))
    return audit.judged_rows(found, WORTH_AUC)


def batch_rows(audit: Audit) -> list[dict]:
    """Do cases and controls, classes, or scores share sites and batches evenly?"""
    rows, relabelled, groups = [], audit.relabel(), audit.groups()
    for column, labels in groups.items():
        shared = uneven_groups(
            labels, audit.outcome, relabelled, continuous=audit.recipe.continuous
        )
        rows.append(
            row("batch by outcome", "", column, shared.value, 0.0, shared.p_value,
                unit="eta" if audit.recipe.continuous else "Cramér's V",
                p_adjusted=shared.p_tail(len(groups)),
                seen=shared.seen(LEVEL, len(groups), least=WORTH_V))
        )  # fmt: skip
        if not (audit.recipe.multiclass or audit.recipe.continuous):
            rows += share_rows(audit, column, labels)
    return rows


def share_rows(audit: Audit, column: str, labels: np.ndarray) -> list[dict]:
    """Share of cases and of controls in every batch that is not a small cell."""
    case = audit.outcome > 0.5
    return [
        row("share of outcome classes", "", column, float((labels[case] == level).mean()),
            float((labels[~case] == level).mean()), unit=level)
        for level in np.unique(labels)
        if min((labels[case] == level).sum(), (labels[~case] == level).sum()) >= MINIMUM_CELL
    ]  # fmt: skip
