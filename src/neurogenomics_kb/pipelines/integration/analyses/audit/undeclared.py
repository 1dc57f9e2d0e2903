"""Audit: groups of people who are alike and whom nothing keeps together."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    WORTH_LIKENESS,
)
from neurogenomics_kb.stats.inference.likeness import FEWEST_PAIRS, likeness, small_groups

CHECK = "likeness in small groups"


def likeness_rows(audit: Audit) -> list[dict]:
    """Columns with many small levels, and how alike their members are in every block.

    Columns of site, batch, wave, outcome and of the declared families are none of them, and pairs
    of one declared family do not count.
    """
    columns = {}
    for name in audit.recipe.grouping_columns:
        if name in audit.cohort:
            groups = small_groups(audit.cohort[name].to_numpy(), audit.families)
            if (groups >= 0).any():
                columns[name] = groups
    found = []
    for block in audit.blocks:
        values = np.nan_to_num(audit.tested(block).to_numpy()) if columns else None
        for name, groups in columns.items():
            alike = likeness(values, groups, audit.relabel(), audit.families)
            if alike.pairs >= FEWEST_PAIRS:
                found.append((block, name, alike))
    return [
        row(CHECK, block, name, alike.value, 0.0, alike.p_value,
            p_adjusted=alike.tail.p_value(alike.value, len(found)),
            seen=alike.tail.seen(LEVEL, len(found), least=WORTH_LIKENESS),
            unit=f"{alike.groups} levels", detail=f"{alike.pairs} pairs")
        for block, name, alike in found
    ]  # fmt: skip
