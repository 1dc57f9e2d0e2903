"""Scores relative to training subjects of the same age and sex."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.stats.confounds import refuse_missing
from neurogenomics_kb.stats.transformers.indicators import is_indicator

logger = logging.getLogger(__name__)

ALL = "everybody"
# A spread below this share of the scale's overall one is taken for noise of the regression.
LEAST_SPREAD = 0.25


class NormativeScores(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """z-scores by age and sex, from norms that are estimated in the training subjects.

    Parameters
    ----------
    age : str
        Column of ages, in any unit.
    sex : str, optional
        Column by whose levels norms are separate; None makes one norm for all.
    method : {"spline", "bands"}
        ``spline``: the mean is a cubic spline of age per sex and the standard deviation linear in
        age, estimated from absolute residuals (Altman, Statistics in Medicine 1993, 12:917–924).
        ``bands``: mean and standard deviation of each age band and sex.
    knots : int
        Knots of the spline, at quantiles of the ages.
    bands : sequence of float
        Edges; a band holds its first edge and not its last.
    outside : {"clamp", "missing"}
        Ages that training lacks, or no band holds: judged as the nearest age that has norms, or
        left missing. A curve is never extended.
    minimum : int
        Training subjects that a norm needs, per sex (and band) and feature.

    Attributes
    ----------
    norms_ : dict
        By level of sex and feature.

    Notes
    -----
    Missing values stay missing, and indicators of missing values pass unchanged.
    """

    def __init__(
        self,
        age: str = "age",
        sex: str | None = "sex",
        *,
        method: Literal["spline", "bands"] = "spline",
        knots: int = 4,
        bands: Sequence[float] = (),
        outside: Literal["clamp", "missing"] = "clamp",
        minimum: int = 20,
    ) -> None:
        self.age = age
        self.sex = sex
        self.method = method
        self.knots = knots
        self.bands = bands
        self.outside = outside
        self.minimum = minimum

    def fit(self, X: pd.DataFrame, y=None) -> NormativeScores:
        """Estimate the norms of every feature on the rows of `X`.

        Raises
        ------
        InputError
            If age or sex is missing, or a norm would rest on fewer than `minimum` subjects.
        """
        refuse_unknown("method", self.method, ("spline", "bands"))
        refuse_unknown("outside", self.outside, ("clamp", "missing"))
        if self.method == "bands" and not increases(self.bands):
            raise ValueError(f"bands={self.bands!r} are not two or more increasing edges")
        ages, sexes = self._people(X)
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.features_ = [c for c in X.columns if c not in (self.age, self.sex)]
        self.levels_ = sorted(set(sexes), key=str)
        self.norms_ = {
            (level, feature): self._norm(
                level, feature, ages[sexes == level], values[sexes == level]
            )
            for feature in self.features_
            if not is_indicator(feature)
            for values in [X[feature].to_numpy(dtype=float)]
            for level in self.levels_
        }
        return self

    def _norm(self, level, feature: str, ages: np.ndarray, values: np.ndarray):
        known = ~np.isnan(values)
        ages, values = ages[known], values[known]
        cells = [("", len(values))]
        if self.method == "bands":
            edges = list(self.bands)
            cells = [
                (f" aged {low:g} to {high:g}", int(((ages >= low) & (ages < high)).sum()))
                for low, high in itertools.pairwise(edges)
            ]
        where, fewest = min(cells, key=lambda cell: cell[1])
        if fewest < self.minimum:
            who = "training subjects" if level == ALL else f"training subjects with {level}"
            raise InputError(
                f"the norms of {who}{where} would rest on fewer than {self.minimum}",
                column=feature,
                subjects=fewest,
                remedy="Use wider bands, leave sex out of the norms, or leave the feature out.",
            )
        if self.method == "bands":
            return _Bands(ages, values, self.bands)
        return _Curve(ages, values, self.knots)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """z-scores (n_subjects, n_features), without the columns of age and sex."""
        check_is_fitted(self)
        ages, sexes = self._people(X)
        strangers = sorted(set(sexes) - set(self.levels_), key=str)
        if strangers:
            raise InputError(
                f"level {listing(strangers)} occurs in no training subject, so it has no norms",
                column=self.sex,
                subjects=int(np.isin(sexes, strangers).sum()),
                of=len(X),
                remedy="Use folds that put every level into training, or leave sex out of the "
                "norms.",
            )
        out = X[self.features_].astype(float)
        outside = np.zeros(len(X), dtype=bool)
        for (level, feature), norm in self.norms_.items():
            rows = sexes == level
            values = out[feature].to_numpy(copy=True)
            mean, spread, beyond = norm.at(ages[rows])
            z = (values[rows] - mean) / spread
            values[rows] = np.where(beyond, np.nan, z) if self.outside == "missing" else z
            out[feature] = values
            outside[rows] |= beyond
        if outside.any():
            logger.info(
                "norms: %d of %d subjects are outside of the ages of training and %s",
                outside.sum(),
                len(X),
                "are missing" if self.outside == "missing" else "judged as the nearest age",
            )
        return out

    def mean_design(self, X: pd.DataFrame) -> np.ndarray:
        """Columns that span every mean that norms by these ages and sexes can have.

        Permutation tests take the curve out in their own space, beside the confounds.

        Parameters
        ----------
        X : DataFrame (n, …)
            Holds age and sex; need not be fitted.

        Returns
        -------
        ndarray (n, levels of sex × columns of the curve)
        """
        ages, sexes = self._people(X)
        columns = []
        for level in sorted(set(sexes), key=str):
            rows = sexes == level
            if self.method == "bands":
                at = _band_of(ages, self.bands)[0]
                basis = (at[:, None] == np.arange(len(self.bands) - 1)).astype(float)
            else:
                basis = _spline(ages[rows], self.knots).transform(ages[:, None])
            columns.append(basis * rows[:, None])
        return np.hstack(columns)

    def _people(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        for column in [self.age, *([self.sex] if self.sex else [])]:
            if column not in X:
                raise InputError(
                    "the norms need this column",
                    column=column,
                    remedy="Map it in the dataset card, or name another one on the strategy card.",
                )
            refuse_missing(X[column], column)
        sexes = X[self.sex].to_numpy(dtype=object) if self.sex else np.full(len(X), ALL, object)
        return X[self.age].to_numpy(dtype=float), sexes

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features."""
        check_is_fitted(self)
        return np.array(self.features_, dtype=object)


