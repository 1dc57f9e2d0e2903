from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.normal_scores import normal_scores
from neurogenomics_kb.stats.inference.regularisation import best_over_candidates


def wide(seed: int, signal: float = 0.0, n: int = 60):
    """More variables than an unregularised test can take."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=n)
    X, Y = rng.normal(size=(n, 50)), rng.normal(size=(n, 30))
    X[:, :5] += signal * axis[:, None]
    Y[:, :5] += signal * axis[:, None]
    return X, Y, rng.normal(size=(n, 4))


@pytest.mark.parametrize("kind", ["ridge", "pca"])
def test_choosing_the_regularisation_is_paid_for(kind):
    grid = [2, 4, 8] if kind == "pca" else None
    hits = 0
    for seed in range(150):
        X, Y, Z = wide(5000 + seed)
        hits += (
            permutation_cca(
                X, Y, confounds=Z, regularisation=kind, grid=grid, n_permutations=39,
                n_components=1, random_state=seed,
            ).p_values[0]
            <= 0.05
        )  # fmt: skip
    assert stats.binomtest(int(hits), 150, 0.05).pvalue > 0.005


@pytest.mark.parametrize("kind", ["ridge", "pca"])
def test_regularised_axis_is_found_where_p_plus_q_exceeds_n(kind):
    X, Y, Z = wide(1, signal=1.5)
    result = permutation_cca(
        X, Y, confounds=Z, regularisation=kind, n_permutations=99, random_state=0
    )
    assert result.p_values[0] == 0.01
    assert result.regularisation.startswith(kind)
    scores = np.corrcoef(result.x_scores[:, 0], result.y_scores[:, 0])[0, 1]
    assert scores == pytest.approx(result.correlations[0])
    np.testing.assert_allclose(np.abs(result.x_loadings[:5, 0]).min() > 0.5, True)
    with pytest.raises(InputError, match="make every canonical correlation 1"):
        permutation_cca(X, Y, confounds=Z)


def test_ridge_without_strength_is_plain_canonical_correlation():
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(80, 5)), rng.normal(size=(80, 4))
    plain = permutation_cca(X, Y, n_permutations=99, random_state=1)
    ridge = permutation_cca(
        X, Y, n_permutations=99, random_state=1, regularisation="ridge", grid=[1e-12]
    )
    np.testing.assert_allclose(plain.correlations, ridge.correlations, atol=1e-8)
    np.testing.assert_array_equal(plain.p_values, ridge.p_values)


def test_the_best_candidate_is_the_one_furthest_from_its_own_null():
    rng = np.random.default_rng(0)
    null = rng.normal([[[0.0], [100.0]]], 1.0, size=(500, 2, 1))
    observed = np.array([[4.0], [101.0]])
    best, under_null, chosen = best_over_candidates(observed, null)
    assert chosen[0] == 0
    assert best[0] == pytest.approx(4.0, abs=0.3)
    assert under_null.shape == (500, 1)


def test_normal_scores_are_blom_quantiles_and_share_ties():
    got = normal_scores(np.array([[10.0], [20.0], [20.0], [1e9]]))[:, 0]
    expected = stats.norm.ppf((np.array([1, 2.5, 2.5, 4]) - 3 / 8) / (4 + 1 / 4))
    np.testing.assert_allclose(got, expected)


def test_impossible_grids_are_refused():
    X, Y, Z = wide(0)
    with pytest.raises(InputError, match="no dimension of the grid"):
        permutation_cca(X, Y, confounds=Z, regularisation="pca", grid=[200])
    with pytest.raises(InputError, match="ridge strength 0"):
        permutation_cca(X, Y, confounds=Z, regularisation="ridge", grid=[0.0])
