from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.errors import InputError
from neurogenomics_kb.stats import metrics
from neurogenomics_kb.stats.bootstrap import bootstrap_folds
from neurogenomics_kb.stats.decision_curve import decision_curve, net_benefit


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
    with pytest.raises(InputError, match="there is one"):
        bootstrap_folds(brier, y, p, np.zeros(200), clusters=np.zeros(200))


def test_resamples_without_a_case_are_left_out():
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
