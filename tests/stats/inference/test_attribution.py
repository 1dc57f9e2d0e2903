from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.stats.inference.attribution import (
    _auc_gain,
    _r2_gain,
    attainable_significance,
    attribution_table,
    paired_swap_test,
    swap_widening,
    wilcoxon_floor,
)
from neurogenomics_kb.stats.inference.clusters import correlated_units
from neurogenomics_kb.stats.inference.leave_one_out import LeaveOneOutPCA
from neurogenomics_kb.stats.transformers.filters import DropNearConstant, count_different
from neurogenomics_kb.stats.transformers.projection import CappedPCA, cap_dimension


@pytest.mark.parametrize("p", [25, 200])
def test_leaving_columns_out_equals_refitting(p):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(80, p)) + 3, rng.normal(size=(30, p)) + 3
    fast = LeaveOneOutPCA(train, test, 6)
    dropped = np.array([0, 5, 6, 17])
    kept = np.setdiff1d(np.arange(p), dropped)
    for got, columns in ((fast.without(dropped), kept), (fast.only(dropped), dropped)):
        k = min(6, len(columns))
        pca = PCA(k, whiten=True, svd_solver="full").fit(train[:, columns])
        for scores, table in zip(got, (train, test), strict=True):
            np.testing.assert_allclose(
                np.abs(scores), np.abs(pca.transform(table[:, columns])), atol=1e-8
            )


def test_swap_test_equals_enumeration_on_a_score():
    y = np.array([0.0, 1, 2, 3])
    full = y + np.array([0.1, -0.1, 0.2, 0.0])
    reduced = y + np.array([1.0, 0.5, -0.7, 0.3])
    gains = (y - reduced) ** 2 - (y - full) ** 2
    signs = np.array(np.meshgrid(*[[1, -1]] * 4)).reshape(4, -1)
    exact = np.mean(signs.T @ gains >= gains.sum() - 1e-12)
    result = paired_swap_test(
        y, full, reduced[:, None], np.zeros(4), continuous=True, n_permutations=20000
    )
    assert result.p_values[0] == pytest.approx(exact, abs=0.01)


def test_swap_test_finds_what_matters_and_nothing_else():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    full = y + rng.normal(size=200)
    reduced = np.column_stack(
        [0.2 * y + rng.normal(size=200), full + rng.normal(0, 0.05, (3, 200)).T[:, 0]]
    )
    result = paired_swap_test(y, full, reduced, np.arange(200) % 5)
    assert result.p_values_fwe[0] < 0.01
    assert result.p_values_fwe[1] > 0.05
    assert (result.p_values_fwe >= result.p_values).all()


def test_swap_test_does_not_reject_equal_models():
    rejected = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 80)
        shared = 0.7 * y + rng.normal(size=80)
        full = shared + rng.normal(0, 0.5, 80)
        reduced = shared[:, None] + rng.normal(0, 0.5, (80, 5))
        test = paired_swap_test(y, full, reduced, np.arange(80) % 4, n_permutations=99)
        rejected += test.p_values_fwe.min() <= 0.05
    assert stats.binomtest(rejected, 100, 0.05).pvalue > 0.001


def test_table_states_all_tests_and_the_wilcoxon_floor():
    d = np.array([[0.1, 0.0], [0.12, 0.0], [0.09, 0.0], [0.11, 0.0], [0.1, 0.0]])
    swap = paired_swap_test(
        np.array([0, 1] * 10),
        np.arange(20.0),
        np.zeros((20, 2)),
        np.arange(20) // 4,
        n_permutations=19,
    )
    table = attribution_table(
        ["a", "b"], d, swap, np.array([[0.6, 0.5, 0.7], [0.5, 0.4, 0.6]])
    ).set_index("unit")
    assert table.loc["a", "p_wilcoxon"] == wilcoxon_floor(5) == 0.0625
    assert table.loc["b", "p_t"] == 1
    assert table.loc["a", "p_t"] < 0.001


def test_capped_pca_equals_scikit_learn_and_respects_all_bounds():
    rng = np.random.default_rng(0)
    for p in (12, 300):
        X = rng.normal(size=(60, p))
        got = CappedPCA(4, n_blocks=1, subjects_per_dimension=2).fit(X)
        expected = PCA(4, whiten=True, svd_solver="full").fit(X)
        np.testing.assert_allclose(
            np.abs(got.transform(X)), np.abs(expected.transform(X)), atol=1e-7
        )
        assert got.explained_variance_ratio_ == pytest.approx(
            expected.explained_variance_ratio_.sum()
        )
    assert CappedPCA(512, n_blocks=2, subjects_per_dimension=10).fit(X).n_components_ == 3
    low_rank = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 9))
    assert CappedPCA(512, n_blocks=1, subjects_per_dimension=2).fit(low_rank).n_components_ == 2
    assert cap_dimension(512, n=320, n_blocks=2, subjects_per_dimension=10) == 16
    assert cap_dimension(512, n=5, n_blocks=2, subjects_per_dimension=10) == 1


