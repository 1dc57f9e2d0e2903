"""The plain reference for interaction between blocks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.estimators import PenalisedClassifier
from neurogenomics_kb.stats.prediction.kernel_space import KernelSpace, Mixture
from neurogenomics_kb.stats.prediction.kernels import (
    ProductKernelClassifier,
    ProductKernelRegression,
)

PARTS = np.repeat([0, 1], 8)


def cohort(seed: int, n: int, product: float, additive: float):
    """Two blocks of eight columns; outcome from the product and the sum of an axis of each."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 16))
    gene, brain = X[:, :3] @ [0.8, 0.5, 0.33], X[:, 8:11] @ [0.8, -0.5, 0.33]
    liability = product * gene * brain + additive * (gene + brain)
    return X, (rng.random(n) < 1 / (1 + np.exp(-liability))).astype(int), liability


def held_out_auc(make, X, y, **fitted_with) -> float:
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(X, y)
    return np.mean(
        [
            roc_auc_score(y[b], make().fit(X[a], y[a], **fitted_with).predict_proba(X[b])[:, 1])
            for a, b in folds
        ]
    )


@pytest.mark.parametrize(
    ("product", "additive", "low", "high"), [(1.5, 0.15, 0.12, 0.4), (0.0, 0.8, -0.02, 0.02)]
)
def test_gain_over_late_fusion(product, additive, low, high):
    gains = []
    for seed in range(3):
        X, y, _ = cohort(seed, 800, product, additive)
        both = [
            held_out_auc(ProductKernelClassifier, X, y, parts=PARTS),
            held_out_auc(PenalisedClassifier, X, y),
        ]
        gains.append(both[0] - both[1])
    assert low <= np.mean(gains) <= high


def test_share_of_the_product_is_chosen_inside():
    X, y, score = cohort(0, 600, 2.0, 0.0)
    assert ProductKernelClassifier().fit(X, y, parts=PARTS).share_ >= 0.75
    assert ProductKernelRegression().fit(X, score, parts=PARTS).share_ >= 0.75
    X, y, score = cohort(0, 600, 0.0, 1.0)
    assert ProductKernelClassifier().fit(X, y, parts=PARTS).share_ <= 0.25
    assert ProductKernelRegression().fit(X, score, parts=PARTS).share_ <= 0.25
    assert ProductKernelClassifier(main_effects=False).fit(X, y, parts=PARTS).share_ == 1


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_products_predict_scores_of_new_people(kernel):
    X, _, score = cohort(1, 700, 1.0, 0.1)
    y = score + 0.3 * np.random.default_rng(0).normal(size=len(score))
    model = ProductKernelRegression(kernel=kernel, widths=[0.3])
    told = model.fit(X[:400], y[:400], parts=PARTS).predict(X[400:])
    assert r2_score(y[400:], told) > (0.6 if kernel == "linear" else 0.2)


def test_covariates_are_added_and_not_multiplied():
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(2, 30, 5))
    parts = np.array([0, 0, 1, 1, -1])
    got = Mixture("linear", share=0.25).between(A, B, parts)
    gene, brain = A[:, :2] @ B[:, :2].T / 2, A[:, 2:4] @ B[:, 2:4].T / 2
    own = 0.25 * gene * brain + 0.75 * (gene + brain) / 2
    np.testing.assert_allclose(got, own + np.outer(A[:, 4], B[:, 4]))


def test_several_classes_by_a_product():
    X, _, score = cohort(3, 700, 1.0, 0.0)
    y = np.searchsorted(np.quantile(score, [0.33, 0.67]), score)
    P = ProductKernelClassifier().fit(X[:400], y[:400], parts=PARTS).predict_proba(X[400:])
    assert roc_auc_score(y[400:], P, multi_class="ovr") > 0.8


def test_one_block_is_kernel_ridge_regression():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 5))
    y = X[:, 0] * X[:, 1] + rng.normal(size=80)
    y -= y.mean()
    mixture, scaler = Mixture("rbf", 1.0, 0.5), StandardScaler().fit(X)
    space = KernelSpace(mixture, scaler, landmarks=1000, seed=0).fit(X, np.zeros(5, int))
    F = space.transform(X)
    K = mixture.between(space.rows_, space.rows_, np.zeros(5, int))
    np.testing.assert_allclose(F @ F.T, K, atol=1e-6)
    plain = KernelRidge(alpha=1.0, kernel="precomputed").fit(K, y).predict(K)
    inside = F @ np.linalg.solve(F.T @ F + np.eye(F.shape[1]), F.T @ y)
    np.testing.assert_allclose(inside, plain, atol=1e-6)


def test_landmarks_lose_nothing_where_the_space_is_smaller():
    X, _, score = cohort(5, 500, 1.0, 0.2)
    new = cohort(6, 50, 1.0, 0.2)[0]
    # 64 products and 16 columns.
    few, all_ = (
        ProductKernelRegression(landmarks=n).fit(X, score, parts=PARTS).predict(new)
        for n in (150, 1000)
    )
    np.testing.assert_allclose(few, all_, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_parts_and_constant_columns():
    X, y, _ = cohort(7, 60, 1.0, 0.0)
    with pytest.raises(InputError, match="3 columns have a part, and there are 16"):
        ProductKernelClassifier().fit(X, y, parts=[0, 0, 1])
    told = ProductKernelClassifier().fit(np.ones((60, 16)), y, parts=PARTS).predict_proba(X)
    np.testing.assert_allclose(told[:, 1], y.mean(), atol=1e-3)
