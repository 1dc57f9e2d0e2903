from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, brier_score_loss

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction import metrics


@pytest.fixture
def predicted():
    rng = np.random.default_rng(3)
    p = np.round(expit(rng.normal(size=300)), 2)  # ties
    return (rng.random(300) < p).astype(float), p


def families_of(rng, n, size):
    """Outcomes of families whose members share 60 % of the liability, calibrated one by one."""
    family = np.arange(n) // size
    score = (0.8 * rng.normal(size=family.max() + 1)[family] + 0.6 * rng.normal(size=n)) * 1.2
    liability = np.sqrt(0.6) * rng.normal(size=family.max() + 1)[family]
    liability += np.sqrt(0.4) * rng.normal(size=n)
    return family, score, stats.norm.cdf(liability)


def test_brier_and_average_precision_equal_scikit_learn(predicted):
    y, p = predicted
    assert metrics.brier_score(y, p) == pytest.approx(brier_score_loss(y, p))
    assert metrics.brier_interval(y, p).value == pytest.approx(brier_score_loss(y, p))
    found = metrics.average_precision(y, p, np.ones((1, 300)))[0]
    assert found == pytest.approx(average_precision_score(y, p))


def test_brier_interval_of_a_locked_model_is_the_t_interval_of_the_mean_loss_as_logit(predicted):
    y, p = predicted
    loss = (y - p) ** 2
    mean, error = loss.mean(), loss.std(ddof=1) / np.sqrt(300)
    low, high = expit(stats.t.interval(0.95, 299, logit(mean), error / (mean * (1 - mean))))
    found = metrics.brier_interval(y, p)
    # Ends are accepted values on a grid of 2,001 points over 2.8 half-widths.
    assert (found.low, found.high) == pytest.approx((low, high), abs=(high - low) * 0.002)
    folded = metrics.brier_interval(y, p, n_folds=5)
    assert folded.low < found.low
    # Near chance (0.25) the shared training subjects widen the most.
    assert folded.high - found.value > found.value - folded.low


def test_calibration_line_equals_statsmodels_with_clusters(predicted):
    y, p = predicted
    p = np.clip(p, 0.01, 0.99)
    family = np.arange(300) // 3
    design = np.column_stack([logit(p), np.ones(300)])
    fit = sm.GLM(y, design, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": family, "use_correction": False}
    )
    slope, intercept = metrics.calibration_line(y, p, clusters=family)
    assert (slope.value, intercept.value) == pytest.approx(tuple(fit.params), abs=1e-6)
    half = stats.t.ppf(0.975, 99) * fit.bse * np.sqrt(100 / 99)
    assert slope.high - slope.value == pytest.approx(half[0], rel=1e-5)
    assert intercept.high - intercept.value == pytest.approx(half[1], rel=1e-5)


def test_calibration_in_the_large_equals_a_logistic_model_with_an_offset(predicted):
    y, p = predicted
    p = np.clip(p, 0.01, 0.99)
    fit = sm.GLM(y, np.ones(300), offset=logit(p), family=sm.families.Binomial()).fit()
    found = metrics.calibration_in_the_large(y, p)
    assert found.value == pytest.approx(fit.params[0], abs=1e-8)
    assert found.low == pytest.approx(fit.params[0] - stats.norm.ppf(0.975) * fit.bse[0], abs=1e-6)
    moved = metrics.calibration_in_the_large(y, expit(logit(p) - 0.7))
    assert moved.value == pytest.approx(found.value + 0.7)
    assert np.isnan(metrics.calibration_in_the_large(np.ones(300), p).value)


@pytest.mark.parametrize("size", [1, 3])
def test_calibration_intervals_of_a_locked_model_cover(size):
    """True slope 0.7, intercept 0.3; binomial error of 500 runs."""
    rng = np.random.default_rng(size)
    covered = np.zeros(2)
    for _ in range(500):
        family, score, uniform = families_of(rng, 240, size)
        y = (uniform < expit(0.3 + 0.7 * score)).astype(float)
        clusters = family if size > 1 else None
        found = metrics.calibration_line(y, expit(score), clusters=clusters)
        for k, truth in enumerate((0.7, 0.3)):
            covered[k] += found[k].low <= truth <= found[k].high
    for hits in covered:
        assert stats.binomtest(int(hits), 500, 0.95).pvalue > 0.001


def test_intervals_that_ignore_families_do_not_cover():
    rng = np.random.default_rng(8)
    kept = robust = 0
    for _ in range(200):
        family, score, uniform = families_of(rng, 240, 6)
        y = (uniform < expit(score)).astype(float)
        naive = metrics.calibration_in_the_large(y, expit(score))
        kept += naive.low <= 0 <= naive.high
        found = metrics.calibration_in_the_large(y, expit(score), clusters=family)
        robust += found.low <= 0 <= found.high
    assert kept < 0.85 * 200
    assert stats.binomtest(robust, 200, 0.95).pvalue > 0.001


def test_calibration_error_of_exact_probabilities_is_not_zero_and_is_foretold():
    rng = np.random.default_rng(5)
    p = expit(rng.normal(size=200))
    found = [
        metrics.expected_calibration_error((rng.random(200) < p).astype(float), p)
        for _ in range(200)
    ]
    foretold = metrics.expected_error_if_calibrated(p)
    assert foretold > 0.04
    assert np.mean(found) == pytest.approx(foretold, abs=4 * np.std(found) / np.sqrt(200))
    biased = (rng.random(200) < expit(logit(p) + 1)).astype(float)
    assert metrics.expected_calibration_error(biased, p) > 2 * foretold


def test_no_line_where_it_is_not_defined(predicted):
    y, _ = predicted
    assert np.isnan(metrics.calibration_line(y, np.full(300, 0.3))[0].value)
    assert np.isnan(metrics.calibration_line(y, np.where(y == 1, 0.8, 0.2))[0].value)


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [
        ([0, 1, 1], [0.1, 0.2], "2 probabilities for 3 outcomes"),
        ([0, 1, 1], [0.1, 0.2, np.nan], r"the probability has missing values \(1 of 3"),
        ([0, 1, 2], [0.1, 0.2, 0.3], r"outcomes are neither 0 nor 1 \(1 of 3"),
        ([0, 1, 1], [0.1, 0.2, 1.3], r"probabilities are outside 0 to 1 \(1 of 3"),
        ([1], [0.5], "needs two subjects"),
    ],
)
def test_bad_probabilities_are_refused_in_one_line(y, p, words):
    for function in (
        metrics.brier_interval,
        metrics.calibration_line,
        metrics.calibration_in_the_large,
    ):
        with pytest.raises(InputError, match=words) as caught:
            function(np.array(y, dtype=float), np.array(p))
        assert "\n" not in str(caught.value)
