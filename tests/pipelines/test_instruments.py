"""The behaviour pipeline with instrument cards."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.behaviour import create_pipeline
from neurogenomics_kb.project.fingerprint import instrument_hashes
from neurogenomics_kb.registry import Registry
from tests.pipelines.modality_runs import PROJECT, check_persisted, run_pipeline

CARD = {
    "id": "toy_v1",
    "title": "Toy",
    "license": "ours",
    "range": [0, 4],
    "missing_codes": [9],
    "items": {"q1": {}, "q2": {"reverse": True}, "q3": {}, "q4": {}, "q5": {}},
    "scales": {"total": {}, "pair": {"items": ["q1", "q2"], "score": "mean"}},
    "norms": {
        "source": "own sample",
        "scales": {"total": [{"age": [6, 12], "mean": 10, "sd": 5, "sex": s} for s in
                             ("female", "male")]},
    },
}  # fmt: skip
TABLE = pd.DataFrame(
    {
        "participant_id": ["s1", "s2", "s3", "s4"],
        "q1": [4, 1, 9, 9],
        "q2": [0, 4, 9, 9],
        "q3": [4, 2, 3, 9],
        "q4": [4, 9, 3, 9],
        "q5": [4, 2, 3, 9],
        "speed": [1.5, np.nan, 2.5, np.nan],
        "age_months": [84.0, 143.9, 144.0, 84.0],
        "sex": ["F", "M", "F", "M"],
    }
)
GROUPS = {
    "rating": {"cards": ["toy_v1"]},
    "rating_t": {"cards": ["toy_v1"], "scores": "t"},
    "rating_items": {"cards": ["toy_v1"], "scores": "items"},
}
PEOPLE = {
    "age": {"column": "age_months", "unit": "months"},
    "sex": {"column": "sex", "levels": {"F": "female", "M": "male"}},
}


@pytest.fixture
def knowledge(tmp_path):
    folder = tmp_path / "kb"
    (folder / "instruments").mkdir(parents=True)
    shutil.copy(PROJECT / "kb/instruments/neo_ffi_totals_v1.yaml", folder / "instruments")

    def write(**changes):
        text = yaml.safe_dump({**CARD, **changes}, sort_keys=False)
        (folder / "instruments/toy_v1.yaml").write_text(text)
        return Registry(folder)

    return write


@pytest.fixture
def score(tmp_path, monkeypatch, knowledge):
    monkeypatch.chdir(tmp_path)

    def run(table=TABLE, groups=GROUPS, *, columns=None, people=PEOPLE, card=(), **quality):
        quality = {"max_missing_items": None, **quality}
        instruments = {"cards": groups, "groups": columns or {}, **people}
        inputs = {"behaviour.instruments": table, "kb": knowledge(**dict(card))}
        changes = {"behaviour": {"instruments": instruments, "quality": quality}}
        return run_pipeline(create_pipeline(), inputs, changes)

    return run


def test_scores_norms_items_and_plain_columns_stand_side_by_side(score):
    catalog = score(columns={"speed": ["speed"]})
    check_persisted(create_pipeline(), catalog)
    features = catalog.load("behaviour.features")
    assert features.columns.tolist() == [
        "behaviour__speed__speed",
        "behaviour__rating__toy_v1.total",
        "behaviour__rating__toy_v1.pair",
        "behaviour__rating_t__toy_v1.total",
        *(f"behaviour__rating_items__q{i}" for i in range(1, 6)),
    ]
    assert features.index.tolist() == ["s1", "s2", "s3"]
    total = features["behaviour__rating__toy_v1.total"]
    assert total["s1"] == 20
    assert total["s2"] == pytest.approx((1 + 0 + 2 + 2) * 5 / 4)
    assert np.isnan(total["s3"])
    standard = features["behaviour__rating_t__toy_v1.total"]
    assert standard["s1"] == pytest.approx(50 + 10 * (20 - 10) / 5)
    assert standard["s2"] == pytest.approx(50 + 10 * (6.25 - 10) / 5)
    assert features.loc["s2", "behaviour__rating_items__q2"] == 0


def test_quality_counts_items_scales_and_ages_without_norms(score):
    table = TABLE.assign(q1=[4, 1, 1, 9], q2=[0, 4, 1, 9])
    quality = score(table, columns={"speed": ["speed"]}).load("behaviour.quality")
    assert quality["n_missing_items"].tolist() == [0, 2, 0, 6]
    assert quality["share_missing_items"].tolist() == pytest.approx([0, 2 / 6, 0, 1])
    assert quality["n_missing_scales"].tolist() == [0, 0, 0, 2]
    assert quality["n_prorated_scales"].tolist() == [0, 1, 0, 0]
    # s3 is 144 months old, and norms end before twelve years.
    assert quality["n_outside_norms"].tolist() == [0, 0, 1, 0]
    assert quality["reason"].tolist() == ["", "", "", "no answers"]


def test_share_of_missing_items_can_be_limited(score):
    quality = score(max_missing_share=0.2).load("behaviour.quality")
    assert quality["included"].tolist() == [True, True, False, False]
    assert quality["reason"].tolist()[2:] == ["more than 20% missing items"] * 2


def test_an_instrument_in_three_groups_is_counted_once(score):
    quality = score().load("behaviour.quality")
    assert quality["n_items"].tolist() == [5] * 4
    assert quality["n_scales"].tolist() == [2] * 4


def test_rows_do_not_see_each_other(score):
    whole = score().load("behaviour.features")
    alone = score(TABLE.iloc[:1]).load("behaviour.features")
    pd.testing.assert_frame_equal(alone, whole.loc[["s1"]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": {"a": {"cards": ["toy"]}}}, "there is no instrument 'toy', did you mean"),
        (
            {"card": {"status": "planned", "reason": "no licence"}},
            "'toy_v1' is planned and cannot run yet: no licence",
        ),
        (
            {"table": TABLE.assign(q3=7)},
            r"instrument 'toy_v1', column 'q3': answers are outside of 0 to 4: 7 \(4 of 4",
        ),
        ({"table": TABLE.drop(columns="q5")}, "'toy_v1', column 'q5': the column is missing"),
        ({"table": TABLE.drop(columns="age_months")}, "column 'age_months': the column is miss"),
        ({"table": TABLE.drop(columns="sex")}, "column 'sex': the column is missing"),
        ({"people": {}}, "standard scores need ages, and no column of them is named"),
        ({"people": {"age": PEOPLE["age"]}}, "its norms are by sex, and no column of sex"),
        (
            {"people": {**PEOPLE, "sex": {"column": "sex"}}},
            r"sex is F, M, expected female or male \(4 of 4",
        ),
        ({"card": {"norms": None}}, "scores on the t metric need norms, and the card has none"),
        ({"table": TABLE.assign(participant_id="s1")}, r"repeat: s1 \(4 of 4 subjects\)"),
    ],
)
def test_bad_input_is_named(score, changes, message):
    with pytest.raises(InputError, match=message):
        score(**changes)


@pytest.mark.parametrize(
    ("groups", "columns", "message"),
    [
        ({"a__b": {"cards": ["toy_v1"]}}, {}, "group 'a__b' is empty or holds '__'"),
        ({"a": {"cards": ["toy_v1", "toy_v1"]}}, {}, "group 'a' names a card twice"),
        ({"a": {"cards": ["toy_v1"]}}, {"a": ["speed"]}, "group 'a' is both of columns and of"),
        ({"a": {"cards": []}}, {}, "at least 1 item"),
        ({"a": {"cards": ["toy_v1"], "scores": "T"}}, {}, "'raw', 'z', 't', 'standard' or 'items'"),
    ],
)
def test_unusable_parameters_are_refused_before_anything_runs(score, groups, columns, message):
    with pytest.raises(ParameterValidationError, match=message):
        score(groups=groups, columns=columns)


def test_another_card_makes_features_old(knowledge):
    pipeline = create_pipeline()
    value = {"cards": {"a": {"cards": ["toy_v1"], "scores": "raw"}}}

    def hashes(registry, parameters):
        catalog = DataCatalog(
            {
                "kb": MemoryDataset(registry, copy_mode="assign"),
                "params:behaviour.instruments": MemoryDataset(parameters),
            }
        )
        return instrument_hashes(pipeline, catalog)

    before = hashes(knowledge(), value)
    assert list(before) == ["toy_v1"]
    assert hashes(knowledge(notes="Explained."), value) == before
    assert hashes(knowledge(missing_codes=[8, 9]), value) != before
    assert hashes(knowledge(), {"groups": {"a": ["q1"]}}) == {}


def test_totals_of_real_people_pass_their_card(score, aomic_dir):
    table = pd.read_csv(
        aomic_dir / "participants.tsv", sep="\t", na_values="n/a", dtype={"participant_id": str}
    )
    catalog = score(table, {"neo": {"cards": ["neo_ffi_totals_v1"]}})
    features = catalog.load("behaviour.features")
    assert features.shape == (226, 5)
    found = features["behaviour__neo__neo_ffi_totals_v1.neuroticism"].to_numpy()
    np.testing.assert_array_equal(found, table["NEO_N"])
    with pytest.raises(InputError, match=r"column 'NEO_N': answers are outside of 12 to 60: 99"):
        score(table.assign(NEO_N=99), {"neo": {"cards": ["neo_ffi_totals_v1"]}})
