"""Random slopes against the example of R's lme4.

``lmer(Reaction ~ Days + (Days | Subject), sleepstudy)``

Its printed fit (Bates, Mächler, Bolker & Walker, Journal of Statistical Software 2015, section 1.2,
and ``?sleepstudy``): REML criterion 1743.6; variances 612.10 (intercept), 35.07 (Days), 654.94
(residual), correlation 0.07; fixed effects 251.405 (error 6.825) and 10.467 (error 1.546).
Intercepts alone, ``(1 | Subject)``: 1378.2 and 960.5, REML criterion 1786.5.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.regression.mixed_linear_model import MixedLM

from neurogenomics_kb.stats.inference.mixed import fit_mixed

DATA = Path(__file__).parent / "reference" / "sleepstudy.json"


@pytest.fixture(scope="module")
def sleepstudy():
    data = json.loads(DATA.read_text(encoding="utf-8"))
    days = np.array(data["days"], dtype=float)
    X = np.column_stack([np.ones(180), days])
    return np.array(data["reaction"]), X, np.array(data["subject"])


def test_random_slopes_are_those_of_lme4(sleepstudy):
    y, X, subject = sleepstudy
    fit = fit_mixed(y, X, subject, X)
    assert fit.converged
    assert fit.criterion == pytest.approx(1743.628, abs=5e-4)
    assert fit.covariance[0, 0] == pytest.approx(612.10, abs=0.03)
    assert fit.covariance[1, 1] == pytest.approx(35.07, abs=0.005)
    assert fit.residual == pytest.approx(654.94, abs=0.01)
    correlation = fit.covariance[0, 1] / np.sqrt(fit.covariance[0, 0] * fit.covariance[1, 1])
    assert correlation == pytest.approx(0.066, abs=0.001)
    np.testing.assert_allclose(fit.coefficients, [251.405, 10.467], atol=5e-4)
    np.testing.assert_allclose(fit.errors, [6.825, 1.546], atol=6e-4)


def test_random_intercepts_are_those_of_lme4(sleepstudy):
    y, X, subject = sleepstudy
    fit = fit_mixed(y, X, subject, X[:, :1])
    assert fit.criterion == pytest.approx(1786.465, abs=1e-3)
    assert fit.covariance[0, 0] == pytest.approx(1378.2, abs=0.1)
    assert fit.residual == pytest.approx(960.46, abs=0.05)


def test_statsmodels_says_the_same(sleepstudy):
    y, X, subject = sleepstudy
    ours, theirs = fit_mixed(y, X, subject, X), MixedLM(y, X, subject, X).fit(reml=True)
    np.testing.assert_allclose(ours.covariance, np.asarray(theirs.cov_re), rtol=2e-3, atol=0.1)
    assert ours.criterion == pytest.approx(-2 * theirs.llf, abs=1e-3)
    assert ours.residual == pytest.approx(theirs.scale, rel=1e-4)
