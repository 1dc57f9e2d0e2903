from __future__ import annotations

import csv
import io
from concurrent.futures import ProcessPoolExecutor

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.evidence import BY_LADDER
from neurogenomics_kb.registry.publish import publish_result, track_result
from neurogenomics_kb.registry.results import Result, describe_tables, parse_table, table_text
from neurogenomics_kb.registry.site import Catalogue
from neurogenomics_kb.registry.yaml_file import dump_yaml, read_yaml
from tests.registry.results import TABLES, result, whole

DECISION = "decisions/local/escalation-c-first.yaml"


@pytest.fixture
def kb(tmp_path):
    (tmp_path / "kb").mkdir()
    return tmp_path / "kb"


def test_publishing_twice_changes_nothing(kb):
    assert publish_result(whole("c-first-1-aa"), kb) == ("c-first-1-aa", True)
    before = {p: p.stat().st_mtime_ns for p in kb.rglob("*.yaml")}
    assert publish_result(whole("c-first-1-aa"), kb) == ("c-first-1-aa", False)
    assert {p: p.stat().st_mtime_ns for p in kb.rglob("*.yaml")} == before


def test_tables_travel_beside_the_card_and_are_read_back(kb):
    publish_result(whole("c-first-1-aa"), kb)
    assert Registry(kb).tables("c-first-1-aa") == TABLES
    file = kb / "results/local/c-first-1-aa/metrics.csv"
    file.write_text(file.read_text().replace("0.7", "0.9"))
    with pytest.raises(InputError, match="not the one that its result card names"):
        Registry(kb).tables("c-first-1-aa")
    file.unlink()
    with pytest.raises(InputError, match="missing"):
        Registry(kb).tables("c-first-1-aa")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"n": 4}, "row 1.n counts 4 subjects"),
        ({"note": " ".join(str(i / 7) for i in range(60))}, "may hold rows"),
        ({"age_max": 91.25}, "extreme given exactly"),
    ],
)
def test_tables_follow_the_rules_of_the_card(kb, row, words):
    tables = {"metrics": [{**TABLES["metrics"][0], **row}]}
    card = result("c-first-1-aa", tables=describe_tables(tables))
    with pytest.raises(InputError, match=words):
        publish_result(Result(card, tables), kb)
    assert not list(kb.rglob("*.csv"))


def test_a_card_that_held_its_tables_itself_is_still_read(kb):
    """Cards of versions before had every table in the YAML."""
    old = result("c-first-1-aa") | {
        "metrics": [{k: v for k, v in TABLES["metrics"][0].items() if k != "level"}],
        "comparisons": [{"model": "fusion", "reference": "gene", "p_value": 0.4}],
        "audit": {"verdict": [{"level": "ok", "text": "fine"}], "checks": [{"p_value": 0.2}]},
        "tests": {"n_tests": 3, "adjustment": "holm", "significant": []},
    }  # fmt: skip
    del old["tables"], old["headline"]
    (kb / "results").mkdir()
    (kb / "results/c-first-1-aa.yaml").write_text(dump_yaml(old))
    registry = Registry(kb)
    assert registry.validate() == []
    tables = registry.tables("c-first-1-aa")
    assert tables["comparisons"] == [{"model": "fusion", "reference": "gene", "p_raw": 0.4}]
    assert tables["audit"] == [{"p_raw": 0.2}]
    assert registry.get("c-first-1-aa").verdict == [{"level": "ok", "text": "fine"}]
    assert registry.get("c-first-1-aa").surviving["n_tests"] == 3


def test_another_card_of_the_same_id_is_refused(kb):
    publish_result(whole("c-first-1-aa"), kb)
    with pytest.raises(InputError, match="another card has this id"):
        publish_result(whole("c-first-1-aa", n_subjects=300), kb)
    assert read_yaml(kb / "results/local/c-first-1-aa.yaml")[0]["n_subjects"] == 200


LADDER = {
    "rule": "one test", "by": BY_LADDER, "stage": "late_fusion", "escalate": True,
    "next_stage": "stacking", "rung": "stack", "algorithm": "linear", "p_raw": 0.01,
    "says": "Use stack: it gains.", "next": "Confirm it.",
    "inputs": [{"reference": "late fusion", "difference": 0.05, "p_raw": 0.01, "p_chance": 0.001}],
    "needs": [{"rung": "stack", "people": 300, "minutes": 2.5}, {"rung": "towers"}],
    "smallest_seen": 0.031,
}  # fmt: skip


