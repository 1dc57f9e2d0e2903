"""Gradient steps for many rows and columns go where Newton steps go."""

import numpy as np
import pytest
from scipy.special import expit

from neurogenomics_kb.stats.prediction import predictors
from neurogenomics_kb.stats.prediction.predictors import fit_linear, predict_score, solver_for


def data(n: int = 300, p: int = 12):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    y = (rng.random(n) < expit(X[:, 0] - 0.5 * X[:, 1] - 0.8)).astype(float)
    folds = np.arange(n) % 3
    return X, y, [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)]


def test_both_solvers_choose_and_predict_the_same(monkeypatch):
    X, y, splits = data()
    newton = fit_linear(X, y, splits, continuous=False)
    assert newton.solver == "newton-cholesky"
    monkeypatch.setattr(predictors, "NEWTON_UP_TO", 0)
    steps = fit_linear(X, y, splits, continuous=False)
    assert steps.solver == "lbfgs"
    assert steps.C == newton.C
    assert steps.coef_ == pytest.approx(newton.coef_, abs=2e-4)
    told = [predict_score(model, X, continuous=False) for model in (newton, steps)]
    assert told[1] == pytest.approx(told[0], abs=1e-3)


def test_size_decides_and_several_classes_never_take_newton_steps():
    assert solver_for(np.empty((4000, 512)), 2) == {"solver": "newton-cholesky"}
    assert solver_for(np.empty((16000, 512)), 2)["solver"] == "lbfgs"
    assert solver_for(np.empty((10, 2)), 3) == {"solver": "lbfgs"}
