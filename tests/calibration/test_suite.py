"""A reduced calibration suite: pre-set seeds, limits that a broken test would cross.

The stored table (docs/calibration/results.csv, `make calibrate`) has 1,000 cohorts or more for each
kind of p-value; here 48 to 60 keep it short, so only gross errors show.
"""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from neurogenomics_kb.calibration.page import render_page
from neurogenomics_kb.calibration.suite import SCENARIOS, is_naive, judge, rate_in, run_scenario

# One in a thousand sets of exact tests fails by chance; the seeds are fixed.
DOUBT = 0.001


def check_null(name: str, cohorts: int) -> pd.DataFrame:
    table = run_scenario(name, SCENARIOS[name], cohorts=cohorts)
    for row in table[(table["question"] == "null") & ~table["kind"].map(is_naive)].itertuples():
        p = stats.binomtest(row.hits, row.cohorts, 0.05, alternative="greater").pvalue
        assert p > DOUBT, f"{row.kind}: {row.hits} of {row.cohorts}"
    return table


@pytest.mark.parametrize(
    "name",
    ["35 confounds on both sides", "families of 2–4, four sites", "ridge chosen inside"],
)
def test_canonical_correlation_does_not_reject_too_often(name):
    table = check_null(name, 60)
    if name != "ridge chosen inside":
        assert rate_in(table, name, "naive: permuted residuals, first component") > 0.15


def test_second_axis_is_not_found_behind_a_true_one():
    name = "true first axis"
    table = check_null(name, 60)
    assert rate_in(table, name, "CCA, first component") == 1.0
    assert rate_in(table, name, "naive: permuted residuals, second component") > 0.15


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outcome, four sites", "outcome, families of 2–4"])
def test_claims_about_the_outcome_are_not_made_too_often(name):
    check_null(name, 48)


def test_verdicts_follow_the_binomial_interval():
    assert judge(50, 1000, "null", "")["verdict"] == "calibrated"
    assert judge(80, 1000, "null", "")["verdict"] == "too many"
    assert judge(10, 1000, "null", "")["verdict"] == "conservative"
    assert judge(950, 1000, "coverage", "")["verdict"] == "covers"
    assert judge(900, 1000, "coverage", "")["verdict"] == "too few"
    row = judge(50, 1000, "null", "")
    exact = stats.binomtest(50, 1000).proportion_ci(0.99, "exact")
    assert (row["low"], row["high"]) == (exact.low, exact.high)


def test_stored_table_is_complete_and_nothing_rejects_too_often():
    """What the documentation shows."""
    table = pd.read_csv("docs/calibration/results.csv", keep_default_na=False)
    assert set(table["scenario"]) == set(SCENARIOS)
    null = table[table["question"] == "null"]
    assert null.groupby("kind")["cohorts"].sum().min() >= 1000
    assert table["cohorts"].min() >= 200
    ours = table[~table["kind"].map(is_naive)]
    bad = ours[ours["verdict"] == "too many"]
    assert bad.empty, bad[["scenario", "kind", "rate"]].to_string()
    with open("docs/calibration/index.md", encoding="utf-8") as page:
        assert page.read() == render_page(table)


def test_naive_alternatives_fail_in_the_stored_table():
    table = pd.read_csv("docs/calibration/results.csv", keep_default_na=False)
    failing = table[(table["verdict"] == "too many") & table["kind"].map(is_naive)]
    for kind in (
        "naive: permuted residuals, first component",
        "naive: permuted residuals, second component",
        "naive: pooled DeLong",
    ):
        assert (failing["kind"] == kind).any(), kind


def test_audit_and_coverage_run_through_the_suite():
    for name in ("audit, families of 2–4", "locked model, families", "score", "association"):
        table = run_scenario(name, SCENARIOS[name], cohorts=4)
        assert len(table) > 1
        assert (table["cohorts"] == 4).all()
