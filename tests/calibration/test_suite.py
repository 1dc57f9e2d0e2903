"""A reduced calibration suite: pre-set seeds, limits that a broken test would cross.

The stored table (docs/calibration/results.csv, `make calibrate`) has 1,000 cohorts or more for each
kind of p-value; here 48 to 60 keep it short, so only gross errors show.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from neurogenomics_kb.calibration.page import render_page
from neurogenomics_kb.calibration.picture import PICTURES, draw_null, save_pictures
from neurogenomics_kb.calibration.scenarios import AXES, BROKEN, CARD, REMEDIED, RICH
from neurogenomics_kb.calibration.suite import SCENARIOS, is_naive, judge, rate_in, run_scenario

# One in a thousand sets of exact tests fails by chance; the seeds are fixed.
DOUBT = 0.001
ANY = "warning: any of these"
# Registered, hours of work, and named on the page as not measured yet; whatever is stored leaves.
WAITING = {
    "whole run, four sites",
    "whole run, weak axis",
    "audit, clean cohort",
    "equal procedures, ten repeats",
    "equal procedures, ten repeats, families of 1–8",
    "prediction, confounds are lines",
    "prediction, age² in blocks and outcome",
}
# Rejects in 6 to 10 of 100 cohorts, which is about what 150 people can show.
MILD = "sites of SD 1, 1.15, 1.3, 1.5"


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
    assert set(SCENARIOS) - set(table["scenario"]) == WAITING
    assert set(table["scenario"]) <= set(SCENARIOS)
    null = table[table["question"] == "null"]
    ours = table[~table["kind"].map(is_naive) & (table["question"] != "violation")]
    assert null.groupby("kind")["cohorts"].sum().min() >= 1000
    assert table["cohorts"].min() >= 200
    bad = ours[ours["verdict"] == "too many"]
    assert bad.empty, bad[["scenario", "kind", "rate"]].to_string()
    with open("docs/calibration/index.md", encoding="utf-8") as page:
        assert page.read() == render_page(table)


def stored() -> pd.DataFrame:
    return pd.read_csv("docs/calibration/results.csv", keep_default_na=False)


def rate_of(scenario: str, kind: str) -> float:
    return rate_in(stored(), scenario, kind)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_assumption_leaves_the_level_or_is_said(name):
    """In each of these the default test keeps 0.035 to 0.065, or nine of ten runs warn."""
    kept = 0.035 <= rate_of(name, CARD) <= 0.065
    if name != MILD:
        assert kept or rate_of(name, ANY) >= 0.9


def test_false_alarms_and_power_of_the_warnings():
    for name in ("clean", *AXES, "families of 1–8, one likeness"):
        assert rate_of(name, ANY) <= 0.05, name
    for curve in ("age² on both sides", "age × site on both sides", "sex × age on both sides"):
        assert rate_of(curve, CARD) > 0.9
        assert 0.02 <= rate_of(curve, RICH) <= 0.08


@pytest.mark.parametrize("name", REMEDIED)
def test_rows_of_one_length_keep_the_level(name):
    assert rate_of(f"{name}, rows of one length", "CCA, first component") <= 0.08


def test_nested_families_keep_the_level_that_flat_ones_lose():
    assert rate_of("sibships in extended families, named nested", "CCA, first component") <= 0.08


def test_pictures_show_every_row_of_the_table(tmp_path):
    table = stored()
    null = table[(table["question"] == "null") & ~table["kind"].map(is_naive)]
    axis = draw_null(table).axes[0]
    labels = [tick.get_text() for tick in axis.get_yticklabels()]
    assert sorted(labels) == sorted(f"{r.kind} · {r.scenario}" for r in null.itertuples())
    points = {labels[int(line.get_ydata()[0])]: line.get_xdata()[0]
              for line in axis.lines if line.get_marker() == "o"}  # fmt: skip
    for row in null.itertuples():
        assert points[f"{row.kind} · {row.scenario}"] == pytest.approx(row.rate)
    save_pictures(table, tmp_path)
    for name in PICTURES:
        assert (tmp_path / name).read_text() == Path("docs/calibration", name).read_text()


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
