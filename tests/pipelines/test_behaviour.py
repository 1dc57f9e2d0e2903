from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.behaviour import create_pipeline
from neurogenomics_kb.registry import Registry
from tests.pipelines.modality_runs import PROJECT, check_persisted, run_pipeline

TABLE = pd.DataFrame(
    {
        "participant_id": ["s2", "s1", "s3"],
        "NEO_N": [30, 25, 20],
        "NEO_E": [40.0, np.nan, np.nan],
        "raven_score": [20.0, 25.0, np.nan],
        "sex": ["M", "F", "F"],
    }
)
GROUPS = {"neo": ["NEO_N", "NEO_E"], "raven": ["raven_score"]}


@pytest.fixture
def run_modality(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return run_pipeline


def parameters(groups=GROUPS, **quality):
    return {"behaviour": {"instruments": {"groups": groups}, "quality": quality}}


def run(run_modality, table, changes):
    inputs = {"behaviour.instruments": table, "kb": Registry(PROJECT / "kb")}
    return run_modality(create_pipeline(), inputs, changes)


def test_features_and_quality(run_modality):
    catalog = run(run_modality, TABLE, parameters(max_missing_items=1))
    check_persisted(create_pipeline(), catalog)
    features = catalog.load("behaviour.features")
    assert features.columns.tolist() == [
        "behaviour__neo__NEO_N",
        "behaviour__neo__NEO_E",
        "behaviour__raven__raven_score",
    ]
    assert features.index.tolist() == ["s2", "s1"]
    assert np.isnan(features.loc["s1", "behaviour__neo__NEO_E"])
    quality = catalog.load("behaviour.quality")
    assert quality["n_missing_items"].to_dict() == {"s2": 0, "s1": 1, "s3": 2}
    assert quality.loc["s3", "reason"] == "more than 1 missing items"


def test_id_column_can_be_named(run_modality):
    changes = parameters(max_missing_items=2)
    changes["behaviour"]["instruments"]["id_column"] = "eid"
    table = TABLE.rename(columns={"participant_id": "eid"}).assign(eid=[7, 8, 9])
    features = run(run_modality, table, changes).load("behaviour.features")
    assert features.index.tolist() == ["7", "8", "9"]


def test_table_indexed_by_subject_is_taken_as_it_is(run_modality):
    changes = parameters(max_missing_items=1)
    changes["behaviour"]["instruments"]["id_column"] = "subject_id"
    table = TABLE.rename(columns={"participant_id": "subject_id"}).set_index("subject_id")
    features = run(run_modality, table, changes).load("behaviour.features")
    assert features.index.tolist() == ["s2", "s1"]
    assert features.index.name == "subject_id"


def test_cohort_without_instruments_gives_empty_tables(run_modality):
    absent = NotCollected(modality="behaviour", reason="not asked")
    catalog = run(run_modality, absent, None)
    check_persisted(create_pipeline(), catalog)
    for name in ("items", "missing_items", "features", "quality"):
        assert catalog.load(f"behaviour.{name}").shape == (0, 0)


@pytest.mark.parametrize(
    ("table", "groups", "message"),
    [
        (TABLE, {}, r"no instrument is selected.*participant_id, NEO_N"),
        (TABLE, {"neo": ["NEO_Q"]}, "column 'NEO_Q': the column is missing"),
        (TABLE.drop(columns="participant_id"), GROUPS, "column 'participant_id'"),
        (TABLE.assign(participant_id="s1"), GROUPS, r"repeat: s1 \(3 of 3 subjects\)"),
        (TABLE, {"sex": ["sex"]}, r"column 'sex': .*'M', 'F' \(3 of 3 subjects\)"),
        (TABLE.rename(columns={"NEO_N": "N__1"}), {"a": ["N__1"]}, "holds '__'"),
    ],
)
def test_unusable_tables_are_refused(run_modality, table, groups, message):
    with pytest.raises(InputError, match=message):
        run(run_modality, table, parameters(groups))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a": ["NEO_N"], "b": ["NEO_E", "NEO_N"]}, "named more than once: NEO_N"),
        ({"a__b": ["NEO_N"]}, "'a__b' is empty or holds '__'"),
    ],
)
def test_unusable_groups_are_refused_before_anything_runs(run_modality, groups, message):
    with pytest.raises(ParameterValidationError, match=message):
        run(run_modality, TABLE, parameters(groups))
