"""Support vector machines with settings, and probabilities, from the inner folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from neurogenomics_kb.stats.prediction.choosing import DecisionCalibration, choose
from neurogenomics_kb.stats.prediction.predictors import class_loss
from neurogenomics_kb.stats.prediction.scaling import TakesParts, _PartScaler
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor

STRENGTHS = (0.01, 0.1, 1.0, 10.0)
WIDTHS = (0.1, 1.0)


class _Machine:
    """Settings of a support vector machine on scaled features."""

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        strengths: Sequence[float] = STRENGTHS,
        widths: Sequence[float] = WIDTHS,
    ) -> None:
        self.kernel = kernel
        self.strengths = strengths
        self.widths = widths

    def _candidates(self) -> list[dict[str, float]]:
        widths = self.widths if self.kernel == "rbf" else [1.0]
        return [{"C": C, "width": w} for w in sorted(widths) for C in sorted(self.strengths)]

    def _make(self, kind, X: np.ndarray, *, C: float, width: float) -> Pipeline:
        scaler = _PartScaler(self._parts_of(X))
        return make_pipeline(scaler, kind(kernel=self.kernel, C=C, gamma=width / X.shape[1]))


class MachineRegression(_Machine, TakesParts, TunedRegressor, BaseEstimator):
    """Support vector regression (Drucker et al. 1997) of a standardised score.

    Parameters
    ----------
    kernel : {"rbf", "linear"}
        Kernel of the features, which are scaled in the training rows, see ``parts`` of `fit`.
    strengths : sequence of float
        Inverse penalties that are tried; 0.01 to 10.
    widths : sequence of float
        Inverse squared widths of the RBF kernel that are tried, times the number of features; 0.1
        and 1.

    Attributes
    ----------
    estimator_ : TransformedTargetRegressor
        With the chosen settings, fitted to all training rows.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits):
        def make(**settings):
            machine = self._make(SVR, X, **settings)
            return TransformedTargetRegressor(machine, transformer=StandardScaler())

        return choose(self._candidates(), make, X, y, splits, continuous=True)


class _Calibrated:
    """A machine with the probabilities that inner folds give to its decision values."""

    def __init__(self, machine: Pipeline, calibration: DecisionCalibration) -> None:
        self.machine, self.calibration = machine, calibration

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probability of every class (n, C)."""
        return self.calibration.probabilities(self.machine.decision_function(X))


class MachineClassifier(_Machine, TakesParts, TunedClassifier, BaseEstimator):
    """Support vector classification (Cortes & Vapnik 1995) with Platt's probabilities.

    Probabilities come from decision values outside the inner folds of the caller, in which
    relatives stay together; scikit-learn's own would draw folds that divide families.

    Parameters
    ----------
    kernel : {"rbf", "linear"}
        Kernel of the features, which are scaled in the training rows, see ``parts`` of `fit`.
    strengths : sequence of float
        Inverse penalties that are tried; 0.01 to 10.
    widths : sequence of float
        Inverse squared widths of the RBF kernel that are tried, times the number of features; 0.1
        and 1.

    Attributes
    ----------
    estimator_ : object
        The machine with the chosen settings, fitted to all training rows, and its calibration.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits) -> _Calibrated:
        truth = np.concatenate([y[test] for _, test in splits])
        found = []
        for settings in self._candidates():
            outside = np.concatenate(
                [
                    self._make(SVC, X, **settings)
                    .fit(X[train], y[train])
                    .decision_function(X[test])
                    for train, test in splits
                ]
            )
            calibration = DecisionCalibration().fit(outside, truth)
            found.append(
                (class_loss(truth, calibration.probabilities(outside)), settings, calibration)
            )
        _, settings, calibration = min(found, key=lambda each: each[0])
        return _Calibrated(self._make(SVC, X, **settings).fit(X, y), calibration)


def build_svm(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Support vector machine from the options of a card."""
    kind = MachineRegression if continuous else MachineClassifier
    return kind(kernel=options.kernel, strengths=options.strengths, widths=options.widths)
