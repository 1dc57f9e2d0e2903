"""Many outcomes solved together are the outcomes solved one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from neurogenomics_kb.stats.prediction import many_labels
from neurogenomics_kb.stats.prediction.grouped_splits import stratified_group_splits
from neurogenomics_kb.stats.prediction.many_labels import (
    conjugate_gradients,
    many_logistic_scores,
    many_ridge_scores,
)
from neurogenomics_kb.stats.prediction.predictors import (
    REGULARISATION,
    fit_linear,
    predict_score,
)


def problem(n, p, continuous, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ np.diag(np.geomspace(3, 0.2, p)) + rng.normal(size=p)
    told = X @ rng.normal(size=p) * np.array([[1.0], [0.0], [0.1]]) + rng.normal(size=(3, n))
    Y = told.T if continuous else (told > told.mean(axis=1, keepdims=True)).T.astype(float)
    groups = rng.integers(0, n // 2, n)
    labels = [np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])) if continuous else y for y in Y.T]
    splits = [stratified_group_splits(each, groups, 3, 0) for each in labels]
    return X, Y, splits, rng.normal(size=(40, p)) + X.mean(axis=0)


@pytest.mark.parametrize(("n", "p"), [(150, 8), (60, 90)])
@pytest.mark.parametrize("continuous", [False, True])
def test_scores_are_those_of_one_fit_after_the_other(n, p, continuous):
    X, Y, splits, X_test = problem(n, p, continuous)
    together = many_ridge_scores if continuous else many_logistic_scores
    found = together(X, Y, splits, REGULARISATION, X_test)
    for r, own in enumerate(splits):
        fitted = fit_linear(X, Y[:, r], own, continuous=continuous)
        expected = predict_score(fitted, X_test, continuous=continuous)
        np.testing.assert_allclose(found[r], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("continuous", [False, True])
def test_one_strength_is_taken_without_inner_folds_and_what_is_not_reached_is_missing(
    monkeypatch, continuous
):
    X, Y, splits, X_test = problem(80, 6, continuous)
    together = many_ridge_scores if continuous else many_logistic_scores
    one = np.array([0.01])
    found = together(X, Y, splits, one, X_test)
    fitted = fit_linear(X, Y[:, 0], splits[0], continuous=continuous, strengths=one)
    expected = predict_score(fitted, X_test, continuous=continuous)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-10)
    monkeypatch.setattr(many_labels, "MOST_STEPS", 1)
    assert np.isnan(together(X, Y, splits, REGULARISATION, X_test)).all()


def test_systems_are_solved_each_to_its_own_end():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(5, 12, 12))
    matrices = roots @ roots.transpose(0, 2, 1) + np.eye(12)
    matrices[2] = np.eye(12)
    right = rng.normal(size=(12, 5))
    right[:, 4] = 0
    found, solved = conjugate_gradients(
        lambda D, at: np.einsum("jab,bj->aj", matrices[at], D), right, np.ones((12, 5))
    )
    assert solved.all()
    for j in range(5):
        np.testing.assert_allclose(found[:, j], np.linalg.solve(matrices[j], right[:, j]),
                                   atol=1e-9)  # fmt: skip


@pytest.mark.parametrize(
    ("n", "n_groups", "classes", "k"),
    [(120, 100, 2, 3), (120, 25, 4, 3), (200, 90, 3, 5), (60, 60, 2, 3), (90, 80, 9, 2)],
)
def test_groups_are_dealt_out_as_scikit_learn_does(n, n_groups, classes, k):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        labels = (
            rng.integers(0, classes, n) if seed % 2 else rng.permutation(np.arange(n) % classes)
        )
        groups = rng.integers(0, n_groups, n)
        splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        expected = list(splitter.split(np.zeros(n), labels, groups))
        found = stratified_group_splits(labels, groups, k, seed)
        for (train, test), (own_train, own_test) in zip(expected, found, strict=True):
            assert (train == own_train).all()
            assert (test == own_test).all()