def increases(edges: Sequence[float]) -> bool:
    """Whether two or more edges stand in increasing order."""
    return len(edges) > 1 and bool((np.diff(edges) > 0).all())


def _spline(ages: np.ndarray, knots: int) -> SplineTransformer:
    """Basis whose span holds constants; beyond the ages it stays as at the nearest."""
    places = np.unique(np.quantile(ages, np.linspace(0, 1, max(knots, 2))))
    if len(places) == 1:
        places = np.array([places[0], places[0] + 1.0])
    degree = min(3, max(1, len(np.unique(ages)) - 1))
    spline = SplineTransformer(degree=degree, knots=places[:, None], extrapolation="constant")
    return spline.fit(ages[:, None])


class _Curve:
    """Mean and spread of one feature over age."""

    def __init__(self, ages: np.ndarray, values: np.ndarray, knots: int) -> None:
        self.low, self.high = float(ages.min()), float(ages.max())
        self.spline = _spline(ages, knots)
        basis = self.spline.transform(ages[:, None])
        self.mean, _, rank, _ = np.linalg.lstsq(basis, values, rcond=None)
        residual = values - basis @ self.mean
        # Residuals are smaller than errors by what the curve took.
        degrees = len(values) / max(len(values) - rank, 1)
        overall = float(np.sqrt((residual**2).mean() * degrees))
        # Of a normal distribution with standard deviation 1 the mean absolute value is √(2/π).
        size = np.abs(residual) * np.sqrt(np.pi / 2 * degrees)
        line = np.column_stack([np.ones(len(ages)), ages])
        self.spread = np.linalg.lstsq(line, size, rcond=None)[0]
        self.least = LEAST_SPREAD * overall
        if overall <= 1e-12 * max(1.0, float(np.abs(values).max())):
            self.spread, self.least = np.array([1.0, 0.0]), 1.0

    def at(self, ages: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, standard deviation, and whether the age is outside of the training subjects'."""
        inside = np.clip(ages, self.low, self.high)
        spread = np.maximum(self.spread[0] + self.spread[1] * inside, self.least)
        mean = self.spline.transform(inside[:, None]) @ self.mean if len(ages) else inside
        return mean, spread, (ages < self.low) | (ages > self.high)


class _Bands:
    """Mean and spread of one feature in every age band."""

    def __init__(self, ages: np.ndarray, values: np.ndarray, edges: Sequence[float]) -> None:
        self.edges = edges
        band, outside = _band_of(ages, edges)
        parts = [values[(band == b) & ~outside] for b in range(len(edges) - 1)]
        self.means = np.array([part.mean() for part in parts])
        spread = np.array([part.std(ddof=1) for part in parts])
        self.spreads = np.where(spread > 0, spread, 1.0)

    def at(self, ages: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, standard deviation, and whether no band holds the age."""
        band, outside = _band_of(ages, self.edges)
        return self.means[band], self.spreads[band], outside


def _band_of(ages: np.ndarray, edges: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Nearest band of every age, and whether the band does not hold it."""
    band = np.searchsorted(edges, ages, side="right") - 1
    last = len(edges) - 2
    return np.clip(band, 0, last), (band < 0) | (band > last)
