from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.disclosure import check_disclosure, round_extremes, suppress_flow

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
        ({"site_a.n_cases": 4.0}, "counts 4 subjects"),
        ({"a": {f"x{i}": i for i in range(50)}}, "50 entries for 50 subjects"),
        ({"metrics": list(range(60))}, "60 entries"),
        ({"metrics": [{"scores": [0.5] * 51}]}, "51 entries"),
        ({"a": "1 2 3 " * 20}, "may hold rows"),
        ({"a": "x" * 3000}, "3,000 characters"),
        ({"age_max": 81.37}, "extreme"),
        ({"range": [18.25, 80]}, "extreme"),
    ],
)
def test_smuggled_rows_and_identifiers_are_refused(card, words):
    with pytest.raises(InputError, match=words):
        check_disclosure(card, IDS)


def test_numeric_identifiers_are_found():
    with pytest.raises(InputError, match="identifier"):
        check_disclosure({"a": 1234567}, ["1234567"])
    check_disclosure({"a": 5}, ["5"])
    check_disclosure({"a": "sub-00112 and xsub-0001"}, IDS)


def test_tables_may_be_longer_than_a_small_study():
    rows = [{"model": f"m{i}", "value": 0.5} for i in range(122)]
    check_disclosure({"metrics": rows}, IDS)
    with pytest.raises(InputError, match="122 entries"):
        check_disclosure({"rows": rows}, IDS)


def test_a_small_study_may_report_many_named_numbers():
    names = [f"auroc.{a}.{b}{c}" for a in "abcdefg" for b in "hijklmn" for c in range(5)]
    check_disclosure(dict.fromkeys(names, 0.5), IDS)
    with pytest.raises(InputError, match="50 entries"):
        check_disclosure({f"auroc.{i}": 0.5 for i in range(50)}, IDS)


def test_size_of_the_cohort_replaces_unknown_identifiers():
    with pytest.raises(InputError, match="40 entries for 40 subjects"):
        check_disclosure({"rows": [{"x": 1}] * 40}, (), n_subjects=40)


def test_minimum_is_a_setting():
    check_disclosure({"n": 6}, IDS, minimum=5)
    with pytest.raises(InputError, match="fewer than 20"):
        check_disclosure({"n": 15}, IDS, minimum=20)


def test_extremes_are_rounded():
    data = {"age_max": 81.37, "range": [18.25, 80.0], "p": 0.01234}
    assert round_extremes(data) == {"age_max": 81.0, "range": [18.0, 80.0], "p": 0.01234}
    check_disclosure(round_extremes(data), IDS)


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