def test_decision_of_the_old_rule_is_marked(kb):
    publish_result(whole("c-first-1-aa"), kb)
    card = Registry(kb).get("escalation-c-first", "decision")
    assert card.decision.startswith("Not told: made by the old rule")
    assert card.decision.endswith("It said: stay at late fusion.")
    assert card.evidence[0].says.startswith("old rule: fusion against gene: +0.010, p = 0.4")


def test_decision_is_drafted_with_all_evidence(kb):
    publish_result(whole("c-first-1-aa"), kb)
    publish_result(whole("c-first-2-bb", decision=LADDER, created="2026-01-02T00:00:00+00:00"), kb)
    publish_result(  # a run without the ladder decides nothing, and takes nothing back
        whole("c-first-3-cc", decision={"inputs": [], "by": BY_LADDER, "next_stage": "not_told"},
              created="2026-01-03T00:00:00+00:00"), kb)  # fmt: skip
    card = Registry(kb).get("escalation-c-first", "decision")
    assert [e.result for e in card.evidence] == ["c-first-1-aa", "c-first-2-bb"]
    assert card.decision == "Use stack: it gains."
    assert (card.next, card.smallest_seen) == ("Confirm it.", 0.031)
    assert [(n.rung, n.people, n.minutes) for n in card.needs] == [
        ("stack", 300, 2.5), ("towers", None, None),
    ]  # fmt: skip
    page = Catalogue(Registry(kb)).pages()["catalogue/decision/escalation-c-first.md"]
    for words in ("Next: Confirm it.", "0.031 or more is seen in 80 of 100", "| 300 | 2.5 |"):
        assert words in page
    assert card.rule == "one test"
    assert card.evidence[0].says.startswith("old rule: ")
    assert card.evidence[1].says == (
        "most often stack; what inner folds chose against late fusion: +0.050, p = 0.01 (linear, "
        "N = 200)"
    )
    stay = {**LADDER, "escalate": False, "next_stage": "late_fusion", "says": "Stay."}
    publish_result(whole("c-first-4-dd", decision=stay, created="2026-01-04T00:00:00+00:00"), kb)
    card = Registry(kb).get("escalation-c-first", "decision")
    assert card.decision.startswith("Stay. ")
    assert card.decision.endswith("The results disagree; see the evidence.")
    assert Registry(kb).validate() == []


def test_no_decision_where_the_rule_cannot_be_evaluated(kb):
    publish_result(whole("c-first-1-aa", decision={"inputs": []}), kb)
    assert not (kb / DECISION).exists()


def test_a_decision_that_a_person_took_is_kept(kb):
    publish_result(whole("c-first-1-aa"), kb)
    file = kb / DECISION
    file.write_text(file.read_text() + "state: accepted\ndecided_by: the group\n")
    before = file.read_text()
    publish_result(whole("c-first-2-bb"), kb)
    assert file.read_text() == before


def publish(number, kb):
    return publish_result(whole(f"c-first-{number:02d}-{number:04x}"), kb)


def test_runs_that_end_together_lose_and_mix_nothing(kb):
    with ProcessPoolExecutor(4) as pool:
        names = [name for name, new in pool.map(publish, range(16), [kb] * 16) if new]
    assert len(names) == 16
    registry = Registry(kb)
    assert registry.ids("result") == sorted(names)
    assert registry.validate() == []
    card = registry.get("escalation-c-first")
    assert sorted(e.result for e in card.evidence) == sorted(names)
    assert not [p for p in kb.rglob(".*") if p.is_file()]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_subjects": 9}, "counts 9 subjects"),
        ({"id": "../../evil"}, "not a valid result card"),
        ({"parameters": {"rows": [{"x": i} for i in range(200)]}}, "200 entries for 200 subjects"),
        ({"parameters": {"values": [0.1] * 60}}, "60 entries"),
        ({"parameters": {f"s{i}": float(i) for i in range(200)}}, "200 entries"),
        ({"warnings": [" ".join(str(i / 7) for i in range(60))]}, "may hold rows"),
        ({"parameters": {"age_min": 40.123}}, "extreme given exactly"),
        ({"subject_rows": []}, "not a valid result card"),
        ({"audit": {"rows": [1]}}, "not a valid result card"),
        ({"tables": {}}, "tables beside the card are not those"),
    ],
)
def test_cards_from_elsewhere_are_checked_again(kb, changes, words):
    with pytest.raises(InputError, match=words):
        publish_result(Result(result("c-first-1-aa") | changes, TABLES), kb)
    assert not list(kb.rglob("*.yaml"))
    assert not list(kb.parent.rglob("evil*"))


