from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.behaviour.instruments import (
    Instrument,
    Scale,
    count_missing,
    key_items,
    score_scales,
)
from neurogenomics_kb.behaviour.norms import count_outside_norms, standardize
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.cards import Instrument as Card

CARD = {
    "id": "toy_v1",
    "license": "ours",
    "informant": "parent",
    "range": [0, 4],
    "missing_codes": [-9, 99],
    "items": {"q1": {}, "q2": {"reverse": True}, "q3": {}, "q4": {}, "q5": {"range": [1, 7]}},
    "scales": {
        "total": {"items": "all"},
        "pair": {"items": ["q1", "q2"], "score": "mean", "max_missing": 0},
    },
}
ANSWERS = pd.DataFrame(
    [[4, 4, 0, 2, 7], [0, 1, 4, 99, 1], [2, -9, 99, 3, 5], [-9, -9, 99, 99, -9]],
    columns=["q1", "q2", "q3", "q4", "q5"],
    index=["a", "b", "c", "d"],
)


def make(**changes) -> Instrument:
    return Instrument.from_spec(Card.model_validate({**CARD, **changes}).spec)


def test_reverse_keyed_items_turn_round_and_codes_are_gaps():
    keyed = key_items(ANSWERS, make())
    assert keyed["q2"].tolist()[:2] == [0, 3]
    assert keyed["q1"].tolist()[:3] == [4, 0, 2]
    assert keyed.isna().sum(axis=1).tolist() == [0, 1, 2, 5]


def test_reverse_keying_uses_the_range_of_the_item():
    items = {**CARD["items"], "q5": {"range": [1, 7], "reverse": True}}
    assert key_items(ANSWERS, make(items=items))["q5"].tolist()[:3] == [1, 7, 3]


def test_codes_of_an_item_replace_those_of_the_card():
    items = {**CARD["items"], "q3": {"missing_codes": [8]}}
    with pytest.raises(InputError, match=r"'toy_v1', column 'q3': .*0 to 4: 99 \(2 of 4 subj"):
        key_items(ANSWERS, make(items=items))


def test_scores_are_prorated_up_to_the_share_and_missing_above_it():
    instrument = make()
    scores = score_scales(key_items(ANSWERS, instrument), instrument)
    # b: 0, 3, 4 and 1 of five items, one gap in five is just allowed.
    assert scores.loc["a", "total"] == 4 + 0 + 0 + 2 + 7
    assert scores.loc["b", "total"] == pytest.approx((0 + 3 + 4 + 1) * 5 / 4)
    assert np.isnan(scores.loc["c", "total"])
    assert scores["pair"].tolist()[:2] == [2, 1.5]
    assert scores["pair"].isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("n_items", "share", "allowed"),
    [(5, 0.2, 1), (10, 0.2, 2), (9, 0.2, 1), (10, 0.3, 3), (12, 0.2, 2), (5, 0, 0), (3, 1 / 3, 1),
     (100, 0.29, 29)],
)  # fmt: skip
def test_boundary_of_prorating(n_items, share, allowed):
    names = [f"q{i}" for i in range(n_items)]
    instrument = make(items={name: {} for name in names}, scales={"total": {"max_missing": share}})
    assert instrument.scales["total"].may_miss == allowed
    table = pd.DataFrame(2.0, index=range(n_items), columns=names)
    for row in range(n_items):
        table.iloc[row, :row] = np.nan
    scored = score_scales(key_items(table, instrument), instrument)["total"]
    assert scored.notna().tolist() == [row <= allowed for row in range(n_items)]
    assert (scored.dropna() == 2 * n_items).all()


def test_nobody_is_scored_on_nothing():
    assert Scale(("q1",), max_missing=0.99).may_miss == 0
    instrument = make(scales={"total": {"max_missing": 0.99}})
    assert score_scales(key_items(ANSWERS, instrument), instrument)["total"].isna().tolist() == [
        False, False, False, True,
    ]  # fmt: skip


def test_order_of_items_does_not_matter():
    instrument = make()
    turned = make(
        items=dict(reversed(CARD["items"].items())),
        scales={**CARD["scales"], "pair": {**CARD["scales"]["pair"], "items": ["q2", "q1"]}},
    )
    mixed = ANSWERS[["q5", "q3", "q1", "q4", "q2"]]
    pd.testing.assert_frame_equal(
        score_scales(key_items(ANSWERS, instrument), instrument),
        score_scales(key_items(mixed, turned), turned),
    )


def test_scores_of_one_person_do_not_depend_on_the_others():
    instrument = make()
    alone = score_scales(key_items(ANSWERS.loc[["b"]], instrument), instrument)
    together = score_scales(key_items(ANSWERS, instrument), instrument)
    pd.testing.assert_frame_equal(alone, together.loc[["b"]])


