from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.locked import locked_auc_difference, locked_r2_difference
from neurogenomics_kb.stats.prediction.metrics import held_out_r2
from neurogenomics_kb.stats.roc import delong_test


def draw(rng, n=120, shared=0.0, per=1):
    """Two equally good scores; clusters of `per` share what a score gets wrong."""
    codes = np.repeat(np.arange(n // per), per)
    y = (rng.random(n // per) < 0.4).astype(int)[codes]
    noise = np.sqrt(shared) * rng.normal(size=(2, n // per))[:, codes]
    a, b = 0.8 * y + noise + np.sqrt(1 - shared) * rng.normal(size=(2, n))
    return y, a, b, codes


def test_without_clusters_it_is_delong():
    y, a, b, _ = draw(np.random.default_rng(0))
    ours, delong = locked_auc_difference(y, a, b), delong_test(y, a, b)
    assert ours.difference == pytest.approx(delong.difference)
    assert ours.t == pytest.approx(delong.z, rel=1e-6)


def test_equal_models_are_told_apart_five_times_in_a_hundred():
    rng = np.random.default_rng(1)
    p = [locked_auc_difference(*draw(rng)[:3]).p_value for _ in range(600)]
    assert 0.028 < np.mean(np.array(p) < 0.05) < 0.075


def test_clusters_widen_the_error_where_relatives_are_alike():
    rng = np.random.default_rng(2)
    naive, ours = [], []
    for _ in range(400):
        y, a, b, codes = draw(rng, shared=0.9, per=4)
        naive.append(locked_auc_difference(y, a, b).p_value)
        ours.append(locked_auc_difference(y, a, b, clusters=codes).p_value)
    assert np.mean(np.array(naive) < 0.05) > 0.15
    assert np.mean(np.array(ours) < 0.05) < 0.085


def test_r2_difference_is_that_of_the_two_scores_and_calibrated():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(400):
        y = rng.normal(size=100)
        a, b = 0.3 * y + 0.8 * rng.normal(size=(2, 100))
        test = locked_r2_difference(y, a, b, 0.0)
        wanted = held_out_r2(y, a, 0.0) - held_out_r2(y, b, 0.0)
        assert test.difference == pytest.approx(wanted)
        p.append(test.p_value)
    assert 0.025 < np.mean(np.array(p) < 0.05) < 0.08


def test_a_class_in_one_family_is_refused():
    y, a, b, _ = draw(np.random.default_rng(0))
    clusters = np.where(y == 1, -1, np.arange(len(y)))
    with pytest.raises(InputError, match="in one cluster"):
        locked_auc_difference(y, a, b, clusters=clusters)
