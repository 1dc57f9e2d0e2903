from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.locked import (
    locked_auc_difference,
    locked_macro_auc_difference,
)
from neurogenomics_kb.stats.prediction.predictors import (
    REGULARISATION,
    fit_multinomial,
    fit_xgboost,
    predict_probabilities,
)


def draw(seed: int, n: int = 240, signal: float = 1.0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 4)
    X = rng.normal(size=(n, 12))
    X[:, :4] += signal * np.eye(4)[y]
    return X, y


@pytest.fixture(scope="module")
def sample():
    X, y = draw(0)
    return X, y, inner_splits(y, None)


def test_the_penalty_is_the_best_of_the_inner_folds(sample):
    X, y, splits = sample
    reached = []
    for strength in REGULARISATION:
        each = []
        for a, b in splits:
            P = LogisticRegression(C=strength, max_iter=1000).fit(X[a], y[a]).predict_proba(X[b])
            each.append(np.log(P[np.arange(len(b)), y[b]]).mean())
        reached.append(np.mean(each))
    fitted = fit_multinomial(X, y, splits)
    assert reached[list(REGULARISATION).index(fitted.C)] == pytest.approx(max(reached), abs=2e-3)


@pytest.mark.parametrize("kind", ["linear", "xgboost"])
def test_signal_is_found_in_new_subjects_and_probabilities_add_up(sample, kind):
    X, y, splits = sample
    fitted = (
        fit_multinomial(X, y, splits)
        if kind == "linear"
        else fit_xgboost(X, y, splits, continuous=False, seed=0)
    )
    new, truth = draw(1, 800)
    P = predict_probabilities(fitted, new)
    assert P.shape == (800, 4)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    assert roc_auc_score(truth, P, multi_class="ovr") > 0.65
    if kind == "xgboost":
        assert fitted.objective == "multi:softprob"


def test_locked_difference_of_two_classes_is_the_binary_one():
    rng = np.random.default_rng(2)
    y = (rng.random(150) < 0.4).astype(int)
    a, b = y + rng.normal(size=(2, 150))
    codes = np.repeat(np.arange(75), 2)
    one = locked_auc_difference(y, a, b, clusters=codes)
    both = locked_macro_auc_difference(
        y, np.column_stack([-a, a]), np.column_stack([-b, b]), clusters=codes
    )
    assert (both.difference, both.se, both.df) == pytest.approx((one.difference, one.se, one.df))


def test_equal_models_of_classes_are_told_apart_five_times_in_a_hundred():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(400):
        y = rng.permutation(np.arange(120) % 3)
        a, b = np.eye(3)[y] + rng.normal(size=(2, 120, 3))
        p.append(locked_macro_auc_difference(y, a, b).p_value)
    assert 0.022 < np.mean(np.array(p) < 0.05) < 0.085


def test_columns_that_do_not_fit_the_classes_are_refused():
    with pytest.raises(InputError, match="one column per class"):
        locked_macro_auc_difference([0, 1, 2] * 4, np.zeros((12, 3)), np.zeros((12, 2)))
