from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.decision_curve import decision_curve, net_benefit
from neurogenomics_kb.stats.prediction.metrics import average_precision


def brier(y, scores, weights):
    return (weights * (y - scores) ** 2).sum(axis=1) / weights.sum(axis=1)


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    y = (np.arange(200) % 2).astype(float)
    return y, np.clip(0.5 + 0.2 * (y - 0.5) + 0.2 * rng.normal(size=200), 0.01, 0.99)


def test_standard_error_of_a_mean_is_the_textbook_one(scored):
    y, p = scored
    found = bootstrap_folds(brier, y, p, np.zeros(200), n_resamples=4000)
    loss = (y - p) ** 2
    se = loss.std(ddof=1) / np.sqrt(200)
    half = 1.972 * se / (loss.mean() * (1 - loss.mean()))  # t, 199 degrees of freedom, logit scale
    centre = np.log(loss.mean() / (1 - loss.mean()))
    low, high = 1 / (1 + np.exp(-np.array([centre - half, centre + half])))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)
    assert found.note == ""


def test_relatives_widen_the_interval(scored):
    y, p = (np.repeat(a[:100], 2) for a in scored)
    twins = np.repeat(np.arange(100), 2)
    apart = bootstrap_folds(brier, y, p, np.zeros(200))
    together = bootstrap_folds(brier, y, p, np.zeros(200), clusters=twins)
    ratio = (together.high - together.low) / (apart.high - apart.low)
    assert ratio == pytest.approx(np.sqrt(2), rel=0.12)


def test_folds_that_are_sites_are_drawn_as_wholes(scored):
    y, p = scored
    site = np.arange(200) // 50
    found = bootstrap_folds(brier, y, p, site, clusters=site)
    assert found.low < found.value < found.high
    assert found.n_clusters == 4
    assert "only 4 clusters" in found.note
    with pytest.raises(InputError, match="all subjects are in one cluster"):
        bootstrap_folds(brier, y, p, np.zeros(200), clusters=np.zeros(200))


def test_a_score_with_two_cases_has_an_interval():
    y = np.zeros(60)
    y[:2] = 1
    score = np.linspace(1, 0, 60)
    found = bootstrap_folds(metrics.average_precision, y, score, np.zeros(60))
    assert np.isfinite([found.value, found.low, found.high]).all()


def test_net_benefit_of_the_published_definition():
    """Vickers & Elkin 2006: true positives, less false ones times the odds of the threshold."""
    y = np.array([1, 1, 0, 0, 0.0])
    p = np.array([0.9, 0.3, 0.8, 0.1, 0.2])
    assert net_benefit(y, p, 0.5)[0] == pytest.approx(1 / 5 - 1 / 5 * 1)
    assert net_benefit(y, p, 0.25)[0] == pytest.approx(2 / 5 - 1 / 5 / 3)
    curve = decision_curve(y, p, thresholds=np.array([0.25, 0.5]), n_resamples=50)
    assert curve["treat_all"].tolist() == pytest.approx([0.4 - 0.6 / 3, 0.4 - 0.6])
    assert (curve["low"] <= curve["high"]).all()


def test_calibration_error_is_read_against_what_exact_probabilities_show():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.1, 0.9, 400)
    exact = (rng.random(400) < p).astype(float)
    expected = metrics.expected_error_if_calibrated(p)
    assert 0.01 < expected < 0.08
    assert metrics.expected_calibration_error(exact, p) < 2 * expected
    assert metrics.expected_calibration_error(exact, np.clip(p + 0.3, 0, 1)) > 3 * expected


def test_calibration_line_says_when_it_has_none():
    slope, intercept = metrics.calibration_line(np.array([0.0, 1, 0, 1]), np.full(4, 0.5))
    assert np.isnan([slope.value, intercept.value]).all()
    separated, _ = metrics.calibration_line(
        np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    )
    assert np.isnan(separated.value)


def mean_score(y, scores, weights):
    """Weighted mean of the scores, NaN without weight."""
    total = weights.sum(axis=1)
    return np.divide(weights @ scores, total, out=np.full(len(total), np.nan), where=total > 0)


def outcome(rng, n, share):
    return rng.permutation((np.arange(n) < share * n).astype(float))


def test_a_mean_in_one_fold_has_the_interval_of_a_mean():
    rng = np.random.default_rng(0)
    y, x = np.arange(200) / 200, rng.normal(size=200)
    found = bootstrap_folds(mean_score, y, x, np.zeros(200), scale="identity", n_resamples=4000)
    low, high = stats.t.interval(0.95, 199, x.mean(), x.std(ddof=1) / np.sqrt(200))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.04 * (high - low))
    plain = bootstrap_folds(mean_score, y, x, np.zeros(200), scale="percentile", n_resamples=4000)
    assert (plain.low, plain.high) == pytest.approx((low, high), abs=0.04 * (high - low))


