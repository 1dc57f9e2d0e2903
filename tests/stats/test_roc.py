from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats import metrics
from neurogenomics_kb.stats.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.multiplicity import adjust
from neurogenomics_kb.stats.resampling import (
    corrected_resampled_t,
    fold_mean_interval,
)
from neurogenomics_kb.stats.roc import auc_score, cv_auc, cv_auc_difference, delong_test


@pytest.fixture
def scored():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 200)
    a = np.round(y + rng.normal(size=200), 1)  # many ties
    b = np.round(0.5 * y + rng.normal(size=200), 1)
    return y, a, b, np.arange(200) % 5


def test_auc_counts_ties_half(scored):
    y, a, _, _ = scored
    assert auc_score(y, a) == pytest.approx(roc_auc_score(y, a))
    assert auc_score(y, np.zeros(200)) == 0.5


def test_delong_equals_the_kernel_covariance(scored):
    y, a, b, _ = scored

    def kernel(s):
        cases, controls = s[y == 1][:, None], s[y == 0][None, :]
        return (cases > controls) + 0.5 * (cases == controls)

    d = kernel(a) - kernel(b)
    variance = d.mean(axis=1).var(ddof=1) / d.shape[0] + d.mean(axis=0).var(ddof=1) / d.shape[1]
    result = delong_test(y, a, b)
    assert result.difference == pytest.approx(d.mean())
    assert result.z == pytest.approx(d.mean() / np.sqrt(variance))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(abs(result.z)))
    same = delong_test(y, a, a)
    assert (same.difference, same.p_value) == (0.0, 1.0)


def test_cross_validated_auc_is_the_mean_of_folds_with_its_influence_curve(scored):
    y, a, _, folds = scored
    result = cv_auc(y, a, folds)
    per_fold = [roc_auc_score(y[folds == k], a[folds == k]) for k in range(5)]
    assert result.auc == pytest.approx(np.mean(per_fold))
    # Variance of an AUC by its structural components (DeLong et al. 1988), fold by fold.
    variances = []
    for k in range(5):
        yk, sk = y[folds == k], a[folds == k]
        wins = (sk[yk == 1][:, None] > sk[yk == 0]) + 0.5 * (sk[yk == 1][:, None] == sk[yk == 0])
        rows, columns = wins.mean(axis=1), wins.mean(axis=0)
        variances.append(rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns))
    assert result.se == pytest.approx(np.sqrt(np.sum(variances)) / 5 * np.sqrt(1 + 1 / 5))


def test_interval_covers_near_its_level():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        y = rng.permutation(np.repeat([0, 1], 100))
        s = y + rng.normal(size=200)
        low, high = cv_auc(y, s, np.arange(200) % 5).ci
        covered += low <= stats.norm.cdf(1 / np.sqrt(2)) <= high
    assert stats.binomtest(covered, 400, 0.95).pvalue > 0.001


def test_comparison_over_folds_has_k_minus_one_degrees_of_freedom(scored):
    y, a, b, folds = scored
    d = cv_auc(y, a, folds).per_fold - cv_auc(y, b, folds).per_fold
    result = cv_auc_difference(y, a, b, folds)
    se = np.sqrt((1 / 5 + 0.2 / 0.8) * d.var(ddof=1))
    assert result.df == 4
    assert result.t == pytest.approx(d.mean() / se)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(d.mean() / se), 4))
    assert result.p_below + result.p_rope + result.p_above == pytest.approx(1)
    assert result.p_above == pytest.approx(stats.t.sf((0.01 - d.mean()) / se, 4))


def test_identical_and_constant_differences():
    assert corrected_resampled_t(np.zeros(5)).p_value == 1
    assert np.isnan(corrected_resampled_t(np.full(5, 0.1)).p_value)
    with pytest.raises(InputError, match="2 folds"):
        corrected_resampled_t(np.array([0.1, 0.2]))
    mean, low, high = fold_mean_interval(np.array([0.1, 0.2, 0.3]))
    assert mean == pytest.approx(0.2)
    assert low < mean < high


def test_one_class_is_refused():
    with pytest.raises(InputError, match="two classes"):
        auc_score(np.ones(5), np.arange(5))


def test_average_precision_and_calibration(scored):
    y, a, _, folds = scored
    one = metrics.average_precision(y, a, np.ones((1, 200)))[0]
    assert one == pytest.approx(average_precision_score(y, a))
    draws = np.random.default_rng(0).integers(0, 4, (3, 200)).astype(float)
    for weights, got in zip(draws, metrics.average_precision(y, a, draws), strict=True):
        assert got == pytest.approx(average_precision_score(y, a, sample_weight=weights))
    p = 1 / (1 + np.exp(-a))
    assert metrics.brier_score(y, p) == pytest.approx(brier_score_loss(y, p))
    table = metrics.calibration_table(y, p)
    assert table["n"].sum() == 200
    true = np.random.default_rng(1).random(20000)
    slope, intercept = metrics.calibration_line(
        (np.random.default_rng(2).random(20000) < true).astype(float), true
    )
    assert slope.value == pytest.approx(1, abs=0.06)
    assert intercept.value == pytest.approx(0, abs=0.06)
    found = bootstrap_folds(metrics.average_precision, y, a, folds)
    assert found.low < found.value < found.high


