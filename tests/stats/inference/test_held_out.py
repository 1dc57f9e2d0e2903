from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference import held_out
from neurogenomics_kb.stats.inference.features import feature_tests, features_of_rows
from neurogenomics_kb.stats.inference.held_out import held_out_test
from neurogenomics_kb.stats.inference.stability import axis_stability


def data(seed: int, signal: float = 0.0, n: int = 100):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=n)
    X, Y = rng.normal(size=(n, 5)), rng.normal(size=(n, 4))
    X[:, 0] += signal * axis
    Y[:, 0] += signal * axis
    return X, Y, np.arange(n) % 5


def test_held_out_correlation_equals_one_fold_done_by_hand():
    X, Y, folds = data(0, signal=1.5)
    got = held_out_test(X, Y, folds, n_permutations=19)
    assert got.correlations.shape == (5, 3)
    assert got.mean[0] == pytest.approx(got.correlations[:, 0].mean())
    assert 0.4 < got.mean[0] < 0.9  # population value 0.69
    assert got.p_values[0] == 0.05


def test_test_of_held_out_correlations_is_calibrated_with_families_and_confounds():
    hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        families = np.repeat(np.arange(40), 3)
        Z = rng.normal(size=(120, 8))
        X, Y = (
            Z @ rng.normal(size=(8, 4))
            + rng.normal(size=(120, 4))
            + rng.normal(size=(40, 4))[families]
            for _ in "XY"
        )
        folds = (np.arange(40) % 4)[families]
        test = held_out_test(
            X, Y, folds, confounds=Z, blocks=families, n_permutations=39, random_state=seed
        )
        hits += test.p_values[0] <= 0.05
    assert stats.binomtest(int(hits), 150, 0.05).pvalue > 0.005


def test_component_behind_a_true_one_is_not_found():
    hits = np.zeros(2)
    for seed in range(100):
        X, Y, folds = data(seed, signal=3.0)
        hits += (
            held_out_test(X, Y, folds, n_permutations=39, random_state=seed).p_values[:2] <= 0.05
        )
    assert hits[0] == 100
    assert stats.binomtest(int(hits[1]), 100, 0.05).pvalue > 0.005


def test_folds_that_leave_too_few_training_subjects_are_refused():
    X, Y, folds = data(0)
    with pytest.raises(InputError, match="make every canonical correlation 1"):
        held_out_test(X[:12], Y[:12], folds[:12])


def test_stable_axis_is_told_from_chance():
    X, Y, _ = data(1, signal=3.0, n=200)
    found = axis_stability(X - X.mean(0), Y - Y.mean(0), n_bootstraps=40, random_state=0)
    assert found.bootstrap_x[0] > 0.97
    assert found.split_half_x[0] > 0.95
    assert found.split_half_x[1] < 0.8
    # Standard error of a correlation r over n subjects is about (1 - r²) / sqrt(n).
    r = np.corrcoef(X[:, 1], Y[:, 0])[0, 1]
    assert found.x_loading_se[1, 0] == pytest.approx((1 - r**2) / np.sqrt(200), rel=0.35)


def test_bootstrap_basis_equals_refitting_on_repeated_rows():
    """Weights on the Gram matrix against literally repeating rows."""
    from neurogenomics_kb.stats.inference.canonical import fit_cca
    from neurogenomics_kb.stats.inference.stability import _Rows, _variates

    X, Y, _ = data(2, signal=1.0)
    draws = np.bincount(np.random.default_rng(0).integers(100, size=100), minlength=100)
    rows = np.repeat(np.arange(100), draws)
    model = fit_cca(X[rows], Y[rows], 2)
    U, V = model.score(X, Y)
    found = _variates([_Rows(X, 5), _Rows(Y, 4)], draws.astype(float), 2)
    for mine, other in zip(found, (U, V), strict=True):
        for k in range(2):
            assert abs(np.corrcoef(mine[:, k], other[:, k])[0, 1]) == pytest.approx(1, abs=1e-8)


def test_held_out_test_stops_and_goes_on():
    X, Y, folds = data(0, signal=3.0)
    options = {"n_permutations": 39, "random_state": 0}
    found = held_out_test(X, Y, folds, max_permutations=390, **options)
    fixed = held_out_test(X, Y, folds, **options)
    assert found.draws[0] == 390
    assert (found.draws[1:] < 390).all()
    assert found.p_values[0] == 1 / 391
    assert fixed.draws.tolist() == [39] * 3
    np.testing.assert_array_equal(found.null[:39], fixed.null)
    # Every component is compared with the leading one under permutation, up to its own last draw.
    own = found.null[: found.draws[2], 0] >= found.mean[2]
    assert own.sum() == 2
    assert own[-1]
    assert (np.diff(found.p_values_low) >= 0).all()
    assert (np.diff(found.p_values_high) >= 0).all()
    assert found.p_values_low[0] == 0
    assert found.p_values_high[0] == pytest.approx(1 - 0.025 ** (1 / 390))


def test_single_precision_changes_no_p(monkeypatch):
    """Large products are made in it; what could decide is made again in double precision."""
    X, Y, folds = data(0, signal=1.0)
    options = {"n_permutations": 60, "max_permutations": 200, "random_state": 0}
    double = held_out_test(X, Y, folds, **options)
    monkeypatch.setattr(held_out, "SINGLE_FROM", 0)
    single = held_out_test(X, Y, folds, **options)
    np.testing.assert_array_equal(single.p_values, double.p_values)
    np.testing.assert_array_equal(single.draws, double.draws)
    np.testing.assert_allclose(single.null, double.null, atol=1e-5)
    assert not np.array_equal(single.null, double.null)
    # Everything lies beside an observed value: everything is made again.
    monkeypatch.setattr(held_out, "BESIDE", np.inf)
    again = held_out_test(X, Y, folds, **options)
    np.testing.assert_array_equal(again.null, double.null)


def test_tests_that_share_rows_give_what_each_gives_alone():
    X, Y, folds = data(1, signal=2.0)
    rows = held_out.held_out_rows(X, Y, folds, random_state=4, keep=30)
    shared = held_out.held_out_of_rows(rows, n_permutations=40)
    alone = held_out_test(X, Y, folds, n_permutations=40, random_state=4)
    np.testing.assert_array_equal(shared.null, alone.null)
    tests = features_of_rows(rows, n_permutations=40)
    own = feature_tests(X, Y, folds, n_permutations=40, random_state=4)
    for name, value in vars(own).items():
        np.testing.assert_allclose(getattr(tests, name), value, atol=1e-12, err_msg=name)
