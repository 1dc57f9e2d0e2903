"""No interval leaves what its score can be."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.stats.prediction import metrics
from neurogenomics_kb.stats.prediction.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.prediction.bounds import (
    AT_MOST_ONE,
    POSITIVE,
    SHARE,
    UNBOUNDED,
    bounded_interval,
)
from neurogenomics_kb.stats.prediction.resampling import (
    fold_loss_interval,
    fold_mean_interval,
    fold_score_interval,
)
from neurogenomics_kb.stats.roc import cv_auc, cv_auc_difference, delong_interval

BOUNDS = [SHARE, (0.0, 2.0), POSITIVE, AT_MOST_ONE]
CORNERS = [0.0, 1e-300, 1e-16, 1e-9, 0.5, 1 - 1e-9, 1 - 1e-16, 1.0]


def shares(n, seed=0):
    """Numbers from 0 to 1, with those on which arithmetic stumbles."""
    return [*CORNERS, *np.random.default_rng(seed).uniform(size=n)]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_interval_stays_inside_and_around_the_estimate(bounds):
    low, high = bounds
    for share in shares(200):
        if np.isfinite(high - low):
            value = low + share * (high - low)
        else:
            value = 1 - 5 * share if low < 0 else 5 * share
        for half in (0.0, 1e-300, 1e-9, 0.01, 0.3, 2.0, 50.0, 1e6):
            ends = bounded_interval(value, half, bounds)
            assert low <= ends[0] <= value <= ends[1] <= high
            if half >= 0.01 and low < value < high:
                assert ends[0] < ends[1]


def test_narrow_intervals_are_the_plain_ones():
    for bounds, value in zip([*BOUNDS, UNBOUNDED], [0.3, 1.4, 2.0, -0.4, 7.0], strict=True):
        low, high = bounded_interval(value, 1e-4, bounds)
        assert (low, high) == pytest.approx((value - 1e-4, value + 1e-4), abs=1e-7)
    assert bounded_interval(0.5, 0, SHARE) == (0.5, 0.5)
    assert np.isnan(bounded_interval(np.nan, 0.1, SHARE)).all()
    # At an end there is no scale: the plain interval, cut.
    assert bounded_interval(1.0, 0.2, SHARE) == (0.8, 1.0)
    assert bounded_interval(0.0, 0.2, POSITIVE) == (0.0, 0.2)


def test_written_out_on_each_scale():
    low, high = bounded_interval(0.8, 0.1, SHARE)
    slope = 0.1 / (0.8 * 0.2)
    odds = np.log(4)
    assert low == pytest.approx(1 / (1 + np.exp(-(odds - slope))))
    assert high == pytest.approx(1 / (1 + np.exp(-(odds + slope))))
    low, high = bounded_interval(0.75, 0.1, AT_MOST_ONE)
    assert (low, high) == pytest.approx((1 - 0.25 * np.exp(0.4), 1 - 0.25 * np.exp(-0.4)))
    assert bounded_interval(2.0, 1.0, POSITIVE) == pytest.approx(
        (2 * np.exp(-0.5), 2 * np.exp(0.5))
    )


@pytest.mark.parametrize(
    ("scale", "bounds"),
    [(lambda u: 1 - 4 * u, AT_MOST_ONE), (lambda u: 4 * u, POSITIVE), (lambda u: u, SHARE)],
)
def test_scores_of_folds(scale, bounds):
    rng = np.random.default_rng(0)
    for _ in range(300):
        shares_of_folds = rng.beta(*rng.choice([0.05, 0.5, 3.0], 2), rng.integers(3, 9))
        mean, low, high = fold_mean_interval(scale(shares_of_folds), bounds=bounds)
        assert bounds[0] <= low <= mean + 1e-12
        assert mean - 1e-12 <= high <= bounds[1]


def test_an_r2_whose_plain_interval_reaches_above_one():
    scores = np.array([0.99, 0.9, 0.6, 0.95, 0.97])
    plain = fold_mean_interval(scores)
    assert plain[2] > 1.07
    mean, low, high = fold_mean_interval(scores, bounds=AT_MOST_ONE)
    assert mean == plain[0]
    assert low < plain[1] < mean < high < 1


def test_scores_and_losses_between_zero_and_one():
    for value in shares(60):
        for se in (0.0, 1e-300, 1e-6, 0.05, 0.5, 10.0):
            for n_folds, chance in ((1, 0.5), (5, 0.5), (5, 0.0), (10, 1.0)):
                for interval in (fold_score_interval, fold_loss_interval):
                    low, high = interval(value, se, chance=chance, n_folds=n_folds, df=3)
                    assert 0 <= low <= value + 1e-12
                    assert value - 1e-12 <= high <= 1


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("effect", [0.0, 1.5, 6.0])
def test_every_interval_of_a_small_prediction(seed, effect):
    rng = np.random.default_rng(seed)
    y = np.tile([0, 0, 1, 1], 6)
    a, b = effect * y + rng.normal(size=(2, 24))
    folds = np.repeat([0, 1, 2], 8)
    probability = 1 / (1 + np.exp(-(a - a.mean())))
    brier = metrics.brier_interval(y, probability, n_folds=3)
    precision = bootstrap_folds(
        metrics.average_precision, y, a, folds, n_resamples=50, chance=0.5, random_state=seed
    )
    for low, value, high in (
        (cv_auc(y, a, folds).ci[0], cv_auc(y, a, folds).auc, cv_auc(y, a, folds).ci[1]),
        (delong_interval(y, a)[2][0], delong_interval(y, a)[0], delong_interval(y, a)[2][1]),
        (brier.low, brier.value, brier.high),
        (precision.low, precision.value, precision.high),
    ):
        assert 0 <= low <= value <= high <= 1
    assert delong_interval(y, a)[2][0] < delong_interval(y, a)[2][1]
    difference = cv_auc_difference(y, 20 * y + a, -b, folds)
    assert -1 <= difference.ci[0] <= difference.ci[1] <= 1
