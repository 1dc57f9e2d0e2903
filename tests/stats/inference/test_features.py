"""Feature tests of canonical axes and selection over halves."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.features import feature_tests
from neurogenomics_kb.stats.inference.stability import axis_stability, selected_per_half


def cohort(seed, n=160, p=8, q=6, signal=1.0, second=0.0):
    """Blocks whose first two (X) and first (Y) columns carry an axis; four confounds on both."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 4))
    X = rng.normal(size=(n, p)) + Z @ rng.normal(size=(4, p))
    Y = rng.normal(size=(n, q)) + Z @ rng.normal(size=(4, q))
    z, w = rng.normal(size=(2, n, 1))
    X[:, :2] += signal * z
    Y[:, :1] += signal * z
    X[:, 2:4] += second * w
    Y[:, 1:2] += second * w
    return X, Y, Z


def test_features_that_carry_an_axis_are_found_and_the_others_are_not():
    X, Y, Z = cohort(0, signal=1.5, second=1.0)
    found = feature_tests(
        X, Y, np.arange(160) % 5, confounds=Z, n_components=2, n_permutations=199, random_state=0
    )
    assert (found.x_p_values[:, 0] <= 0.05).tolist() == [True] * 2 + [False] * 6
    assert (found.y_p_values[:, 0] <= 0.05).tolist() == [True] + [False] * 5
    assert (found.x_p_values[:, 1] <= 0.05).tolist() == [False] * 2 + [True] * 2 + [False] * 4
    assert (found.y_p_values[:, 1] <= 0.05).tolist() == [False, True] + [False] * 4
    # Smallest p: one plus none of 199 over 200; the raw p is never above the family-wise one.
    assert found.x_p_values[0, 0] == 1 / 200
    for raw, adjusted in (
        (found.x_p_raw, found.x_p_values),
        (found.y_p_raw, found.y_p_values),
    ):
        assert (raw <= adjusted).all()
    assert (raw < adjusted).any()


def test_cross_loadings_go_the_way_of_the_axis_and_estimate_the_correlation_with_the_other_side():
    X, Y, Z = cohort(1, n=2000)
    found = feature_tests(
        X, Y, np.arange(2000) % 5, confounds=Z, n_components=1, n_permutations=19, random_state=0
    )
    # z explains half of a column that carries it, and the variate of Y is its first column.
    np.testing.assert_allclose(np.abs(found.x_cross[:2, 0]), 0.5, atol=0.05)
    np.testing.assert_allclose(found.x_cross[2:, 0], 0.0, atol=0.08)
    assert (np.sign(found.x_cross[:2]) == np.sign(found.x_loadings[:2])).all()
    assert np.sign(found.y_cross[0, 0]) == np.sign(found.y_loadings[0, 0])


def test_a_flipped_feature_flips_its_cross_loading_only():
    X, Y, Z = cohort(2)
    folds = np.arange(160) % 4
    settings = {"confounds": Z, "n_components": 1, "n_permutations": 19, "random_state": 3}
    one = feature_tests(X, Y, folds, **settings)
    X = X * np.r_[-1.0, np.ones(7)]
    other = feature_tests(X, Y, folds, **settings)
    same_axis = np.sign(one.y_loadings[0, 0] * other.y_loadings[0, 0])
    flipped = one.x_cross[:, 0] * np.r_[-1.0, np.ones(7)] * same_axis
    np.testing.assert_allclose(other.x_cross[:, 0], flipped, atol=1e-10)
    np.testing.assert_allclose(other.x_p_values, one.x_p_values)


def test_families_and_an_empty_column():
    X, Y, Z = cohort(4, signal=2.0)
    families = np.arange(160) // 2
    X[:, 5] = Z[:, 0] * 2 - 1  # the confounds explain it entirely
    found = feature_tests(
        X, Y, families % 5, confounds=Z, n_components=1, n_permutations=99, blocks=families,
        random_state=0,
    )  # fmt: skip
    assert (found.x_p_values[:2, 0] == 0.01).all()
    assert abs(found.x_cross[5, 0]) < 1e-6
    assert found.x_p_values[5, 0] == 1.0


def test_rows_that_do_not_match_are_refused():
    X, Y, _ = cohort(0)
    with pytest.raises(InputError, match="X has 160 rows, Y 159"):
        feature_tests(X, Y[:-1], np.arange(160) % 5)


def test_family_wise_rate_stays_below_its_level():
    """60 cohorts without an axis, and with one: 8 hits of 60 have a chance of 1 % at 5 %."""
    none, other = 0, 0
    for seed in range(60):
        settings = {"n_components": 1, "n_permutations": 39, "random_state": seed}
        X, Y, Z = cohort(seed, n=90, signal=0.0)
        found = feature_tests(X, Y, np.arange(90) % 5, confounds=Z, **settings)
        none += found.x_p_values.min() <= 0.05
        X, Y, Z = cohort(seed, n=90, signal=1.5)
        found = feature_tests(X, Y, np.arange(90) % 5, confounds=Z, **settings)
        other += found.x_p_values[2:].min() <= 0.05
        assert found.x_p_values[0, 0] <= 0.05
    assert 0 < none < 8
    assert other < 8


def test_selection_is_the_share_of_halves_among_the_largest():
    X, Y, Z = cohort(5, n=400, signal=2.0)
    Z = np.column_stack([np.ones(400), Z])
    X, Y = (A - Z @ np.linalg.lstsq(Z, A)[0] for A in (X, Y))
    found = axis_stability(X, Y, n_components=1, n_bootstraps=5, n_splits=30, random_state=0)
    assert found.x_top == selected_per_half(8) == 2
    assert found.y_top == selected_per_half(6) == 2
    np.testing.assert_array_equal(found.x_selection[:2, 0], 1.0)
    # Two of eight are chosen in a half: what the two that carry the axis leave is nothing.
    np.testing.assert_array_equal(found.x_selection[2:, 0], 0.0)
    assert found.y_selection[0, 0] == 1.0
    # The second place goes round among the five others, where half of the signs agree by chance.
    assert 0 < found.y_selection[1:, 0].sum() <= 1.0
    assert (found.y_selection * 60 == np.round(found.y_selection * 60)).all()
