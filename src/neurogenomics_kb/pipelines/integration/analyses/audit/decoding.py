"""Audit: what linear decoders read from a block that they should not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.context import (
    ADJUSTED,
    VARIANTS,
    Audit,
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
    Decoded,
    Decoding,
    FoldDecoder,
    decode,
    decode_all,
)
from neurogenomics_kb.stats.inference.group_shares import uneven_groups
from neurogenomics_kb.stats.prediction.folds import make_folds

logger = logging.getLogger(__name__)

# A decoder by the block and variant it reads, on the run's folds or on a column's own.
Source = tuple[str, str, str]


class Decoders:
    """What is to be decoded, sorted by decoder, so that each of them is solved once.

    Parameters
    ----------
    audit : Audit
        What every check reads.
    projections : mapping of str to DataFrame
        Blocks as every fold sees them; read one at a time.
    """

    def __init__(self, audit: Audit, projections: Mapping[str, pd.DataFrame]) -> None:
        self.audit, self.projections = audit, projections
        self._own: dict[str, np.ndarray] = {}
        self._asked: dict[Source, list[tuple[int, Decoding]]] = {}
        self._n = 0

    def ask(self, decoding: Decoding, block: str, variant: str, own: str = "") -> int:
        """Plan a decoding on the run's own folds, or on those of the column `own`; its number."""
        self._asked.setdefault((own, block, variant), []).append((self._n, decoding))
        self._n += 1
        return self._n - 1

    def set_folds(self, column: str, folds: np.ndarray) -> None:
        """Folds of a column's own, on which the blocks are fitted again."""
        self._own[column] = folds

    def run(self) -> list[Decoded | InputError]:
        """All of them, in the order in which they were asked for; why, where a fit was refused."""
        found: dict[int, Decoded | InputError] = {}
        for (own, block, variant), asked in self._asked.items():
            decoder = self._decoder(own, block, variant)
            try:
                told = decode_all(decoder, [decoding for _, decoding in asked])
            except InputError as error:
                if not own:
                    raise
                told = [error] * len(asked)
            found.update(zip([number for number, _ in asked], told, strict=True))
        return [found[number] for number in range(self._n)]

    def _decoder(self, own: str, block: str, variant: str) -> FoldDecoder:
        if own:
            return self.audit.decoder(block, self._own[own], residualize=variant == "adjusted")
        index = self.audit.cohort.index

        def features(k: int) -> np.ndarray:
            return self.projections[f"{block}-{variant}-{k}"].loc[index].to_numpy()

        return FoldDecoder(features, self.audit.folds)


def decoder_rows(audit: Audit, projections: Mapping[str, pd.DataFrame]) -> list[dict]:
    """What linear decoders tell from each block: sites and batches, and the outcome itself."""
    decoders = Decoders(audit, projections)
    identities, refusals = ask_identities(audit, decoders)
    outcomes = ask_outcomes(audit, decoders)
    told = decoders.run()
    for known, number in list(identities):
        if isinstance(told[number], InputError):
            refusals += refused_rows(audit, known["target"], told[number])
            identities = [(k, n) for k, n in identities if k["target"] != known["target"]]
    # The verdict reads what is left once confounds are regressed out: half of the rows.
    rows = audit.judged_rows(
        [(known, told[number]) for known, number in identities], WORTH_AUC, len(identities) // 2
    )
    found = [(known | {"reference": told[n].null_mean}, told[n]) for known, n in outcomes]
    n_tests = len(audit.blocks) * len(VARIANTS)
    return rows + refusals + audit.judged_rows(found, audit.worth, n_tests)


def ask_identities(audit: Audit, decoders: Decoders) -> tuple[list[tuple[dict, int]], list[dict]]:
    """How well are sites, batches, cohorts and waves told from each block? And the refused ones."""
    asked, refusals = [], []
    for column, labels in audit.identities().items():
        known = {"check": "decodability", "target": column, "reference": 0.5}
        own = ""
        try:
            if not shows(audit.folds, labels):
                decoders.set_folds(column, audit.own_folds(labels))
                own = column
            relabelled = audit.relabel_column(labels)
        except InputError as error:
            refusals += refused_rows(audit, column, error)
            continue
        for block, variant in product(audit.blocks, VARIANTS):
            place = {"block": block, "scheme": OWN_FOLDS if own else "",
                     "detail": VARIANTS[variant]}  # fmt: skip
            number = decoders.ask(Decoding(labels, relabelled), block, variant, own)
            asked.append((known | place, number))
    return asked, refusals


def refused_rows(audit: Audit, column: str, error: InputError) -> list[dict]:
    """Rows of a column that cannot be decoded, with the reason."""
    logger.warning("audit: %s cannot be decoded: %s", column, error)
    return [
        row("decodability", b, column, np.nan, 0.5, unit=refused(error), detail=ADJUSTED)
        for b in audit.blocks
    ]


def ask_outcomes(audit: Audit, decoders: Decoders) -> list[tuple[dict, int]]:
    """The outcome's own decoding, against labels swapped freely and inside sites and batches."""
    asked, outcome = [], audit.recipe.experiment.outcome
    schemes = [(FREELY, outcome, None), *((WITHIN, c, v) for c, v in audit.groups().items())]
    for scheme, target, strata in schemes:
        try:
            relabelled = audit.relabel(strata)
        except InputError as error:  # nothing may change places
            logger.warning("audit: outcome swapped %s %s: %s", scheme, target, error)
            continue
        for block, variant in product(audit.blocks, VARIANTS):
            known = {"check": "outcome, labels swapped", "block": block, "target": target,
                     "scheme": scheme, "detail": VARIANTS[variant]}  # fmt: skip
            decoding = Decoding(audit.outcome, relabelled, continuous=audit.recipe.continuous)
            asked.append((known, decoders.ask(decoding, block, variant)))
    return asked


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
            decoder = audit.decoder(block, second, residualize=False)
            decoded = decode(decoder, audit.folds.astype(str), relabelled)
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
