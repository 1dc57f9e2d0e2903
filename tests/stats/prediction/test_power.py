"""The smallest difference that could have been seen is seen in 80 of 100 cohorts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.stats.prediction.power import smallest_difference


@pytest.mark.parametrize(("df", "alpha"), [(2, 0.05), (4, 0.05), (4, 0.005), (9, 0.01)])
def test_that_share_of_tests_rejects(df, alpha):
    rng, runs = np.random.default_rng(0), 40_000
    true = smallest_difference(1.0, df, alpha)
    t = (true + rng.normal(size=runs)) / np.sqrt(rng.chisquare(df, runs) / df)
    rejected = np.mean(t > stats.t.isf(alpha, df))
    assert abs(rejected - 0.80) < 4 * np.sqrt(0.16 / runs)


def test_it_grows_with_error_and_with_fewer_folds():
    assert smallest_difference(0.04, 4, 0.05) == pytest.approx(
        2 * smallest_difference(0.02, 4, 0.05)
    )
    assert smallest_difference(0.02, 2, 0.05) > smallest_difference(0.02, 9, 0.05)
    assert smallest_difference(1.0, float("inf"), 0.05) == pytest.approx(2.486, abs=1e-3)
    assert np.isnan(smallest_difference(0.0, 4, 0.05))
    assert np.isnan(smallest_difference(float("nan"), 4, 0.05))
