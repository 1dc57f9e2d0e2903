from __future__ import annotations

from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.compare import compare_results
from tests.registry.results import METRIC, TABLES, result


def compare(tables=TABLES, **changes):
    a, b = (ResultCard(**r) for r in (result("c-first-1-aa"), result("c-first-2-bb", **changes)))
    return compare_results(a, b, TABLES, tables)


def test_equal_runs_are_fair_and_the_same():
    found = compare()
    assert found["fair"]
    for part in ("cards", "parameters", "data", "code"):
        assert found[part] == []
    assert found["metrics"][0]["difference"] == 0


def test_what_differs_is_named():
    found = compare(
        cards={"one_v1": "cccc", "people": "bbbb", "net": "dddd"},
        parameters={"id": "second", "outcome": "ill", "folds": {"n_splits": 10}},
        data_fingerprints={"participants": "qqqq"},
        code_version="0.2.0",
        tables={"metrics": [{**METRIC, "value": 0.75}]},
    )
    assert found["cards"] == [
        {"name": "one_v1", "a": "aaaa", "b": "cccc"},
        {"name": "net", "a": "–", "b": "dddd"},
    ]
    assert found["parameters"] == [{"name": "folds.n_splits", "a": 5, "b": 10}]
    assert found["data"][0]["b"] == "qqqq"
    assert found["code"][0]["b"] == "0.2.0"
    assert found["metrics"] == [
        {"name": "auroc/linear/fusion", "a": 0.7, "b": 0.75, "difference": 0.05}
    ]
    assert found["fair"]


def test_other_subjects_folds_outcome_or_cohort_are_unfair():
    folds = result("x")["folds"]
    for changes, words in (
        ({"folds": {**folds, "hash": "eeee"}}, "folds differ"),
        ({"folds": {**folds, "subjects": "tttt"}}, "subjects differ"),
        ({"parameters": {"outcome": "score"}}, "outcome differ"),
        ({"cohort": "d"}, "cohort differ"),
    ):
        found = compare(**changes)
        assert not found["fair"]
        assert any(words in reason for reason in found["reasons"]), found["reasons"]


def test_runs_without_fingerprints_of_folds_are_not_called_fair():
    unknown = ResultCard(**result("c-first-1-aa", folds={}))
    assert not compare_results(unknown, unknown, {}, {})["fair"]
