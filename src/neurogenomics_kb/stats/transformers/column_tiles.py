"""Scikit-learn's columnwise transformers a few columns at a time, so that no whole copy is made."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation.tiles import tiles

# What is done to a column does not depend on the others.
COLUMNWISE = (SimpleImputer, StandardScaler)


class ColumnTiles:
    """A columnwise transformer, fitted and applied tile by tile, with the same numbers.

    Parameters
    ----------
    transformer : estimator
        `COLUMNWISE`; unfitted.
    X : ndarray (n, p)
        What it is fitted to.
    """

    def __init__(self, transformer, X: np.ndarray) -> None:
        self.tiles = list(tiles(X.shape[1], len(X))) or [slice(0, 0)]
        self.fitted = [clone(transformer).fit(_summary(transformer, X[:, t])) for t in self.tiles]

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Transformed columns (n, q), column after column in memory as tables hold them."""
        widths = [len(part.get_feature_names_out()) for part in self.fitted]
        out = np.empty((sum(widths), len(X))).T
        ends = np.cumsum(widths)
        for part, tile, width, end in zip(self.fitted, self.tiles, widths, ends, strict=True):
            out[:, end - width : end] = part.transform(X[:, tile])
        return out

    def get_feature_names_out(self, names: np.ndarray) -> np.ndarray:
        """Names of the transformed columns."""
        parts = zip(self.fitted, self.tiles, strict=True)
        return np.concatenate([part.get_feature_names_out(names[tile]) for part, tile in parts])


def _summary(transformer, X: np.ndarray) -> np.ndarray:
    """What a transformer may be fitted to instead: of medians, the medians as one row."""
    if not isinstance(transformer, SimpleImputer) or transformer.strategy != "median":
        return X
    middle = np.median(X, axis=0)
    for j in np.flatnonzero(np.isnan(middle)):
        known = X[~np.isnan(X[:, j]), j]
        if len(known):
            middle[j] = np.median(known)
    return middle[None, :]
