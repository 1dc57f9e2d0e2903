"""The audit's table, and how its rows are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL

# Where a count of pairs is above zero and too small to show.
FEW = f"1 to {MINIMUM_CELL - 1}, not shown"
# Where equal rows are common by nature, so that a repeated person cannot be told.
ONE_ROW = "share one row"
FREELY, WITHIN = "freely", "within"
# The run's folds cannot show the label: a second set, on which the blocks were fitted again.
OWN_FOLDS = "own folds"

AUDIT = Contract(
    "integration.audit",
    "One check of the audit; its p-values are diagnostic and no claims of the run.",
    "model_output",
    (
        Column("check", "What was looked at.", "text"),
        Column("block", "Block, or empty where the check is of the cohort.", "text"),
        Column("target", "What was read: a column, the outcome, pairs, a fold.", "text"),
        Column(
            "scheme",
            "How labels were swapped: freely, or within levels of target; or that the check has "
            "folds of its own.",
            "text",
        ),
        Column("unit", "Gene, region, level or measure that the row is about.", "text"),
        Column("value", "What was found."),
        Column("reference", "What it is held against."),
        Column("chance", "What chance gives, where it is not the reference."),
        Column("p_raw", "p by relabelling, before any adjustment."),
        Column("p_adjusted", "p by the tail of the null, over all rows of its check."),
        Column("seen", "Smallest value that this check finds in 80 of 100 such cohorts."),
        Column("detail", "Which variant, level or reason.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
    preview_rows=60,
)
CHECKS = replace(
    AUDIT,
    name="integration.audit_checks",
    meaning="One check of the audit, before the harmonization's effects are added.",
    tracked="",
    on_card=False,
)
HARMONIZATION_NOTES = Contract(
    "integration.harmonization_notes",
    "What the manifest of an earlier harmonization says.",
    "model_input",
    format="json",
    private=False,
)
VERDICT = Contract(
    "integration.audit_verdict",
    "What the audit means: sentences with a level, worst first.",
    "model_output",
    format="json",
    private=False,
    tracked="tables",
)


def row(
    check: str,
    block: str,
    target: str,
    value: float,
    reference: float = np.nan,
    p_raw: float = np.nan,
    *,
    scheme: str = "",
    unit: str = "",
    chance: float = np.nan,
    p_adjusted: float = np.nan,
    seen: float = np.nan,
    detail: str = "",
) -> dict:
    """One line of the audit table; every column of the table is a parameter."""
    values = (
        check, block, target, scheme, unit, value, reference, chance, p_raw, p_adjusted, seen,
        detail,
    )  # fmt: skip
    return dict(zip(AUDIT.names, values, strict=True))


def count_row(check: str, block: str, count: float, detail: str = "") -> dict:
    """Line of a count of pairs, which is not shown where it is small."""
    if 0 < count < MINIMUM_CELL:
        return row(check, block, "pairs", np.nan, 0.0, detail=FEW)
    return row(check, block, "pairs", float(count), 0.0, detail=detail)
