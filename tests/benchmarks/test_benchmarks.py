"""Every benchmark agrees with its alternative at tiny sizes, and the page equals the store."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from tests.benchmarks import store
from tests.benchmarks.harness import Side, compare, near, with_peak

SLOW = {"brain_encoders", "knowledge_base", "ukb", "demo"}
NAMES = [name for name in store.BENCHMARKS if store.there(name)]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NAMES]
)
def test_agrees_with_its_alternatives(name):
    records = import_module(f"tests.benchmarks.bench_{name}").run(tiny=True)
    made = [record for record in records if not record.get("skipped")]
    for record in made:
        assert record["ours_s"] > 0
        assert record["agreement"]
        assert store.row(record).count(" | ") == 7
    missing = [r["skipped"] for r in records if r.get("skipped")]
    assert made or missing
    if not made:
        pytest.skip("; ".join(missing))


def test_every_benchmark_is_on_the_list():
    """Measurements of a single part, which have no alternative, stand apart."""
    folder = store.STORE.parents[2] / "tests" / "benchmarks"
    found = {p.stem.removeprefix("bench_") for p in folder.glob("bench_*.py")}
    assert found - set(store.BENCHMARKS) == {"biobank", "eeg"}


def test_the_page_equals_the_store():
    text = store.PAGE.read_text(encoding="utf-8")
    assert store.page_with(text, store.tables(store.read())) == text


def test_what_disagrees_is_not_timed():
    calls = []
    ours = Side(lambda: calls.append(1) or np.ones(3))
    with pytest.raises(AssertionError, match=r"largest difference 0\.5"):
        compare("toy", ours, Side(lambda: np.array([1, 1, 1.5])), size="3", alternative="other",
                agree=near(0.1))  # fmt: skip
    assert len(calls) == 1
    with pytest.raises(AssertionError, match="nan"):
        near(0.1)(np.nan, 1.0)


def test_the_order_is_balanced():
    calls = []
    record = compare(
        "toy",
        Side(lambda: calls.append("a")),
        Side(lambda: calls.append("b")),
        size="none",
        alternative="other",
        agree=lambda a, b: "equal",
        turns=4,
    )
    assert "".join(calls) == "ab" + "abbaabba"
    assert record["turns"] == 4
    assert record["spread"][0] <= record["ratio"] <= record["spread"][1]


def test_preparations_are_subtracted_and_parts_divide(monkeypatch):
    spent = iter([10.0, 4.0])
    monkeypatch.setattr("tests.benchmarks.harness.timed", lambda task: next(spent))
    assert Side(lambda: None, lambda: None, parts=3).seconds() == 2.0


def test_peak_is_what_a_call_holds():
    _, peak = with_peak(lambda: np.zeros(1_000_000).sum())
    assert peak == pytest.approx(8, rel=0.05)


def test_a_stored_benchmark_replaces_its_older_self(tmp_path):
    path = tmp_path / "results.json"
    record = {"name": "n", "size": "1", "alternative": "a", "ours_s": 1.0, "other_s": 2.0,
              "ratio": 0.5, "spread": [0.4, 0.6], "peak_ours_mb": 1.0, "peak_other_mb": None,
              "agreement": "equal", "note": "only a toy"}  # fmt: skip
    store.write("roc", [record], path)
    store.write("cca", [{"name": "n", "alternative": "b", "skipped": "b is not installed"}], path)
    store.write("roc", [record | {"ours_s": 3.0}], path)
    stored = store.read(path)
    assert list(stored) == ["cca", "roc"]
    assert [r["ours_s"] for r in stored["roc"]["records"]] == [3.0]
    page = store.page_with("a\n<!-- results -->\nold\n<!-- end of results -->\nz\n",
                           store.tables(stored))  # fmt: skip
    assert "old" not in page
    assert page.startswith("a\n")
    assert page.endswith("\nz\n")
    assert "| n | 1 | 3.00 s | a | 2.00 s | 0.500 (0.400–0.600) | 1.00, — | equal |" in page
    assert "N, 1: only a toy." in page
    assert "Not compared: b (b is not installed)" in page
