"""All confirmatory tests of a run as one family."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.stats.inference.multiplicity import adjust

FAMILY_COLUMNS = ["source", "test", "p_value", "p_within", "p_run", "q_run"]
STATEMENT = (
    "The family is every p-value of canonical correlations (in sample and held out), model "
    "comparisons, leave-one-out attribution and partial associations in this run; diagnostics of "
    "the audit are not claims and stand outside. p over the run is Holm's, q Benjamini and "
    "Yekutieli's: both hold under any dependence between the tests."
)


def collect_tests(
    cca: pd.DataFrame,
    comparisons: pd.DataFrame,
    attribution: pd.DataFrame,
    associations: pd.DataFrame,
) -> pd.DataFrame:
    """Every claim a run could make, adjusted over the whole run.

    Each p-value that enters is valid for its own null hypothesis (closed ones over components are
    larger than that), so Holm's procedure controls the family-wise error of the run and
    Benjamini–Yekutieli its false discovery rate whatever the dependence.

    Returns
    -------
    DataFrame
        ``source, test, p_value``; ``p_within`` as adjusted in its own table; ``p_run`` (Holm) and
        ``q_run`` (Benjamini–Yekutieli) over the run.
    """
    parts = [
        part("canonical correlation", cca, "{pair}, component {component}", "p_value", "p_value"),
        part("held-out correlation", cca, "{pair}, component {component}", "p_held_out",
             "p_held_out"),
        part("model comparison", comparisons, "{model} over {reference}, {algorithm}", "p_value",
             "p_holm"),
        part("leave one out", attribution, "{block} without {unit}", "p_swap", "p_swap_fwe"),
        part("association", associations, "{pair} {component} {block} with {outcome}, {measure}",
             "p_value", "q_value"),
    ]  # fmt: skip
    table = pd.DataFrame([line for lines in parts for line in lines], columns=FAMILY_COLUMNS[:4])
    table["p_run"] = adjust(table["p_value"], "holm")
    table["q_run"] = adjust(table["p_value"], "fdr_by")
    return table[FAMILY_COLUMNS].sort_values("p_run", kind="stable", ignore_index=True)


def part(source: str, table: pd.DataFrame, name: str, p: str, within: str) -> list[dict]:
    """Tests of one table; those that could not be made are left out."""
    return [
        {
            "source": source,
            "test": name.format(**line).replace("~", " and ").replace("_", " + ")
            if source == "model comparison"
            else name.format(**line).replace("~", " and "),
            "p_value": line[p],
            "p_within": line[within],
        }
        for line in table.to_dict("records")
        if pd.notna(line[p])
    ]