def test_folds_are_widened_most_near_chance():
    rng = np.random.default_rng(1)
    y = outcome(rng, 200, 0.4)
    score, folds = y + rng.normal(size=200), np.arange(200) % 5

    def width(**options):
        found = bootstrap_folds(average_precision, y, score, folds, **options)
        return found.high - found.low

    widest = width()
    assert width(chance=0.4) < width(chance=0.4, n_features=500) < widest
    # Factors on the variance lie between 1 + 1/5 and 2.
    assert widest < 1.4 * width(chance=0.0)


@pytest.mark.parametrize("share", [0.5, 0.15])
def test_interval_of_locked_average_precision_covers(share):
    """Truth: mean over 2,000 fresh test sets of the same size from the same population."""
    rng = np.random.default_rng(2)

    def one():
        y = (rng.random(200) < share).astype(float)
        return y, y + rng.normal(size=200)

    truth = np.mean([average_precision(*one(), np.ones((1, 200)))[0] for _ in range(2000)])
    covered = 0
    for seed in range(300):
        y, score = one()
        found = bootstrap_folds(
            average_precision, y, score, np.zeros(200), n_resamples=200, random_state=seed
        )
        covered += found.low <= truth <= found.high
    assert stats.binomtest(covered, 300, 0.95).pvalue > 0.001


def test_families_widen_the_interval():
    rng = np.random.default_rng(3)
    twins = np.repeat(np.arange(100), 2)
    y = outcome(rng, 100, 0.5)
    score = y + rng.normal(size=100)
    options = {"n_resamples": 2000}
    alone = bootstrap_folds(average_precision, y, score, np.zeros(100), **options)
    doubled = bootstrap_folds(
        average_precision, y[twins], score[twins], np.zeros(200), clusters=twins, **options
    )
    naive = bootstrap_folds(average_precision, y[twins], score[twins], np.zeros(200), **options)
    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert naive.high - naive.low < 0.8 * (doubled.high - doubled.low)


def test_a_site_that_is_a_fold_is_drawn_over_the_whole_sample():
    rng = np.random.default_rng(4)
    sites = np.repeat(np.arange(12), 20)
    effect = 0.05 * rng.normal(size=12)
    x = effect[sites] + 0.5
    found = bootstrap_folds(
        mean_score, np.arange(240.0), x, sites, clusters=sites, scale="percentile",
        n_resamples=4000,
    )  # fmt: skip
    # Identical subjects inside sites: the bootstrap of twelve numbers.
    drawn = rng.choice(effect + 0.5, size=(20000, 12)).mean(axis=1)
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.003
    )
    assert found.n_clusters == 12
    assert found.note == ""


def test_folds_that_mix_single_and_several_sites_are_drawn_over_the_whole_sample():
    rng = np.random.default_rng(5)
    sites = np.repeat(np.arange(4), 50)
    folds = np.array([0, 1, 2, 2])[sites]
    y = outcome(rng, 200, 0.5)
    score = y * (1 + 0.5 * sites) + rng.normal(size=200)
    found = bootstrap_folds(average_precision, y, score, folds, clusters=sites)
    assert found.low < found.value < found.high
    assert found.note == "only 4 clusters: unreliable"


def test_resamples_without_a_case_are_drawn_again():
    y = np.zeros(40)
    y[[0, 20]] = 1  # one case per fold: missing in 36 % of the draws
    score, folds = np.arange(40.0), np.arange(40) // 20
    seen = []

    def spied(y, scores, weights):
        found = average_precision(y, scores, weights)
        seen.append(np.isnan(found).sum())
        return found

    found = bootstrap_folds(spied, y, score, folds, n_resamples=300)
    assert max(seen) > 50
    assert np.isfinite([found.low, found.high]).all()
    assert found.note == ""


def test_bad_input_is_refused_in_one_line():
    y, x, folds = np.arange(6.0) % 2, np.arange(6.0), np.zeros(6)
    for arguments, options, words in (
        ((y, x, folds), {"clusters": np.zeros(6)}, "all subjects are in one cluster"),
        ((y, x, folds), {"clusters": np.zeros(5)}, "5 cluster labels for 6 subjects"),
        ((y, x[:5], folds), {}, "5 values of the score for 6 outcomes"),
        ((y, np.where(x > 3, np.nan, x), folds), {}, r"missing values \(2 of 6"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            bootstrap_folds(mean_score, *arguments, **options)
        assert "\n" not in str(caught.value)