def again(**changes):
    """The same evidence from a later run."""
    later = {"created": "2026-02-01T00:00:00+00:00", "mlflow_run_id": "fedcba9876543210"}
    return whole("c-first-1-aa", **{**later, **changes})


def test_the_same_evidence_counts_once(kb):
    publish_result(whole("c-first-1-aa"), kb)
    assert publish_result(again(), kb) == ("c-first-1-aa", True)
    registry = Registry(kb)
    assert registry.get("c-first-1-aa").mlflow_run_id == "fedcba9876543210"
    assert len(registry.get("escalation-c-first", "decision").evidence) == 1
    # An older run's card, as a tracking server gives it later, takes nothing back.
    assert publish_result(whole("c-first-1-aa"), kb) == ("c-first-1-aa", False)
    assert Registry(kb).get("c-first-1-aa").mlflow_run_id == "fedcba9876543210"


def test_other_numbers_from_the_same_are_said(kb, caplog):
    publish_result(whole("c-first-1-aa"), kb)
    publish_result(again(headline=["fusion 0.71"]), kb)
    assert "gave another headline before (2026-01-01" in caplog.text


def test_a_published_result_lies_where_version_control_sees_it(kb):
    publish_result(whole("c-first-1-aa"), kb)
    moved = track_result(kb, "c-first-1-aa")
    assert [p.relative_to(kb).as_posix() for p in moved] == [
        "results/c-first-1-aa.yaml", "results/c-first-1-aa", "decisions/escalation-c-first.yaml",
    ]  # fmt: skip
    assert not list(kb.rglob("local/*"))
    assert Registry(kb).tables("c-first-1-aa") == TABLES
    with pytest.raises(InputError, match="is published"):
        track_result(kb, "c-first-1-aa")
    # The same again dirties nothing; another result is local until it is published, too.
    before = {p: p.stat().st_mtime_ns for p in kb.rglob("*") if p.is_file()}
    assert publish_result(again(), kb) == ("c-first-1-aa", False)
    assert {p: p.stat().st_mtime_ns for p in kb.rglob("*") if p.is_file()} == before
    publish_result(whole("c-first-2-bb", mlflow_run_id="b"), kb)
    assert {p.parent.name for p in kb.rglob("*.yaml") if p not in before} == {"local"}
    assert len(Registry(kb).get("escalation-c-first", "decision").evidence) == 2
    # Others have no result of this machine, so a published decision rests on none.
    publish_result(whole("c-first-3-cc", mlflow_run_id="c"), kb)
    track_result(kb, "c-first-3-cc")
    published = read_yaml(kb / "decisions/escalation-c-first.yaml")[0]
    assert [e["result"] for e in published["evidence"]] == ["c-first-1-aa", "c-first-3-cc"]
    assert len(Registry(kb).get("escalation-c-first", "decision").evidence) == 3
    assert Registry(kb).validate() == []


def test_a_result_is_found_by_its_run(kb):
    publish_result(whole("c-first-1-aa"), kb)
    publish_result(whole("c-first-2-bb", mlflow_run_id="b" * 16), kb)
    assert Registry(kb).result("bbbbbb").id == "c-first-2-bb"
    assert Registry(kb).result("c-first-1").id == "c-first-1-aa"
    with pytest.raises(InputError, match="no result for 'b'"):
        Registry(kb).result("b")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+x", "@sum", "-cmd", "\tx", "'=x", "''=x", "-0.5 is low", "a=b", "'quoted'"]
)
def test_no_cell_of_a_table_is_a_formula_and_every_one_comes_back(cell):
    rows = [{cell: cell, "b": -1.5}]
    text = table_text(rows)
    assert parse_table(text) == rows
    for line in csv.reader(io.StringIO(text)):
        assert line[0][:1] not in ("=", "+", "@", "\t")
        assert not line[0].startswith("-cmd")
