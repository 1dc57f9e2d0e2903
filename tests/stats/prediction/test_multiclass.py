from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.multiclass import (
    class_metrics,
    confusion_table,
    macro_auc,
    macro_auc_difference,
)
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


CENTRES = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])


def sample(rng, n, shift=0.0):
    y = rng.permutation(np.arange(n) % 3)
    scores = CENTRES[y] * (1 + shift) + rng.normal(size=(n, 3))
    P = np.exp(scores)
    return y, P / P.sum(axis=1, keepdims=True)


@pytest.fixture
def numbered():
    rng = np.random.default_rng(6)
    y, P = sample(rng, 300)
    return y, P, np.arange(300) % 5


def test_macro_auc_equals_scikit_learn(numbered):
    y, P, folds = numbered
    whole = macro_auc(y, P, np.zeros(300))
    assert whole.auc == pytest.approx(roc_auc_score(y, P, multi_class="ovr"))
    found = macro_auc(y, P, folds)
    expected = [
        roc_auc_score(y[folds == k], P[folds == k], multi_class="ovr", average="macro")
        for k in range(5)
    ]
    np.testing.assert_allclose(found.per_fold, expected)
    assert found.auc == pytest.approx(np.mean(expected))
    one = cv_auc(y == 1, P[:, 1], folds)
    assert found.per_class[1].ci == pytest.approx(one.ci)
    assert found.per_class[1].se == pytest.approx(one.se)


def test_two_classes_give_the_binary_result():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 200)
    score = y + rng.normal(size=200)
    folds = np.arange(200) % 5
    both = macro_auc(y, np.column_stack([-score, score]), folds)
    one = cv_auc(y, score, folds)
    assert (both.auc, both.se) == pytest.approx((one.auc, one.se))
    assert both.ci == pytest.approx(one.ci)


def test_interval_of_locked_scores_covers_and_knows_that_classes_depend_on_one_another():
    """Truth from 60,000 subjects; binomial error of 400 runs."""
    rng = np.random.default_rng(0)
    y, P = sample(rng, 60000)
    truth = roc_auc_score(y, P, multi_class="ovr")
    covered = 0
    for _ in range(400):
        y, P = sample(rng, 150)
        low, high = macro_auc(y, P, np.zeros(150)).ci
        covered += low <= truth <= high
    assert stats.binomtest(covered, 400, 0.95).pvalue > 0.001


def test_relatives_count_once():
    rng = np.random.default_rng(3)
    y, P = sample(rng, 150)
    twins = np.repeat(np.arange(150), 2)
    alone = macro_auc(y, P, np.zeros(150))
    doubled = macro_auc(y[twins], P[twins], np.zeros(300), clusters=twins)
    assert (doubled.auc, doubled.se) == pytest.approx((alone.auc, alone.se))


def test_comparison_is_the_corrected_t_on_fold_wise_macro_aucs(numbered):
    y, P, folds = numbered
    _, Q = sample(np.random.default_rng(9), 300)
    d = macro_auc(y, P, folds).per_fold - macro_auc(y, Q, folds).per_fold
    t = d.mean() / np.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    found = macro_auc_difference(y, P, Q, folds, alternative="greater")
    assert (found.t, found.p_value) == pytest.approx((t, stats.t.sf(t, 4)))


def test_losses_and_confusion_equal_scikit_learn(numbered):
    y, P, folds = numbered
    found = class_metrics(y, P)
    assert found["log_loss"] == pytest.approx(log_loss(y, P))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, P.argmax(axis=1)))
    one_hot = np.eye(3)[y]
    assert found["macro_brier"] == pytest.approx(((P - one_hot) ** 2).mean())
    assert found["brier"] == pytest.approx(3 * found["macro_brier"])
    inside = [log_loss(y[folds == k], P[folds == k], labels=[0, 1, 2]) for k in range(5)]
    assert class_metrics(y, P, folds=folds)["log_loss"] == pytest.approx(np.mean(inside))
    table = confusion_table(y, P)
    np.testing.assert_array_equal(table, confusion_matrix(y, P.argmax(axis=1)))


def test_a_class_that_is_never_predicted_keeps_its_column():
    P = np.tile([0.6, 0.3, 0.1], (6, 1))
    table = confusion_table(np.array(["a", "b", "c"] * 2), P)
    assert list(table.columns) == ["a", "b", "c"]
    assert table["c"].sum() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, P, f: (y, P[:, :2], f), "one column per class"),
        (lambda y, P, f: (y, np.where(P > 0.9, np.nan, P), f), "scores has missing values"),
        (lambda y, P, f: (y, P, f[:-1]), "299 fold numbers for 300 outcomes"),
        (lambda y, P, f: (np.zeros(300), P[:, :1], f), "single class"),
        (lambda y, P, f: (y, P, np.where(y == 2, 0, f)), "class 2.*test fold 1 has 0 subjects"),
    ],
)
def test_bad_input_is_refused_in_one_line(numbered, change, words):
    with pytest.raises(InputError, match=words) as caught:
        macro_auc(*change(*numbered))
    assert "\n" not in str(caught.value)


def test_scores_that_are_no_probabilities_and_folds_without_a_class_are_refused(numbered):
    y, P, folds = numbered
    with pytest.raises(InputError, match=r"do not add up to 1 \(300 of 300"):
        class_metrics(y, 2 * P)
    with pytest.raises(InputError, match="test fold 1 lacks class 2"):
        class_metrics(y, P, folds=np.where(y == 2, 0, folds))
    with pytest.raises(InputError, match="classes without a column: 2"):
        macro_auc(y, P[:, :2], folds, classes=[0, 1])
