"""Refits in principal coordinates, and loadings of many resamples in one product."""

import numpy as np
import pytest
from scipy.linalg import svd

from neurogenomics_kb.foundation import tiles
from neurogenomics_kb.stats.inference import stability
from neurogenomics_kb.stats.inference.canonical import structure_coefficients
from neurogenomics_kb.stats.inference.stability import _Rows, axis_stability, weighted_loadings


def blocks(n: int, p: int, q: int, *, seed: int = 0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    X = rng.normal(size=(n, p)) + 2 * rng.normal(size=(n, 6)) @ rng.normal(size=(6, p))
    Y = rng.normal(size=(n, q))
    X[:, : p // 4] += z[:, :1]
    Y[:, : q // 2] += z[:, :1]
    return X - X.mean(axis=0), Y - Y.mean(axis=0), rng


def weights_of(rng, n: int, number: int) -> np.ndarray:
    return np.stack(
        [np.bincount(rng.integers(n, size=n), minlength=n) * 1.0 for _ in range(number)]
    )


@pytest.mark.parametrize(("n", "p"), [(90, 30), (40, 200), (40, 40)])
def test_a_refit_is_that_of_the_weighted_rows(n, p):
    X, _, rng = blocks(n, p, 4)
    (weights,) = weights_of(rng, n, 1)
    basis, applied = _Rows(X, 5).basis(weights)
    centred = X - weights @ X / weights.sum()
    left, singular, axes = svd(np.sqrt(weights)[:, None] * centred, full_matrices=False)
    scores = centred @ (axes[:5] / singular[:5, None]).T
    assert basis.T @ basis == pytest.approx(np.eye(5), abs=1e-10)
    found = np.linalg.norm(left[:, :5].T @ (np.sqrt(weights)[:, None] * applied), axis=0)
    assert found == pytest.approx(np.ones(5), abs=1e-9)
    # The same components on all people, up to sign.
    cosines = np.abs((scores[:, ::-1] * applied).sum(axis=0))
    cosines /= np.linalg.norm(scores[:, ::-1], axis=0) * np.linalg.norm(applied, axis=0)
    assert cosines == pytest.approx(np.ones(5), abs=1e-9)


def test_loadings_of_many_weightings_are_those_of_each():
    X, _, rng = blocks(70, 12, 4)
    X[:, 3] = 0.0
    weights, variates = weights_of(rng, 70, 4), rng.normal(size=(4, 70, 2))
    found = weighted_loadings(X, variates, weights)
    for own, scores, values in zip(weights, variates, found, strict=True):
        root, share = np.sqrt(own)[:, None], own / own.sum()
        expected = structure_coefficients(root * (X - share @ X), root * (scores - share @ scores))
        assert values == pytest.approx(expected, abs=1e-12)
        assert (values[3] == 0).all()


def test_batches_do_not_change_what_is_found(monkeypatch):
    X, Y, rng = blocks(80, 20, 8)
    families = rng.integers(40, size=80)
    options = {"clusters": families, "n_bootstraps": 7, "n_splits": 5, "random_state": 2}
    found = axis_stability(X, Y, **options)
    monkeypatch.setattr(stability, "BATCH", 2)
    monkeypatch.setattr(tiles, "TILE", 9 * 20)
    again = axis_stability(X, Y, **options)
    for name, value in vars(found).items():
        assert getattr(again, name) == pytest.approx(value, abs=1e-12), name


def test_leading_coordinates_stand_for_a_wide_block(monkeypatch):
    X, Y, _ = blocks(400, 150, 10)
    options = {"dims": (10, 8), "n_components": 1, "n_bootstraps": 20, "random_state": 0}
    exact = axis_stability(X, Y, **options)
    monkeypatch.setattr(stability, "COMPONENTS", 30)
    close = axis_stability(X, Y, **options)
    for name in ("bootstrap_x", "bootstrap_y", "split_half_x", "split_half_y"):
        assert getattr(close, name) == pytest.approx(getattr(exact, name), abs=0.03), name
        assert not np.array_equal(getattr(close, name), getattr(exact, name))
