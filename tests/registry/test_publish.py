from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.publish import publish_result
from neurogenomics_kb.registry.yaml_file import read_yaml
from tests.registry.results import result

DECISION = "decisions/escalation-c-first.yaml"


@pytest.fixture
def kb(tmp_path):
    (tmp_path / "kb").mkdir()
    return tmp_path / "kb"


def test_publishing_twice_changes_nothing(kb):
    assert publish_result(result("c-first-1-aa"), kb) == ("c-first-1-aa", True)
    before = {p: p.stat().st_mtime_ns for p in kb.rglob("*.yaml")}
    assert publish_result(result("c-first-1-aa"), kb) == ("c-first-1-aa", False)
    assert {p: p.stat().st_mtime_ns for p in kb.rglob("*.yaml")} == before


def test_another_card_of_the_same_id_is_refused(kb):
    publish_result(result("c-first-1-aa"), kb)
    with pytest.raises(InputError, match="another card has this id"):
        publish_result(result("c-first-1-aa", n_subjects=300), kb)
    assert read_yaml(kb / "results/c-first-1-aa.yaml")[0]["n_subjects"] == 200


def test_decision_is_drafted_with_all_evidence(kb):
    publish_result(result("c-first-1-aa"), kb)
    wins = {
        **result("x")["decision"], "escalate": True, "next_stage": "two_tower_contrastive",
        "inputs": [{"reference": "gene", "difference": 0.05, "p_raw": 0.01}],
    }  # fmt: skip
    later = "2026-01-02T00:00:00+00:00"
    publish_result(result("c-first-2-bb", decision=wins, created=later), kb)
    card = Registry(kb).get("escalation-c-first", "decision")
    assert [e.result for e in card.evidence] == ["c-first-1-aa", "c-first-2-bb"]
    assert card.decision.startswith("Go on to two tower contrastive.")
    assert "disagree" in card.decision
    assert "+0.050, p = 0.01" in card.evidence[1].says
    assert Registry(kb).validate() == []


def test_no_decision_where_the_rule_cannot_be_evaluated(kb):
    publish_result(result("c-first-1-aa", decision={"inputs": []}), kb)
    assert not (kb / DECISION).exists()


def test_a_decision_that_a_person_took_is_kept(kb):
    publish_result(result("c-first-1-aa"), kb)
    file = kb / DECISION
    file.write_text(file.read_text() + "state: accepted\ndecided_by: the group\n")
    before = file.read_text()
    publish_result(result("c-first-2-bb"), kb)
    assert file.read_text() == before


def publish(number, kb):
    return publish_result(result(f"c-first-{number:02d}-{number:04x}"), kb)


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
        ({"audit": {"rows": [{"x": i} for i in range(200)]}}, "200 entries for 200 subjects"),
        ({"audit": {"values": [0.1] * 60}}, "60 entries"),
        ({"audit": {f"s{i}": float(i) for i in range(200)}}, "200 entries"),
        ({"warnings": [" ".join(str(i / 7) for i in range(60))]}, "may hold rows"),
        ({"audit": {"age_min": 40.123}}, "extreme given exactly"),
        ({"subject_rows": []}, "not a valid result card"),
    ],
)
def test_cards_from_elsewhere_are_checked_again(kb, changes, words):
    with pytest.raises(InputError, match=words):
        publish_result(result("c-first-1-aa") | changes, kb)
    assert not list(kb.rglob("*.yaml"))
    assert not list(kb.parent.rglob("evil*"))
