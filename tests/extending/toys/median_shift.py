"""A harmonization method: every site's median is moved to the median of all."""

from __future__ import annotations

from typing import Literal

from sklearn.base import BaseEstimator, TransformerMixin

from neurogenomics_kb.registry.cards.harmonization import FittedMethod


class MedianShiftMethod(FittedMethod):
    method: Literal["median_shift"]
    strength: float = 1.0


class MedianShift(TransformerMixin, BaseEstimator):
    def __init__(self, batch: str, read: tuple[str, ...], strength: float) -> None:
        self.batch, self.read, self.strength = batch, read, strength

    def fit(self, X, y=None):
        self.features_ = [c for c in X if c not in self.read]
        shift = X.groupby(self.batch)[self.features_].median() - X[self.features_].median()
        self.shift_ = self.strength * shift
        return self

    def transform(self, X):
        return X[self.features_] - self.shift_.loc[X[self.batch]].to_numpy()


def build(card: MedianShiftMethod) -> MedianShift:
    return MedianShift(card.batch, tuple(card.columns), card.strength)
