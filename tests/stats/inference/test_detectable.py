"""The size that a check says it would have seen is the size that it sees in 80 of 100 cohorts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.stats.inference.audit import FoldDecoder, decode, label_permutations
from neurogenomics_kb.stats.inference.detectable import Tail

LEVEL = 0.002


def test_tail_is_that_of_a_t_distribution():
    null = np.random.default_rng(0).normal(2.0, 0.5, 200)
    tail = Tail.of(np.append(null, [np.nan, np.inf]))
    assert (tail.mean, tail.spread, tail.n) == (null.mean(), null.std(ddof=1), 200)
    value = 4.0
    exact = stats.t.sf((value - tail.mean) / (tail.spread * np.sqrt(1 + 1 / 200)), 199)
    assert tail.p_value(value) == pytest.approx(exact)
    assert tail.p_value(value, 7) == pytest.approx(7 * exact)
    assert tail.p_value(-5.0, 7) == 1.0
    # What is seen lies 0.84 spreads beyond what is just told.
    edge = tail.seen(LEVEL, 7) - stats.norm.ppf(0.8) * tail.spread
    assert tail.p_value(edge, 7) == pytest.approx(LEVEL)
    assert tail.seen(LEVEL, least=10.0) == pytest.approx(10 + stats.norm.ppf(0.8) * tail.spread)


@pytest.mark.parametrize("null", [[], [1.0, 2.0], [1.0] * 50, [np.nan] * 50])
def test_no_null_is_no_size(null):
    tail = Tail.of(np.array(null))
    assert np.isnan(tail.p_value(3.0))
    assert np.isnan(tail.seen(LEVEL))


def test_false_alarms_of_decoders_are_at_their_level():
    """Two blocks at a level of 0.05 over both, by the tail of 99 relabellings."""
    hits = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y, folds = rng.integers(2, size=80), np.arange(80) % 4
        rows = label_permutations(80, 99, random_state=seed)
        found = [decode(FoldDecoder(rng.normal(size=(80, 5)), folds), y, rows) for _ in range(2)]
        hits += min(d.tail.p_value(d.value, 2) for d in found) <= 0.05
    assert stats.binomtest(int(hits), 300, 0.05).pvalue > 0.005


def test_size_that_would_have_been_seen_is_seen():
    """Classes that lie as far apart as gives the AUC that the check names."""
    hits, values = 0, []
    y, folds = np.arange(160) % 2, (np.arange(160) // 2) % 5
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = label_permutations(160, 99, random_state=seed)
        noise = rng.normal(size=(160, 1))
        named = decode(FoldDecoder(noise, folds), y, rows).tail.seen(LEVEL)
        planted = noise + np.sqrt(2) * stats.norm.ppf(named) * y[:, None]
        found = decode(FoldDecoder(planted, folds), y, rows)
        values.append(found.value - named)
        hits += found.tail.p_value(found.value) <= LEVEL
    assert abs(np.mean(values)) < 0.02
    # Estimates about a true value vary less than about none, so it is seen in 80 at least.
    assert 0.78 <= hits / 200 <= 0.95
