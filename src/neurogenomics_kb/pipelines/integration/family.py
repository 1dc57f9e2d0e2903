"""All confirmatory tests of a run as one family."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.base import Claims
from neurogenomics_kb.pipelines.integration.tables import TESTS
from neurogenomics_kb.stats.inference.multiplicity import adjust

STATEMENT = (
    "The family is every p-value of canonical correlations (in sample and held out), model "
    "comparisons, leave-one-out attribution and partial associations in this run; diagnostics of "
    "the audit are not claims and stand outside. p over the run is Holm's, q Benjamini and "
    "Yekutieli's: both hold under any dependence between the tests."
)


def collect_tests(tables: Iterable[tuple[str, Claims, pd.DataFrame]]) -> pd.DataFrame:
    """Every claim a run could make, adjusted over the whole run.

    Each p-value that enters is valid for its own null hypothesis (closed ones over components are
    larger than that), so Holm's procedure controls the family-wise error of the run and
    Benjamini–Yekutieli its false discovery rate whatever the dependence.

    Parameters
    ----------
    tables : iterable of (str, Claims, DataFrame)
        Name of an analysis, what it claims, and the table that the claims are rows of.

    Returns
    -------
    DataFrame
        `TESTS`, smallest p over the run first.
    """
    lines = [line for name, claims, table in tables for line in _claims(name, claims, table)]
    names = [n for n in TESTS.names if n not in ("p_run", "q_run")]
    tests = pd.DataFrame(lines, columns=names)
    tests["p_run"] = adjust(tests["p_entered"], "holm")
    tests["q_run"] = adjust(tests["p_entered"], "fdr_by")
    return tests[list(TESTS.names)].sort_values("p_run", kind="stable", ignore_index=True)


def _claims(name: str, claims: Claims, table: pd.DataFrame) -> list[dict]:
    """Tests of one table; those that could not be made are left out."""
    return [
        {
            "analysis": name,
            "source": claims.source,
            "test": claims.label.format(**line),
            "p_raw": line[claims.p_raw] if claims.p_raw else np.nan,
            "p_adjusted": line[claims.p_adjusted],
            "adjustment": claims.adjustment,
            "p_entered": line[claims.entering],
        }
        for line in table.to_dict("records")
        if pd.notna(line[claims.entering])
    ]
