from __future__ import annotations

import pytest

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Instrument
from tests.conftest import ROOT

CARD = {**Instrument.skeleton, "id": "toy_v1"}
BAND = {"age": [6, 9], "mean": 1, "sd": 1}


def norms(*bands, scale="total"):
    return {"norms": {"source": "own sample", "scales": {scale: list(bands)}}}


def test_skeleton_and_shipped_cards_are_ready():
    assert Instrument.model_validate(CARD).status == "ready"
    cards = Registry(ROOT / "kb").cards("instrument")
    assert {"neo_ffi_totals_v1", "hbn_factor_scores_v1"} <= {card.id for card in cards}
    for card in cards:
        assert card.license
        # Norms of instruments that are sold stay with those who may use them.
        assert card.norms is None


def test_spec_fills_in_what_the_card_says_for_all_items():
    items = {"q1": {}, "q2": {"range": [1, 5], "missing_codes": [], "reverse": True}}
    spec = Instrument.model_validate({**CARD, "items": items}).spec
    assert spec["items"] == {
        "q1": {"range": [0, 3], "missing_codes": [9], "reverse": False},
        "q2": {"range": [1, 5], "missing_codes": [], "reverse": True},
    }
    assert spec["scales"]["total"]["items"] == ["q1", "q2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"license": ""}, "name `items`, `scales` and the `license`"),
        ({"items": {}}, "name `items`, `scales` and the `license`"),
        ({"items": {"a__b": {}}}, "'a__b' is empty or holds '__'"),
        ({"range": None}, "item 'q1' has no `range`"),
        ({"range": [3, 0]}, r"range \[3.0, 0.0\] is empty"),
        ({"missing_codes": [2]}, "missing code 2 is an answer within 0 to 3"),
        ({"scales": {"x": {"items": ["q9"]}}}, "scale 'x' names item 'q9', which the card lacks"),
        ({"scales": {"x": {"items": ["q1", "q1"]}}}, "scale 'x' names an item twice"),
        ({"scales": {"x": {"items": []}}}, "scale 'x' has no items"),
        ({"scales": {"x": {"max_missing": 1}}}, "less than 1"),
        ({"items": {"q1": {"wording": "Do you …?"}}}, "wording"),
        (norms(BAND, scale="x"), "norms of 'x', which is no scale"),
        (norms({**BAND, "age": [9, 9]}), r"age \[9.0, 9.0\] is empty"),
        (norms({**BAND, "sd": 0}), "greater than 0"),
        (norms(BAND, {**BAND, "age": [8, 12]}), r"bands \[6.0, 9.0\] and \[8.0, 12.0\] overlap"),
        (norms(BAND, {**BAND, "sex": "male"}), "overlap"),
    ],
)
def test_unusable_cards_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Instrument.model_validate({**CARD, **changes})


def test_bands_of_two_sexes_and_of_adjoining_ages_do_not_overlap():
    bands = [{**BAND, "sex": sex} for sex in ("female", "male")]
    Instrument.model_validate({**CARD, **norms(*bands, {**BAND, "age": [9, 12]})})