def test_gaps_are_counted_on_both_levels():
    instrument = make()
    counts = count_missing(key_items(ANSWERS, instrument), instrument)
    assert counts["n_missing_items"].tolist() == [0, 1, 2, 5]
    assert counts["n_prorated_scales"].tolist() == [0, 1, 0, 0]
    assert counts["n_missing_scales"].tolist() == [0, 0, 2, 2]
    assert set(counts["n_items"]) == {5}
    assert set(counts["n_scales"]) == {2}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            ANSWERS.replace({"q1": {2: 5}}),
            r"instrument 'toy_v1', column 'q1': answers are outside of 0 to 4: 5 \(1 of 4 "
            r"subjects\).*`missing_codes` of the item",
        ),
        (
            ANSWERS.astype(float).replace({"q1": {2.0: 2.5}}),
            r"'q1': .*no whole numbers: 2.5 \(1 of",
        ),
        (ANSWERS.drop(columns="q4"), "'toy_v1', column 'q4': the column is missing"),
        (ANSWERS.astype(object).replace({"q1": {2: "often"}}), "expected numbers, found 'often'"),
    ],
)
def test_unusable_answers_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        key_items(table, make())


def test_fractions_are_answers_where_the_card_says_so():
    table = ANSWERS.astype(float).replace({"q1": {2.0: 2.5}})
    assert key_items(table, make(whole=False)).loc["c", "q1"] == 2.5


NORMS = {
    "source": "own sample",
    "scales": {
        "total": [
            {"age": [6, 9], "sex": "female", "mean": 10, "sd": 2},
            {"age": [6, 9], "sex": "male", "mean": 12, "sd": 4},
            {"age": [9, 12], "mean": 14, "sd": 2},
        ]
    },
}
RAW = pd.DataFrame({"total": [14.0, 14, 14, 14, 14, np.nan], "pair": 1.0})


def test_norms_at_the_edges_of_bands():
    ages = pd.Series([6.0, 8.999, 9.0, 12.0, 5.999, 7.0])
    sexes = pd.Series(["female", "male", "male", "female", "female", "male"])
    instrument = make(norms=NORMS)
    scores = standardize(RAW, instrument, age=ages, sex=sexes, metric="t")
    assert scores.columns.tolist() == ["total"]
    np.testing.assert_allclose(scores["total"], [70, 55, 50, np.nan, np.nan, np.nan])
    # The last one has no raw score: nothing was lost to the norms.
    assert count_outside_norms(RAW, scores).tolist() == [0, 0, 0, 1, 1, 0]


def test_metrics_are_one_score_on_three_scales():
    ages, sexes = pd.Series([7.0] * 6), pd.Series(["female"] * 6)
    found = [
        standardize(RAW, make(norms=NORMS), age=ages, sex=sexes, metric=m)["total"][0]
        for m in ("z", "t", "standard")
    ]
    assert found == [2, 70, 130]


def test_ages_in_months_meet_norms_in_years_and_the_other_way_round():
    sexes = pd.Series(["female"] * 6)
    months = pd.Series([72.0, 107, 108, 144, 71, 84])
    expected = standardize(RAW, make(norms=NORMS), age=months / 12, sex=sexes)
    found = standardize(RAW, make(norms=NORMS), age=months, sex=sexes, age_unit="months")
    pd.testing.assert_frame_equal(found, expected)
    scales = {"total": [{**b, "age": [12 * a for a in b["age"]]} for b in NORMS["scales"]["total"]]}
    by_month = make(norms={**NORMS, "age_unit": "months", "scales": scales})
    pd.testing.assert_frame_equal(standardize(RAW, by_month, age=months / 12, sex=sexes), expected)


def test_missing_sex_leaves_norms_of_everybody():
    ages = pd.Series([7.0, 10, 10, 10, 10, 10])
    scores = standardize(RAW, make(norms=NORMS), age=ages, sex=pd.Series([None] * 6, dtype=object))
    assert scores["total"].isna().tolist() == [True, False, False, False, False, True]


@pytest.mark.parametrize(
    ("norms", "sex", "message"),
    [
        (None, None, "'toy_v1', column 'norms': scores on the t metric need norms"),
        (NORMS, None, "norms are by sex, and no column of sex is named"),
        (NORMS, pd.Series(["F"] * 6), r"sex is F, expected female or male \(6 of 6 subjects\)"),
    ],
)
def test_unusable_norms_are_refused(norms, sex, message):
    with pytest.raises(InputError, match=message):
        standardize(RAW, make(norms=norms), age=pd.Series([7.0] * 6), sex=sex)
