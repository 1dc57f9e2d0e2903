from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.registry.disclosure import check_disclosure, suppress_flow

IDS = [f"sub-{i:04d}" for i in range(50)]


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"note": "see sub-0003"}, "card.note holds a subject identifier"),
        ({"sub-0003": 1}, "identifier"),
        ({"a": [{"b": ["x", "file/sub-0001_bold.tsv"]}]}, r"b\[1\] holds a subject identifier"),
        ({"a": [{"b": "path/sub-0001/bold"}]}, r"card.a\[0\].b holds"),
        ({"a": list(range(50))}, "50 entries for 50 subjects"),
        ({"rows": [{"x": i} for i in range(60)]}, "60 entries"),
        ({"table": {"n": 3}}, "card.table.n counts 3 subjects"),
        ({"excluded": 9}, "fewer than 10"),
    ],
)
def test_smuggled_rows_and_identifiers_are_refused(card, words):
    with pytest.raises(InputError, match=words):
        check_disclosure(card, IDS)


def test_numeric_identifiers_are_found():
    with pytest.raises(InputError, match="identifier"):
        check_disclosure({"a": 1234567}, ["1234567"])
    check_disclosure({"a": 5}, ["5"])
    check_disclosure({"a": "sub-00012 and xsub-0001"}, IDS)


def test_aggregates_pass():
    check_disclosure({"n": 0, "n_subjects": 385, "metrics": [{"auroc": 0.7}] * 20, "p": 3}, IDS)


def test_small_steps_cannot_be_subtracted():
    """No difference of two shown counts is between 1 and 9, over many random flows."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        excluded = rng.choice([0, 1, 4, 9, 10, 12, 40], rng.integers(1, 7))
        remaining = 400 - np.cumsum(excluded)
        flow = [{"step": "start", "excluded": 0, "remaining": 400}]
        flow += [
            {"step": f"s{i}", "excluded": int(e), "remaining": int(r)}
            for i, (e, r) in enumerate(zip(excluded, remaining, strict=True))
        ]
        shown = suppress_flow(flow)
        counts = [s["remaining"] for s in shown if s["remaining"] != "hidden"]
        assert counts[-1] == flow[-1]["remaining"]
        gaps = -np.diff(counts)
        assert not ((gaps > 0) & (gaps < 10)).any()
        for before, after in zip(flow[1:], shown[1:], strict=True):
            if isinstance(after["excluded"], int):
                assert after["excluded"] == before["excluded"]
                assert not 0 < after["excluded"] < 10
        check_disclosure(shown, IDS)
