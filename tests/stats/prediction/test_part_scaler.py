"""Blocks are scaled as wholes, covariates column by column."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.stats.prediction.kernels import ProductKernelClassifier
from neurogenomics_kb.stats.prediction.neighbours import NeighboursRegression
from neurogenomics_kb.stats.prediction.scaling import _PartScaler


def test_a_block_keeps_its_proportions():
    rng = np.random.default_rng(0)
    X = 5 + rng.normal(size=(500, 5)) * [4.0, 3.0, 0.1, 50.0, 0.0]
    parts = np.array([0, 0, 1, -1, -1])
    scaled = _PartScaler(parts).fit(X).transform(X)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    spread = scaled.std(axis=0)
    np.testing.assert_allclose((spread[:2] ** 2).mean(), 1)
    np.testing.assert_allclose(spread[0] / spread[1], X[:, 0].std() / X[:, 1].std())
    np.testing.assert_allclose(spread[2:], [1, 1, 0], atol=1e-9)
    alone = _PartScaler().fit(X).transform(X)
    np.testing.assert_allclose(alone.std(axis=0), [1, 1, 1, 1, 0], atol=1e-9)


def projected(rng, n: int):
    """A latent axis, and 20 components of 40 features among which it is large."""
    axis = rng.normal(size=(n, 2))
    X = axis @ rng.normal(size=(2, 40)) + rng.normal(size=(n, 40))
    return axis[:, 0], PCA(20).fit_transform(X)


@pytest.mark.parametrize("kind", ["product", "neighbours"])
def test_proportions_matter_for_components(kind):
    rng = np.random.default_rng(1)
    (gene, A), (brain, B) = projected(rng, 700), projected(rng, 700)
    X, parts = np.hstack([A, B]), np.repeat([0, 1], 20)
    y = rng.random(700) < 1 / (1 + np.exp(-2 * gene * brain))
    found = []
    for told in (parts, None):
        if kind == "product":
            # Without parts there is no product at all, so every column is its own scale by hand.
            Z, blocks = (X, parts) if told is parts else (X / X.std(axis=0), parts)
            fitted = ProductKernelClassifier().fit(Z[:450], y[:450], parts=blocks)
            score = fitted.predict_proba(Z[450:])[:, 1]
        else:
            fitted = NeighboursRegression().fit(X[:450], y[:450].astype(float), parts=told)
            score = fitted.predict(X[450:])
        found.append(roc_auc_score(y[450:], score))
    assert found[0] > found[1] + 0.04
    assert found[0] > 0.65
