from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats.multiclass import class_metrics, macro_auc, macro_auc_difference
from neurogenomics_kb.stats.roc import cv_auc


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    y = rng.choice(["asd", "adhd", "typical"], 300)
    truth = np.stack([y == c for c in ("adhd", "asd", "typical")], axis=1)
    S = np.exp(truth * 1.0 + rng.normal(size=(300, 3)))
    return y, S / S.sum(axis=1, keepdims=True), np.arange(300) % 5


def test_macro_auc_is_the_fold_mean_of_scikit_learns(scored):
    y, S, folds = scored
    result = macro_auc(y, S, folds)
    expected = [
        roc_auc_score(y[folds == k], S[folds == k], multi_class="ovr", average="macro")
        for k in range(5)
    ]
    np.testing.assert_allclose(result.per_fold, expected)
    assert result.auc == pytest.approx(np.mean(expected))
    assert result.ci[0] < result.auc < result.ci[1]
    one = cv_auc(y == "asd", S[:, 1], folds)
    assert result.per_class["asd"].auc == pytest.approx(one.auc)
    assert result.per_class["asd"].ci == pytest.approx(one.ci)


def test_two_classes_give_the_ordinary_auc_and_interval(scored):
    y, S, folds = scored
    two = y != "typical"
    score = S[two, 1] - S[two, 0]
    macro = macro_auc(y[two], np.column_stack([-score, score]), folds[two])
    ordinary = cv_auc(y[two] == "asd", score, folds[two])
    assert macro.auc == pytest.approx(ordinary.auc)
    assert macro.se == pytest.approx(ordinary.se)


def test_standard_error_is_that_of_repeated_samples():
    found, errors = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, 300)
        S = np.eye(3)[y] + rng.normal(size=(300, 3))
        result = macro_auc(y, S, np.zeros(300))  # one test set: no training is involved
        found.append(result.auc)
        errors.append(result.se)
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


def test_other_metrics_equal_scikit_learn(scored):
    y, S, _ = scored
    got = class_metrics(y, S)
    classes = np.array(["adhd", "asd", "typical"])
    assert got["log_loss"] == pytest.approx(log_loss(y, S, labels=list(classes)))
    assert got["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(y, classes[S.argmax(axis=1)])
    )
    assert got["brier"] == pytest.approx(((S - (y[:, None] == classes)) ** 2).sum(axis=1).mean())


def test_equal_procedures_do_not_differ(scored):
    y, S, folds = scored
    same = macro_auc_difference(y, S, S, folds)
    assert (same.difference, same.p_value) == (0.0, 1.0)
    worse = macro_auc_difference(y, S, np.roll(S, 7, axis=0), folds, alternative="greater")
    assert worse.p_value < 0.01


@pytest.mark.parametrize(
    ("classes", "columns", "words"),
    [
        (None, 2, "scores of shape"),
        (["adhd", "asd", "typical", "delay"], 4, "no subject has class delay"),
    ],
)
def test_scores_that_do_not_fit_the_classes_are_refused(scored, classes, columns, words):
    y, _, folds = scored
    with pytest.raises(InputError, match=words):
        macro_auc(y, np.zeros((300, columns)), folds, classes=classes)
