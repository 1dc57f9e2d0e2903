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


def test_partial_least_squares_are_the_singular_vectors_of_the_cross_products():
    rng = np.random.default_rng(7)
    X, Y = rng.normal(size=(90, 6)) * [5, 1, 1, 1, 1, 1], rng.normal(size=(90, 4))
    Y[:, 0] += X[:, 1]
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    found = permutation_cca(
        X, Y, n_components=3, n_permutations=19, regularisation="pls", random_state=0,
        statistic="roy",
    )  # fmt: skip
    left, values, right = np.linalg.svd(X.T @ Y)
    for weights, theirs in ((found.x_weights, left[:, :3]), (found.y_weights, right[:3].T)):
        unit = weights / np.linalg.norm(weights, axis=0)
        np.testing.assert_allclose(np.abs((unit * theirs).sum(axis=0)), 1.0)
    # Correlations are those of the variates; the statistic is the covariance, in units.
    variates = np.corrcoef((X @ left[:, :3]).T, (Y @ right[:3].T).T)[:3, 3:]
    np.testing.assert_allclose(found.correlations, np.diag(np.abs(variates)))
    np.testing.assert_allclose(found.statistic / found.statistic[0], values[:3] / values[0])
    # The first axis takes the wide column, which canonical correlation would not.
    assert np.abs(found.x_loadings[0, :]).max() > 0.9
    assert found.regularisation == "partial least squares"
    with pytest.raises(InputError, match="partial least squares, which has no penalty"):
        permutation_cca(X, Y, n_permutations=19, regularisation="pls", grid=[1.0])


def test_strong_ridge_is_partial_least_squares():
    rng = np.random.default_rng(8)
    X, Y = rng.normal(size=(70, 5)) * [4, 3, 2, 1, 1], rng.normal(size=(70, 3))
    settings = {"n_permutations": 49, "n_components": 2, "random_state": 1, "statistic": "roy"}
    ridge = permutation_cca(X, Y, regularisation="ridge", grid=[1e4], **settings)
    squares = permutation_cca(X, Y, regularisation="pls", **settings)
    np.testing.assert_allclose(ridge.x_scores, squares.x_scores, atol=1e-3)
    np.testing.assert_array_equal(ridge.p_values, squares.p_values)


def test_every_pair_of_penalties_is_offered_and_the_best_is_taken():
    rng = np.random.default_rng(9)
    # A wide block that needs a strong penalty beside a small one that needs none.
    axis = rng.normal(size=100)
    X, Y = rng.normal(size=(100, 80)), rng.normal(size=(100, 2))
    X[:, :40] += 0.5 * axis[:, None]
    Y[:, 0] = axis + 0.1 * rng.normal(size=100)
    Y[:, 1] = Y[:, 0] + 0.05 * rng.normal(size=100)
    settings = {"n_permutations": 99, "n_components": 1, "random_state": 1}
    both = permutation_cca(X, Y, regularisation="ridge per side", grid=[0.001, 10.0], **settings)
    assert both.regularisation.startswith("ridge 10 + ")
    assert both.p_values[0] == 0.01
    same = permutation_cca(X, Y, regularisation="ridge per side", grid=[0.5], **settings)
    one = permutation_cca(X, Y, regularisation="ridge", grid=[0.5], **settings)
    assert same.regularisation == "ridge 0.5 + 0.5"
    np.testing.assert_array_equal(same.null, one.null)


@pytest.mark.parametrize("kind", ["pls", "ridge per side"])
def test_other_ways_to_relate_blocks_keep_their_level(kind):
    """The first component without an axis, and the second behind one."""
    hits = np.zeros(2)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        X, Y, Z = (rng.normal(size=(70, k)) for k in (6, 4, 3))
        settings = {
            "confounds": Z, "n_permutations": 39, "n_components": 2, "random_state": seed,
            "regularisation": kind, "grid": None if kind == "pls" else [0.01, 1.0],
        }  # fmt: skip
        hits[0] += permutation_cca(X, Y, **settings).p_values[0] <= 0.05
        axis = 2 * rng.normal(size=(70, 1))
        found = permutation_cca(X + axis * np.eye(6)[0], Y + axis * np.eye(4)[0], **settings)
        assert found.p_values[0] == 0.025
        hits[1] += found.p_values[1] <= 0.05
    assert (hits > 0).all()
    # 14 of 120 have a chance of 0.4 % at 5 %.
    assert (hits < 14).all(), hits
