"""Every channel against every spelling: what a card, a table, a metric or a text may carry."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.disclosure import (
    FLOOR,
    check_disclosure,
    find_identifier,
    small_count,
)
from neurogenomics_kb.registry.identifiers import Identifiers
from neurogenomics_kb.registry.results import check_tables

from .test_identifiers import IDS, spellings

KNOWN = Identifiers(IDS)
CHANNELS = {
    "key": lambda text: check_disclosure({"metrics": {text: 0.5}}, KNOWN),
    "text": lambda text: check_disclosure({"note": text}, KNOWN),
    "headline": lambda text: check_disclosure({"headline": [f"Of all, {text} differs."]}, KNOWN),
    "deep text": lambda text: check_disclosure({"a": [{"b": [{"c": (text,)}]}]}, KNOWN),
    "set": lambda text: check_disclosure({"a": {text}}, KNOWN),
    "table cell": lambda text: check_tables({"t": [{"name": text, "v": 1.5}]}, KNOWN, 10),
    "table column": lambda text: check_tables({"t": [{text: 1.5}]}, KNOWN, 10),
    "metric": lambda text: check_disclosure({f"auroc.{text}": 0.5}, KNOWN),
    "page": lambda text: find_identifier(f"<td>{text}</td>", KNOWN, "report"),
    "file name": lambda text: find_identifier(f"figure_{text}.png", KNOWN, "figure"),
    "attribute": lambda text: find_identifier(f"<p title='{text}'>", KNOWN, "report"),
    "numpy text": lambda text: check_disclosure({"a": np.str_(text)}, KNOWN),
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("one", IDS)
def test_no_channel_carries_anybody_in_any_spelling(channel, one):
    passed = []
    for how, text in spellings(one).items():
        try:
            CHANNELS[channel](text)
        except InputError:
            continue
        passed.append(how)
    assert passed == []


@pytest.mark.parametrize(
    "data",
    [
        {"n_of_people": 3}, {"number_of_people": 4},
        {"n_males": 3}, {"site_2.controls": 4.0}, {"counts": {"carriers": 7}}, {"n": [40, 3]},
        {"n": "6"}, {"Cases": 2}, {"people with asthma": 5}, {"relatives": np.int64(3)},
        {"note": "we left out 3 participants"}, {"note": "n = 4"}, {"note": "(N=9)"},
        {"note": "Two people withdrew."}, {"note": "cases: 5"}, {"note": "4 female carriers"},
        {"n": 200, "prevalence": 0.02}, {"n_subjects": 200, "prevalence": 0.99},
        {"metric": "prevalence", "value": 0.01, "n": 400},
        {"share_of_subjects": 0.005, "n": 1000},
        {"a": np.arange(3)}, {"a": pd.Series([1, 2])}, {"a": b"rows"}, {"a": object()},
    ],
)  # fmt: skip
def test_small_counts_are_refused_under_any_key_and_in_words(data):
    with pytest.raises(InputError):
        check_disclosure(data, ())


@pytest.mark.parametrize(
    "data",
    [
        {"n": 40, "n_subjects": 385, "folds": 5, "n_components": 3, "n_permutations": 9},
        {"note": "fewer than 10 people; 3 components; 5 folds of 77 people; N = 385"},
        {"note": "p = 0.04, r = 0.3, n = 1,000 permutations, 12 people"},
        {"subjects_per_dimension": 5, "share": 0.01}, {"share_of_subjects": 1},
        {"prevalence": 0.4, "n": 385},
        {"created": date(2026, 1, 1), "ok": True, "gap": None, "undefined": float("nan")},
        {"range_of_people": "11 to 20 people"}, {"note": "version 3, cases 120"},
    ],
)  # fmt: skip
def test_what_says_nothing_of_few_people_passes(data):
    check_disclosure(data, ())


def test_no_configuration_lowers_the_smallest_count_below_the_floor():
    with pytest.raises(InputError):
        check_disclosure({"n": FLOOR - 1}, (), minimum=1)
    check_disclosure({"n": FLOOR}, (), minimum=1)
    assert small_count("7 people", 5) is None
