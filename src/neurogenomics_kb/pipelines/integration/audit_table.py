"""Rows of the audit's table."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.registry.disclosure import MINIMUM_CELL

AUDIT_COLUMNS = ["check", "block", "target", "unit", "value", "reference", "p_value", "detail"]
# Where a count of pairs is above zero and too small to show.
FEW = f"1 to {MINIMUM_CELL - 1}, not shown"
# Where equal rows are common by nature, so that a repeated person cannot be told.
ONE_ROW = "share one row"


def row(check, block, target, value, reference=np.nan, p_value=np.nan, *, unit="", detail=""):
    """One line of the audit table."""
    values = (check, block, target, unit, value, reference, p_value, detail)
    return dict(zip(AUDIT_COLUMNS, values, strict=True))


def count_row(check: str, block: str, count: float, detail: str = "") -> dict:
    """Line of a count of pairs, which is not shown where it is small."""
    if 0 < count < MINIMUM_CELL:
        return row(check, block, "pairs", np.nan, 0.0, detail=FEW)
    return row(check, block, "pairs", float(count), 0.0, detail=detail)
