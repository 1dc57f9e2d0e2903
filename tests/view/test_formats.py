"""How numbers are written for a reader."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.pipelines import view
from neurogenomics_kb.pipelines.view import Part, Regional

NAN = float("nan")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (NAN, "p not available"),
        (1.0, "p = 1"),
        (0.04321, "p = 0.043"),
        (1e-4, "p = 0.0001"),
        (9e-5, "p = 9.0e-05"),
        (1e-100, "p = 1.0e-100"),
        (9e-101, "p < 1e-100"),
        (0.0, "p < 1e-100"),
    ],
)
def test_p_values_are_never_zero(p, text):
    assert view.format_p(p) == text


@pytest.mark.parametrize("gap", [None, NAN, pd.NA, np.nan])
def test_gaps(gap):
    assert view.word(gap).text == ""
    assert view.format_number(gap) == view.number(gap).text == view.p_cell(gap).text == "–"
    assert view.interval(gap, 0.5) == view.interval(0.5, gap) == ""
    assert view.finite(gap) is None


def test_numbers_and_words():
    assert view.word(3).text == "3"
    assert view.format_number(0.12349) == "0.123"
    assert view.format_number(np.float32(0.5), 1) == "0.5"
    assert view.format_number(7) == view.format_number("7") == "7"
    assert view.interval(-0.12345, 0.5) == "[-0.123, 0.500]"
    assert view.interval(-0.1, 0.5, 1, signed=True) == "[-0.1, +0.5]"
    assert view.finite(np.float64(2.5)) == 2.5
    assert view.finite(np.inf) is None
    assert view.p_cell(0.04321) == view.Cell(text="0.043", css="n")


@pytest.mark.parametrize("gap", [NAN, float("inf"), -float("inf")])
def test_undefined_numbers_are_no_metrics_and_survive_no_file(gap):
    regional = Regional(title="r", values={"a": 0.0, "b": gap})
    part = Part(analysis="x", metrics={"one": gap, "two": -2.5}, regional=[regional])
    assert part.metrics == {"two": -2.5}
    assert part.regional[0].values == {"a": 0.0}
    assert Part.model_validate_json(part.model_dump_json()) == part


@pytest.mark.parametrize(
    ("low", "high", "standing", "cell"),
    [
        (0.031, 0.062, "undecided", "0.04 [0.031, 0.062] undecided"),
        (0.031, 0.05, "undecided", "0.04 [0.031, 0.05] undecided"),
        (0.031, 0.0499, "stands", "0.04 [0.031, 0.05]"),
        (0.0, 0.04, "stands", "0.04 [0, 0.04]"),
        (NAN, NAN, "stands", "0.04"),
        (None, 0.2, "stands", "0.04"),
        (0.01, NAN, "stands", "0.04"),
    ],
)
def test_interval_that_holds_alpha_decides_nothing(low, high, standing, cell):
    assert view.standing_of(0.04, low, high, 0.05) == standing
    assert view.p_cell(0.04, low, high, 0.05) == view.Cell(text=cell, css="n")


def test_a_claim_at_alpha_does_not_stand():
    assert view.standing_of(0.05, NAN, NAN, 0.05) == "does not stand"
    assert view.standing_of(0.06, 0.05, 0.07, 0.05) == "does not stand"
    assert view.standing_of(0.04, 0.039, 0.041, 0.05) == "stands"
    assert view.p_cell(0.06, 0.05, 0.07, 0.05).text == "0.06 [0.05, 0.07]"
    assert view.p_cell(0.04, 0.03, 0.06).text == "0.04 [0.03, 0.06]"
    assert view.p_cell(NAN, 0.03, 0.06, 0.05).text == "–"