def test_bootstrap_draws_families_as_wholes():
    drawn = []

    def spy(y, s, weights):
        drawn.append(weights)
        return np.zeros(len(weights))

    families = np.repeat(np.arange(10), 2)
    bootstrap_folds(
        spy, np.zeros(20), np.zeros(20), np.zeros(20), clusters=families, n_resamples=30
    )
    weights = drawn[1]
    assert (weights[:, ::2] == weights[:, 1::2]).all()
    assert (weights.sum(axis=1) == 20).all()


def test_r2_is_about_the_training_mean():
    y, predicted = np.array([1.0, 2, 3]), np.array([1.0, 2, 4])
    assert metrics.held_out_r2(y, predicted, 0.0) == pytest.approx(1 - 1 / 14)
    assert metrics.held_out_r2(y, np.full(3, 5.0), 2.0) < 0


def test_adjusted_p_values_leave_gaps_out():
    p = [0.01, np.nan, 0.04, 0.03]
    np.testing.assert_allclose(adjust(p, "holm"), [0.03, np.nan, 0.06, 0.06])
    np.testing.assert_allclose(adjust(p, "fdr_bh"), [0.03, np.nan, 0.04, 0.04])
    assert np.isnan(adjust([np.nan], "holm")).all()


def test_relatives_widen_the_interval_of_the_auc():
    rng = np.random.default_rng(0)
    twins = np.repeat(np.arange(100), 2)
    y = rng.integers(0, 2, 100)[twins]
    score = (y[::2] + rng.normal(size=100))[twins]
    folds = (np.arange(100) % 5)[twins]
    alone = cv_auc(y[::2], score[::2], folds[::2])
    doubled = cv_auc(y, score, folds, clusters=twins)
    naive = cv_auc(y, score, folds)
    assert doubled.auc == pytest.approx(alone.auc)
    assert doubled.se == pytest.approx(alone.se, rel=0.06)
    assert naive.se == pytest.approx(alone.se / np.sqrt(2), rel=0.06)


def test_interval_of_the_auc_ends_inside_zero_and_one():
    y = np.repeat([0, 1], 20)
    score = np.concatenate([np.arange(20.0), np.arange(17.5, 37)])
    low, high = cv_auc(y, score, np.tile([0, 1], 20)).ci
    assert 0.85 < low < high < 1
    flat = cv_auc(y, np.zeros(40), np.tile([0, 1], 20))
    assert (flat.auc, flat.se, flat.ci) == (0.5, 0.0, (0.5, 0.5))


def test_one_sided_comparison_and_repeated_folds():
    d = np.array([0.02, 0.05, 0.01, 0.04, 0.03])
    two, one = corrected_resampled_t(d), corrected_resampled_t(d, alternative="greater")
    assert one.p_value == pytest.approx(two.p_value / 2)
    other = corrected_resampled_t(-d, alternative="greater")
    assert other.p_value == pytest.approx(1 - one.p_value)
    # Nadeau & Bengio 2003, written out for two repeats of five folds.
    twice = np.stack([d, d[::-1] + 0.01])
    found = corrected_resampled_t(twice)
    se = np.sqrt((1 / 10 + 0.2 / 0.8) * twice.var(ddof=1))
    assert found.t == pytest.approx(twice.mean() / se)
    assert found.df == 4


def test_posterior_of_the_difference_is_the_shifted_t():
    """Corani & Benavoli 2015: a t distribution at the mean, with the corrected scale."""
    d = np.array([0.02, 0.05, -0.01, 0.04, 0.03])
    found = corrected_resampled_t(d, rope=0.01)
    scale = np.sqrt((1 / 5 + 0.25) * d.var(ddof=1))
    grid = np.linspace(-0.01, 0.01, 20001)
    inside = np.trapezoid(stats.t.pdf((grid - d.mean()) / scale, 4) / scale, grid)
    assert found.p_rope == pytest.approx(inside, abs=1e-6)
    assert found.p_below + found.p_rope + found.p_above == pytest.approx(1)


def test_delong_is_for_one_test_set():
    y, a, b = np.arange(20) % 2, np.arange(20.0), np.arange(20.0)[::-1]
    assert "conditional" in delong_test(y, a, b).scope
    with pytest.raises(InputError, match="scores of 2 fold models"):
        delong_test(y, a, b, folds=np.arange(20) // 10)


@pytest.mark.parametrize(
    ("y", "scores", "folds", "words"),
    [
        (np.zeros(8), np.zeros(8), np.zeros(8), "two classes"),
        (np.eye(8)[0], np.zeros(8), np.zeros(8), "test fold 0.0 has 1 subjects of a class"),
        (np.arange(8) // 4, np.zeros(8), np.arange(8) // 4, "test fold 0 has 0 subjects"),
        (np.arange(8) % 2, np.full(8, np.nan), np.zeros(8), "the score has missing values"),
        (np.arange(8) % 2, np.zeros(7), np.zeros(8), "7 values of the score for 8 outcomes"),
        (np.arange(8) % 2, np.zeros(8), np.zeros(7), "7 fold numbers for 8 outcomes"),
    ],
)
def test_bad_scores_are_refused_with_numbers(y, scores, folds, words):
    with pytest.raises(InputError, match=words):
        cv_auc(y, scores, folds)
