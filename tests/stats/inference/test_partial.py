from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.optimize import minimize

from neurogenomics_kb.stats.inference.firth import fit_firth, is_separated
from neurogenomics_kb.stats.inference.partial import (
    BIAS_REDUCED,
    UNRELATED,
    odds_ratio,
    partial_correlation,
)


def people(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=(n, 2))
    y = (rng.random(n) < 1 / (1 + np.exp(-x - z[:, 0]))).astype(float)
    return x, y, z


def test_firth_of_a_two_by_two_table_adds_half_a_subject_to_each_cell():
    """Jeffreys' prior of a saturated table: Firth 1993, section 3."""
    x = np.repeat([0.0, 0, 1, 1], [7, 3, 2, 8])
    y = np.repeat([0.0, 1, 0, 1], [7, 3, 2, 8])
    fit = fit_firth(np.column_stack([np.ones(20), x]), y)
    assert np.exp(fit.params[1]) == pytest.approx((8.5 / 2.5) / (3.5 / 7.5))


def test_firth_maximises_the_penalised_likelihood():
    x, y, z = people(80)
    X = sm.add_constant(np.column_stack([x, z]))

    def negative(b):
        p = 1 / (1 + np.exp(-X @ b))
        information = (X * (p * (1 - p))[:, None]).T @ X
        return -(
            np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)) + np.linalg.slogdet(information)[1] / 2
        )

    best = minimize(negative, np.zeros(4), method="Nelder-Mead",
                    options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20000})  # fmt: skip
    fit = fit_firth(X, y)
    np.testing.assert_allclose(fit.params, best.x, atol=1e-5)
    assert fit.log_likelihood == pytest.approx(-best.fun)


def test_firth_tends_to_maximum_likelihood_in_large_samples():
    x, y, z = people(20000)
    design = sm.add_constant(np.column_stack([(x - x.mean()) / x.std(), z]))
    fitted = sm.Logit(y, design).fit(disp=False)
    result = odds_ratio(x, y, z)
    assert result.effect == pytest.approx(np.exp(fitted.params[1]), rel=1e-3)
    np.testing.assert_allclose(result.ci, np.exp(fitted.conf_int()[1]), rtol=2e-3)


def test_separation_is_found_and_the_odds_ratio_stays_finite():
    x, y, z = people()
    X = sm.add_constant(np.column_stack([x, z]))
    assert not is_separated(X, y)
    assert is_separated(np.column_stack([X, y]), y)
    half = np.where(y == 1, 1.0, (np.arange(300) % 2).astype(float))  # quasi-complete
    assert is_separated(np.column_stack([X, half]), y)
    result = odds_ratio(y + 0.01 * x, y, z)
    assert "separation" in result.note
    assert 1 < result.effect < 1e6
    assert 0 < result.p_value < 1e-10
    assert "separation" not in odds_ratio(x, y, z).note


@pytest.mark.parametrize(
    ("axis", "outcome", "covariates", "words"),
    [
        (np.ones(40), np.arange(40) % 2, None, "the axis is constant"),
        (np.arange(40.0), np.zeros(40), None, "one class has 0 subjects"),
        (np.arange(40.0), np.eye(40)[0], None, "one class has 1 subjects"),
        (np.arange(40.0), np.arange(40) % 2, np.arange(40.0)[:, None], "nothing varies"),
        (np.arange(40.0), np.arange(40) % 2, np.eye(40), "no degrees of freedom"),
    ],
)
def test_what_has_no_odds_ratio_is_said(axis, outcome, covariates, words):
    result = odds_ratio(axis, outcome, covariates)
    assert words in result.note
    assert np.isnan(result.p_value)


def test_half_a_percent_of_cases_still_gives_a_finite_interval():
    rng = np.random.default_rng(1)
    y = np.zeros(1000)
    y[:5] = 1
    result = odds_ratio(rng.normal(size=1000), y, rng.normal(size=(1000, 3)))
    assert result.ci[0] < result.effect < result.ci[1] < 20
    assert result.p_value > 0.01


