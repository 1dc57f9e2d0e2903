"""Designs of folds that an experiment may ask for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.registry.cards.experiments import Folds


def test_repeats_and_groups_left_out():
    assert Folds().n_repeats == 1
    chosen = Folds(scheme="leave_groups_out", group="family_id", groups_out=4, n_repeats=3)
    assert (chosen.groups_out, chosen.n_repeats) == (4, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scheme": "leave_groups_out", "group": "f"}, "needs it"),
        ({"scheme": "leave_groups_out", "groups_out": 3}, "needs a `group` column"),
        ({"scheme": "grouped", "group": "f", "groups_out": 3}, "belongs to scheme"),
        ({"scheme": "leave_groups_out", "group": "f", "groups_out": 1}, "greater than or equal"),
        ({"scheme": "leave_site_out", "group": "site", "n_repeats": 2}, "no repeats"),
        ({"scheme": "temporal", "column": "year", "cut": 3, "n_repeats": 2}, "no repeats"),
        ({"n_repeats": 0}, "greater than or equal"),
    ],
)
def test_designs_that_cannot_be(settings, words):
    with pytest.raises(ValidationError, match=words):
        Folds(**settings)
