"""A predictor: the class, or the score, of the nearer group mean."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, ClassifierMixin

from neurogenomics_kb.registry.cards.predictors import PredictorOptions


class NearestMeanOptions(PredictorOptions):
    type: Literal["nearest_mean"]
    sharpness: float = Field(1.0, gt=0)


class NearestMean(ClassifierMixin, BaseEstimator):
    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_])
        return self

    def predict_proba(self, X):
        distance = ((X[:, None] - self.means_) ** 2).mean(axis=2)
        weight = np.exp(-self.sharpness * (distance - distance.min(axis=1, keepdims=True)))
        return weight / weight.sum(axis=1, keepdims=True)


def build(options: NearestMeanOptions, *, continuous: bool, seed: int) -> NearestMean:
    assert not continuous
    return NearestMean(options.sharpness)
