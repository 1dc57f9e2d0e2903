"""What the checks of assumptions say: worst first, with both results, and never ok unseen."""

from __future__ import annotations

import pytest

from neurogenomics_kb.pipelines.integration.analyses.assumptions.checks import (
    AS_ON_CARD,
    CURVES,
    ENRICHED,
    GROUPS,
    LIKENESS,
    SCALE,
    UNIT,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.present import (
    judge_assumptions,
    present_assumptions,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import (
    CHECKS,
    SENSITIVITY,
)
from tests.pipelines.conftest import make_recipe
from tests.view.tables import NAN, Numbers, rows_of

PAIR = {"x": "gene", "y": "brain-stem"}
OTHER = {"x": "gene", "y": "white_matter"}


def tables(**answers):
    """Checks of two pairs; all clean in the second one, and in the first but for `answers`."""
    numbers = Numbers()
    given = {
        "curves": "ok", "scale": "ok", "site": "ok", "batch": "ok", "likeness": "ok", **answers
    }  # fmt: skip

    def checks(pair, given):
        of = {"site": "site", "batch": "batch"}
        names = {"curves": CURVES, "scale": SCALE, "site": GROUPS, "batch": GROUPS,
                 "likeness": LIKENESS}  # fmt: skip
        return [
            {**pair, "check": names[key], "of": of.get(key, ""), "answer": answer,
             "p_raw": 0.001 if answer == "caution" else 0.4,
             "detail": "12 curves explain this and that" if key == "curves" else ""}
            for key, answer in given.items()
        ]  # fmt: skip

    clean = dict.fromkeys(given, "ok")
    checked = rows_of(CHECKS, numbers, *checks(PAIR, given), *checks(OTHER, clean))
    designs = [
        {**pair, "component": c, "design": design, "n_permutations": 999}
        for pair in (PAIR, OTHER)
        for design in (AS_ON_CARD, ENRICHED, *([UNIT] if pair is PAIR else []))
        for c in (1, 2)
    ]
    return checked, rows_of(SENSITIVITY, numbers, *designs)


def test_everything_that_is_said(says):
    checks, sensitivity = tables(curves="caution", scale="caution", likeness="not told")
    says("assumptions", present_assumptions(make_recipe(), checks, sensitivity))


def test_nothing_is_said_where_no_correlation_was_asked_for(says):
    part = present_assumptions(make_recipe(), CHECKS.empty(), SENSITIVITY.empty())
    says("assumptions_empty", part)


def test_a_clean_run_has_no_headline():
    part = present_assumptions(make_recipe(), *tables())
    assert part.first == []
    assert {v.level for v in part.verdict} == {"ok"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"curves": "caution"}, "confounds act as curves or interactions on both blocks"),
        ({"scale": "caution"}, "noise is larger for some people or families in both blocks"),
        ({"site": "caution"}, "in both blocks at once (by site)"),
        ({"likeness": "caution"}, "some members of a family are closer than others"),
    ],
)
def test_a_warning_stands_first_and_says_its_pair(answers, words):
    part = present_assumptions(make_recipe(), *tables(**answers))
    [sentence] = part.first
    assert sentence.startswith("gene and brain-stem: ")
    assert words in sentence
    assert part.verdict[0].level == "caution"


def test_both_results_stand_in_the_sentence():
    checks, sensitivity = tables(curves="caution", scale="caution")
    curves, scale = (v["text"] for v in judge_assumptions(make_recipe(), checks, sensitivity)[:2])
    first = sensitivity[(sensitivity["y"] == "brain-stem") & (sensitivity["component"] == 1)]
    value = first.set_index("design")["correlation"]
    assert f"{value[ENRICHED]:.2f} (" in curves
    assert f"{value[AS_ON_CARD]:.2f} (" in curves
    assert f"{value[UNIT]:.2f} (" in scale
    assert f"{value[AS_ON_CARD]:.2f} (" in scale


def test_rows_of_one_length_are_no_remedy_where_they_are_the_setting():
    checks, sensitivity = tables(scale="caution")
    sensitivity = sensitivity[sensitivity["design"] != UNIT]
    [sentence] = present_assumptions(make_recipe(unit_rows=True), checks, sensitivity).first
    assert "unit_rows: true" not in sentence
    assert "made on rows of one length" in sentence


def test_not_told_says_what_would_have_been_seen_or_why():
    checks, sensitivity = tables(scale="not told", curves="not told")
    checks.loc[checks["check"] == CURVES, "visible"] = NAN
    told = [v["text"] for v in judge_assumptions(make_recipe(), checks, sensitivity)
            if v["level"] == "not told"]  # fmt: skip
    assert "curves and interactions of confounds (12 curves explain" in told[0]
    line = checks[(checks["check"] == SCALE) & (checks["y"] == "brain-stem")].iloc[0]
    assert f"would show from {line.visible:.2f} on, not from {line.bound:.2f})" in told[0]


def test_metrics_are_of_other_designs_and_of_every_check():
    metrics = present_assumptions(make_recipe(), *tables()).metrics
    assert "sensitivity/gene/white_matter/1/with_curves_and_interactions/p_adjusted" in metrics
    assert not any("as_on_the_card" in name for name in metrics)
    assert len([name for name in metrics if name.startswith("assumptions/")]) == 10
