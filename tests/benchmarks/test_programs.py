"""What is timed beside a program agrees with it: the comparisons at sizes of seconds."""

from __future__ import annotations

import pytest
from tests.benchmarks import bench_polygenic, bench_sequences
from tests.benchmarks.programs import run_program

KEYS = {
    "name", "size", "alternative", "ours_s", "other_s", "ratio", "spread", "peak_ours_mb",
    "peak_other_mb", "agreement", "turns",
}  # fmt: skip


def tiny(module):
    records = module.run(tiny=True)
    for each in records:
        if "skipped" in each:
            pytest.skip(each["skipped"])
    return records


@pytest.mark.parametrize("module", [bench_polygenic, bench_sequences], ids=lambda m: m.NAME)
def test_ours_and_the_program_agree(module):
    for each in tiny(module):
        assert each.keys() == KEYS
        assert each["agreement"] == "equal" or each["agreement"].startswith("largest difference")
        assert each["ratio"] > 0
        # The program's own memory, not that of the process that started it.
        assert each["peak_other_mb"] < each["peak_ours_mb"]


def test_a_difference_ends_the_comparison(monkeypatch):
    code = bench_sequences.OURS.replace('" ".join(', '"N".join(')
    monkeypatch.setattr(bench_sequences, "OURS", code)
    with pytest.raises(AssertionError, match="10 of 10 haplotypes differ"):
        tiny(bench_sequences)


def test_a_program_that_fails_is_named():
    with pytest.raises(RuntimeError, match="false ended with"):
        run_program(["false"])
