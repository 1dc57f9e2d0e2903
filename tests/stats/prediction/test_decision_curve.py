from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.decision_curve import decision_curve, net_benefit


def test_net_benefit_by_hand():
    """Vickers & Elkin 2006: of 10 people 3 true and 2 false positives at odds 1:4."""
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    p = np.array([0.9, 0.8, 0.3, 0.1, 0.5, 0.2, 0.1, 0.1, 0.1, 0.1])
    assert net_benefit(y, p, 0.2)[0] == pytest.approx(3 / 10 - 2 / 10 / 4)
    curve = decision_curve(y, p, thresholds=np.array([0.2]), n_resamples=20).iloc[0]
    assert curve["model"] == pytest.approx(0.25)
    assert curve["treat_all"] == pytest.approx(4 / 10 - 6 / 10 / 4)
    assert curve["treat_none"] == 0
    assert curve["gain"] == pytest.approx(0.25 - 0.25)


def test_drawing_a_subject_twice_is_having_it_twice():
    y, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.6, 0.2, 0.1])
    weights = np.array([[2.0, 1, 0, 1]])
    twice = net_benefit(np.repeat(y, [2, 1, 0, 1]), np.repeat(p, [2, 1, 0, 1]), 0.4)
    assert net_benefit(y, p, 0.4, weights) == pytest.approx(twice)


def test_useful_probabilities_gain_and_useless_ones_do_not():
    rng = np.random.default_rng(2)
    p = expit(1.5 * rng.normal(size=600))
    y = (rng.random(600) < p).astype(float)
    at = decision_curve(y, p, thresholds=np.array([0.5]), n_resamples=300).iloc[0]
    assert at["gain_low"] > 0.05
    useless = decision_curve(y, rng.permutation(p), thresholds=np.array([0.5]), n_resamples=300)
    assert useless["gain_low"].iloc[0] < 0


@pytest.mark.parametrize("size", [1, 4])
def test_intervals_cover_with_families_drawn_as_wholes(size):
    """Truth by integration over the calibrated score; binomial error of 600 runs."""
    grid = np.linspace(0.0005, 0.9995, 1000)
    risk = expit(stats.norm.ppf(grid))
    acted = risk >= 0.3
    truth = (acted * (risk - (1 - risk) * 0.3 / 0.7)).mean()
    rng, covered = np.random.default_rng(10 + size), 0
    for seed in range(600):
        family = np.arange(240) // size
        shared, own = rng.normal(size=(family.max() + 1, 2))[family], rng.normal(size=(240, 2))
        mixed = np.sqrt(0.6) * shared + np.sqrt(0.4) * own
        p = expit(mixed[:, 0])
        y = (stats.norm.cdf(mixed[:, 1]) < p).astype(float)
        at = decision_curve(
            y, p, thresholds=np.array([0.3]), clusters=family, n_resamples=200, random_state=seed
        ).iloc[0]
        covered += at["low"] <= truth <= at["high"]
    assert stats.binomtest(covered, 600, 0.95).pvalue > 0.001


def test_bad_input_is_refused():
    y, p = np.array([0.0, 1.0]), np.array([0.2, 0.6])
    with pytest.raises(InputError, match="threshold"):
        decision_curve(y, p, thresholds=np.array([0.5, 1.0]))
    with pytest.raises(InputError, match="outside 0 to 1"):
        decision_curve(y, p + 1)
    with pytest.raises(InputError, match="1 cluster labels for 2 subjects"):
        decision_curve(y, p, clusters=[1])
