"""Audit: groups of people who are alike and whom nothing keeps together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurogenomics_kb.pipelines.integration.analyses.audit.context import Audit
from neurogenomics_kb.pipelines.integration.analyses.audit.table import row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    LEVEL,
    WORTH_LIKENESS,
)
from neurogenomics_kb.stats.inference.likeness import (
    FEWEST_PAIRS,
    Likeness,
    likeness,
    small_groups,
)

CHECK = "likeness in small groups"


def block_likeness(audit: Audit, values: np.ndarray) -> list[tuple[str, Likeness]]:
    """Columns with many small levels, and how alike their members are in a block.

    Columns of site, batch, wave, outcome and of the declared families are none of them, and pairs
    of one declared family do not count.

    Parameters
    ----------
    audit : Audit
        What every check reads.
    values : ndarray (n, p)
        Features of tested people; who only trains counts as nought, which is written into them.
    """
    found = []
    np.nan_to_num(values, copy=False)
    for name in audit.recipe.grouping_columns:
        if name not in audit.cohort:
            continue
        groups = small_groups(audit.cohort[name].to_numpy(), audit.families)
        if (groups >= 0).any():
            alike = likeness(values, groups, audit.relabel(), audit.families)
            if alike.pairs >= FEWEST_PAIRS:
                found.append((name, alike))
    return found


def likeness_rows(alike: Mapping[str, list[tuple[str, Likeness]]]) -> list[dict]:
    """Rows of `block_likeness` of every block, which are looked at together."""
    found = [(block, name, each) for block, own in alike.items() for name, each in own]
    return [
        row(CHECK, block, name, each.value, 0.0, each.p_value,
            p_adjusted=each.tail.p_value(each.value, len(found)),
            seen=each.tail.seen(LEVEL, len(found), least=WORTH_LIKENESS),
            unit=f"{each.groups} levels", detail=f"{each.pairs} pairs")
        for block, name, each in found
    ]  # fmt: skip
