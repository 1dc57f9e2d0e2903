from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.resampling import (
    corrected_resampled_t,
    fold_mean_interval,
    overlap_inflation,
)
from neurogenomics_kb.stats.roc import (
    auc_score,
    cv_auc,
    cv_auc_difference,
    delong_interval,
    delong_test,
    fold_aucs,
    fold_influence,
    influence_se,
)


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
    se = np.sqrt(np.sum(variances)) / 5
    # R² / (1 − R) = (K − 1)/K · signal² / features, solved with 6 features; factor 2 − R.
    q = 0.8 * ((result.auc - 0.5) / se) ** 2 / 6
    certainty = max(np.roots([1, q, -q]))
    assert certainty**2 / (1 - certainty) == pytest.approx(q)
    few = cv_auc(y, a, folds, n_features=6)
    assert few.se == pytest.approx(se * np.sqrt(max(2 - certainty, 1.2)))
    assert cv_auc(y, a, np.zeros(200)).se == pytest.approx(delong_interval(y, a)[1])


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
    folds = np.zeros(200)
    alone = cv_auc(y[::2], score[::2], folds[::2])
    doubled = cv_auc(y, score, folds, clusters=twins)
    naive = cv_auc(y, score, folds)
    assert doubled.auc == pytest.approx(alone.auc)
    assert doubled.se == pytest.approx(alone.se)
    assert naive.se == pytest.approx(alone.se / np.sqrt(2), rel=0.02)


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


def test_repeats_of_folds_enter_as_repeats():
    """Two repeats of three folds, numbered on; degrees of freedom are those of one."""
    rng = np.random.default_rng(0)
    y = np.tile(np.repeat([0, 1], 30), 2)
    a, b = y + rng.normal(0, 1, (2, 120))
    once = np.tile(np.arange(3), 20)
    folds = np.concatenate([once, 3 + rng.permutation(once)])
    found = cv_auc_difference(y, a, b, folds, n_repeats=2)
    gaps = fold_aucs(y == 1, a, folds) - fold_aucs(y == 1, b, folds)
    assert len(gaps) == 6
    assert found.difference == pytest.approx(gaps.mean())
    assert found.se == pytest.approx(np.sqrt((1 / 6 + 0.5) * gaps.var(ddof=1)))
    assert found.df == 2


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


def cross_validated(rng, n, auc, prevalence, related):
    """Scores of discriminants learnt from six features, and the mean true AUC of the fold models.

    The outcome and every feature share 40 % of their variance inside families of three.
    """
    family = np.arange(n) // 3 if related else np.arange(n)
    share = 0.4 if related else 0.0
    shared, own = rng.normal(size=(n, 7))[family], rng.normal(size=(n, 7))
    noise = np.sqrt(share) * shared + np.sqrt(1 - share) * own
    y = noise[:, 0] > stats.norm.ppf(1 - prevalence)
    effect = np.sqrt(2) * stats.norm.ppf(auc)
    X = noise[:, 1:] + np.outer(effect * y, np.eye(6)[0])
    # Families with a case and without are dealt separately, so that folds are stratified.
    has_case = np.bincount(family, y) > 0
    fold = np.empty(len(has_case), int)
    for members in (np.flatnonzero(has_case), np.flatnonzero(~has_case)):
        fold[rng.permutation(members)] = np.arange(len(members)) % 5
    folds, score, truth = fold[family], np.empty(n), []
    for k in range(5):
        train = folds != k
        Z = X[train] - np.where(y[train, None], X[train & y].mean(0), X[train & ~y].mean(0))
        direction = np.linalg.solve(Z.T @ Z, X[train & y].mean(0) - X[train & ~y].mean(0))
        score[~train] = X[~train] @ direction
        cosine = direction[0] / np.linalg.norm(direction)
        truth.append(stats.norm.cdf(effect * cosine / np.sqrt(2)))
    return y, score, folds, family if related else None, np.mean(truth)