def test_robust_odds_ratio_of_many_families_is_that_of_statsmodels():
    x, y, z = people(4000)
    families = np.arange(4000) // 3
    X = np.column_stack([(x - x.mean()) / x.std(), np.ones(4000), z])
    fitted = sm.Logit(y, X).fit(disp=False, cov_type="cluster", cov_kwds={"groups": families})
    result = odds_ratio(x, y, z, clusters=families)
    reach = np.diff(np.log(result.ci))[0] / 2 / stats.t.ppf(0.975, result.df)
    assert reach == pytest.approx(fitted.bse[0], rel=3e-3)
    assert 600 < result.df < 1333
    assert result.correction == BIAS_REDUCED
    assert odds_ratio(x, y, z).correction == UNRELATED


def test_partial_correlation_has_the_p_value_of_the_regression():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 3))
    x = z[:, 0] + rng.normal(size=60)
    y = z[:, 0] + 0.4 * x + rng.normal(size=60)
    design = sm.add_constant(np.column_stack([x, z]))
    fitted = sm.OLS(y, design).fit()
    result = partial_correlation(x, y, z)
    assert result.p_value == pytest.approx(fitted.pvalues[1])
    assert result.df == fitted.df_resid == 55
    assert result.ci[0] < result.effect < result.ci[1]
    ranked = partial_correlation(np.exp(x), y, None, method="spearman")
    assert ranked.effect == pytest.approx(stats.spearmanr(x, y).statistic)
    assert "nothing varies" in partial_correlation(z[:, 0], y, z).note
    assert "degrees of freedom" in partial_correlation(x[:4], y[:4], z[:4]).note


def test_partial_correlation_of_many_families_has_the_robust_p_value_of_the_regression():
    rng = np.random.default_rng(0)
    families = np.repeat(np.arange(1000), 3)
    z = rng.normal(size=(3000, 2))
    x, y = (rng.normal(size=3000) + rng.normal(size=1000)[families] + z[:, 0] for _ in "xy")
    fitted = sm.OLS(y, sm.add_constant(np.column_stack([x, z]))).fit(
        cov_type="cluster", cov_kwds={"groups": families}, use_t=True
    )
    result = partial_correlation(x, y, z, clusters=families)
    assert result.p_value == pytest.approx(fitted.pvalues[1], rel=0.02)
    assert 300 < result.df < 1000
    assert result.correction == BIAS_REDUCED
    assert result.note == ""
    assert partial_correlation(x, y, z).correction == UNRELATED


def test_few_clusters_are_said():
    x, y, z = people(60)
    unequal = np.repeat([0, 1, 2, 3], [50, 4, 3, 3])
    for found in (
        partial_correlation(x, x + y, z, clusters=unequal),
        odds_ratio(x, y, z, clusters=unequal),
    ):
        assert found.df < 3
        assert "degrees of freedom in 4 clusters: hardly any power" in found.note
        assert found.ci[0] < found.effect < found.ci[1]
    alone = odds_ratio(x, y, z, clusters=np.zeros(60))
    assert alone.note == "too few clusters for a variance"
    assert np.isnan(alone.p_value)
    assert alone.correction == BIAS_REDUCED


def test_tests_hold_their_level_in_families_where_ordinary_ones_do_not():
    robust = ordinary = binary = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        families = np.repeat(np.arange(50), 3)
        z = rng.normal(size=(150, 3))
        x, y = (rng.normal(size=150) + 2.0 * rng.normal(size=50)[families] for _ in "xy")
        robust += partial_correlation(x, y, z, clusters=families).p_value <= 0.05
        ordinary += partial_correlation(x, y, z).p_value <= 0.05
        binary += odds_ratio(x, (y > 0).astype(float), z, clusters=families).p_value <= 0.05
    assert stats.binomtest(int(robust), 300, 0.05).pvalue > 0.005
    assert stats.binomtest(int(binary), 300, 0.05).pvalue > 0.005
    assert stats.binomtest(int(ordinary), 300, 0.05, alternative="greater").pvalue < 1e-4