def test_near_constant_features_are_dropped_by_count():
    import pandas as pd

    values = np.zeros((20, 4))
    values[:3, 1] = 1
    values[:10, 2] = np.arange(10)
    values[0, 3] = np.nan
    assert count_different(values).tolist() == [0, 3, 9, 0]
    frame = pd.DataFrame(values, columns=list("abcd"))
    assert DropNearConstant(1).fit(frame).kept_ == ["b", "c"]
    assert DropNearConstant(5).fit(frame).kept_ == ["c"]


def test_relatives_swap_together():
    """Twins with one prediction: swapping them apart would halve the spread of the null."""
    rng = np.random.default_rng(0)
    y, full, reduced = rng.integers(0, 2, 60), rng.normal(size=60), rng.normal(size=60)
    twins = np.repeat(np.arange(60), 2)
    folds = (np.arange(60) % 3)[twins]
    options = {"n_permutations": 2000}
    one = paired_swap_test(y, full, reduced[:, None], np.arange(60) % 3, **options)
    both = paired_swap_test(
        y[twins], full[twins], reduced[twins][:, None], folds, clusters=twins, **options
    )
    assert both.difference[0] == pytest.approx(one.difference[0])
    assert both.p_values[0] == pytest.approx(one.p_values[0], abs=0.04)


def test_attainable_significance_is_known_beforehand():
    best = attainable_significance(10, 39, 1000, 0.05)
    assert best.wilcoxon == pytest.approx(0.00195, abs=1e-5)
    # Two rejections of 39 at the floor give the q of 0.038 that is in print; one gives 0.076.
    assert best.wilcoxon_alone == pytest.approx(39 / 512)
    assert best.swap == pytest.approx(1 / 1001)
    assert best.permutations_needed == 779
    assert attainable_significance(5, 38, 1000, 0.05).wilcoxon_alone == 1.0


def test_correlated_units_form_clusters_by_their_features():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 2))
    X = np.column_stack([base, base + 0.3 * rng.normal(size=(200, 2)), rng.normal(size=(200, 3))])
    units = {
        "a": np.array([0, 1]),
        "b": np.array([2, 3]),
        "c": np.array([4]),
        "d": np.array([5, 6]),
    }
    assert correlated_units(X, units) == [["a", "b"]]
    assert correlated_units(X, units, threshold=0.999) == []
    assert correlated_units(X, {"a": units["a"]}) == []


def test_widening_is_overlap_times_what_ranks_lose():
    folds = np.repeat([0, 1], 8)
    pairs = np.repeat(np.arange(8), 2)
    assert swap_widening(folds, pairs, ranked=False) == pytest.approx(1.5)
    assert swap_widening(folds, pairs, ranked=True) == pytest.approx(1.5 * 4 / 3)
    # One fold of a single family, one of families of six and two: 64 / 40 = 1.6 effective ones.
    unequal = np.repeat([0, 1, 2], [8, 6, 2])
    assert swap_widening(folds, unequal, ranked=True) == pytest.approx(1.5 * (1 + 1.6 / 0.6) / 2)
    assert swap_widening(np.zeros(16), pairs, ranked=True) == pytest.approx(8 / 7)


@pytest.mark.parametrize(("ranked", "expected"), [(True, 8 / 7), (False, 1.0)])
def test_swaps_of_ranks_show_too_little_variance_by_the_widening(ranked, expected):
    """Fixed models and eight people: all 256 swaps, against the variance over data sets."""
    swaps = np.array(list(itertools.product([False, True], repeat=8)))
    gain = _auc_gain if ranked else _r2_gain
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 4) if ranked else np.arange(8.0)
    observed, seen = [], []
    for _ in range(4000):
        full, reduced = rng.normal(size=(2, 8)) if ranked else y + rng.normal(size=(2, 8))
        found = gain(y, full, reduced, swaps)
        observed.append(found[0] ** 2)
        seen.append(np.mean(found**2))
    ratio = np.mean(observed) / np.mean(seen)
    error = np.std(observed) / np.mean(seen) / np.sqrt(len(seen))
    assert error < 0.03
    assert ratio == pytest.approx(expected, abs=3 * error)
    assert ratio == pytest.approx(
        swap_widening(np.zeros(8), np.arange(8), ranked=ranked), abs=3 * error
    )


@pytest.mark.parametrize("rounded", [0, 1, 8])
def test_swapped_gains_are_those_of_ranking_every_permutation(rounded):
    rng = np.random.default_rng(rounded)
    y = (rng.random(47) < 0.3).astype(float)
    a, b = (np.round(rng.normal(size=47), rounded) for _ in range(2))
    swaps = rng.random((60, 47)) < 0.5
    ranked = [stats.rankdata(scores) for scores in (a, b)]
    for swapped, gain in zip(swaps, _auc_gain(y, a, b, swaps), strict=True):
        first = roc_auc_score(y, np.where(swapped, ranked[1], ranked[0]))
        assert gain == pytest.approx(
            first - roc_auc_score(y, np.where(swapped, ranked[0], ranked[1])), abs=1e-12
        )