@pytest.mark.parametrize(
    ("n", "auc", "prevalence", "related"),
    [
        (200, 0.5, 0.5, False),  # shared training subjects double the variance
        (240, 0.65, 0.5, True),
        (300, 0.9, 0.1, False),  # 30 cases
        (300, 0.7, 0.1, True),
    ],
)
def test_interval_covers_the_fold_models_where_wald_does_not(n, auc, prevalence, related):
    rng = np.random.default_rng(1)
    covered = plain = tried = 0
    while tried < 250:
        y, score, folds, family, truth = cross_validated(rng, n, auc, prevalence, related)
        if min(y[folds == k].sum() for k in range(5)) < 3:
            continue
        found = cv_auc(y, score, folds, clusters=family, n_features=6)
        covered += found.ci[0] <= truth <= found.ci[1]
        naive = influence_se(fold_influence(y, score, folds)[1], None)
        plain += abs(found.auc - truth) <= 1.96 * naive
        tried += 1
    assert stats.binomtest(covered, tried, 0.95).pvalue > 0.001
    assert plain < 0.93 * tried


def test_perfect_separation_is_not_certainty():
    """20 disjoint pairs all ordered alike: Clopper & Pearson give 0.025^(1/20)."""
    y, folds = np.arange(40) % 2, np.arange(40) // 2 % 5
    found = cv_auc(y, y + 0.001 * np.arange(40), folds)
    assert found.ci == pytest.approx((0.025 ** (1 / 20), 1.0))
    assert cv_auc(y, -found.auc * y, folds).ci == pytest.approx((0, 1 - 0.025 ** (1 / 20)))
    related = cv_auc(y, y, folds, clusters=np.arange(40) // 2 % 10 + 10 * y)
    assert related.ci[0] == pytest.approx(0.025 ** (1 / 10))


def test_widening_is_double_at_chance_and_least_with_a_certain_direction():
    assert overlap_inflation(0.0, 5) == pytest.approx(2)
    assert overlap_inflation(-3.0, 5) == pytest.approx(2)
    assert overlap_inflation(np.inf, 5) == pytest.approx(1.2)
    assert overlap_inflation(3.0, 1) == 1
    by_features = [float(overlap_inflation(3.0, 5, p)) for p in (1, 5, 20, 200)]
    assert by_features == sorted(by_features)


def test_comparison_works_with_one_case_per_fold_and_a_variance_does_not():
    """A rare outcome: 5 cases of 1,000 subjects."""
    rng = np.random.default_rng(0)
    y, folds = np.arange(1000) < 5, np.arange(1000) % 5
    a, b = rng.normal(size=(2, 1000))
    assert 0 < cv_auc_difference(y, a, b, folds).p_value <= 1
    with pytest.raises(InputError, match=r"test fold 0 has 1 subjects .*\(1 of 200 subjects\)"):
        cv_auc(y, a, folds)
    with pytest.raises(InputError, match=r"test fold 0 has 0 subjects .* for an AUC"):
        cv_auc_difference(y, a, b, np.where(y, 1, folds))


def test_clusters_are_checked():
    y, score, folds = np.arange(40) % 2, np.arange(40.0) % 7, np.arange(40) // 20
    for clusters, words in (
        (np.zeros(40), "all subjects are in one cluster"),
        (np.arange(39), "39 cluster labels for 40 subjects"),
        ([None, *range(39)], r"missing values \(1 of 40"),
        (np.where(y == 1, 1, np.arange(40)), "all cases of test fold 0 are in one cluster"),
    ):
        with pytest.raises(InputError, match=words):
            cv_auc(y, score, folds, clusters=clusters)


def test_folds_without_a_score_cannot_be_compared():
    with pytest.raises(InputError, match="1 of 5 folds have no score"):
        corrected_resampled_t(np.array([0.1, np.nan, 0.2, 0.1, 0.3]))
