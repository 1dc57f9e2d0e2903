"""The list of what a run lets out, for whoever checks outputs."""

from __future__ import annotations

import csv

import pytest

from neurogenomics_kb.project.releases import (
    RULES,
    TYPES,
    near_results,
    release_of,
    write_releases,
)
from neurogenomics_kb.registry.cards import ResultCard
from tests.registry.results import result


def card(name, **changes):
    return ResultCard.model_validate(result(name, **changes))


@pytest.mark.parametrize(("n", "near"), [(200, 0), (199, 1), (191, 1), (190, 0), (209, 1)])
def test_results_of_nearly_the_same_people_are_named(n, near):
    found = near_results(result("c-first-1-aa"), [card("c-first-2-bb", n_subjects=n)], 10)
    assert len(found) == near


def test_the_result_itself_and_other_cohorts_are_not():
    new = result("c-first-1-aa", n_subjects=195)
    others = [card("c-first-1-aa"), card("d-first-1-aa", cohort="d")]
    assert near_results(new, others, 10) == []


def test_every_type_has_rules_and_every_line_a_status(tmp_path):
    assert set(TYPES.values()) <= set(RULES)
    (tmp_path / "report.html").write_text("x")
    lines = [
        release_of("reporting.report", tmp_path / "report.html", 12),
        release_of("metrics", None, 12, "metrics"),
        release_of("other", tmp_path / "x.bin", 12),
    ]
    write_releases(tmp_path / "releases.csv", lines)
    rows = list(csv.DictReader((tmp_path / "releases.csv").open()))
    assert [r["status"] for r in rows] == ["pass", "review", "review"]
    assert rows[1]["sha256"] == "2d711642b726b044"
    assert "below 12" in rows[0]["summary"]
