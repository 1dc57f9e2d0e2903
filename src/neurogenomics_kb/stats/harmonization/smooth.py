"""Penalised regression splines for covariates whose effect bends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.linalg import block_diag, eigh
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.confounds import refuse_missing

Extrapolation = Literal["constant", "linear", "error"]
DEGREE = 3
# Strengths relative to the data's own information, from hardly any smoothing to a straight line.
STRENGTHS = np.logspace(-6, 6, 49)


class SmoothDesign(TransformerMixin, BaseEstimator):
    """Cubic B-spline columns of numeric covariates, knots at training quantiles.

    Parameters
    ----------
    smooth : sequence of str
        Numeric columns.
    df : int
        B-splines per column before the one that the intercept stands for is dropped; fewer where a
        column has fewer distinct values.
    extrapolation : {"constant", "linear", "error"}
        Beyond the training range: the value at the border, the line through its slope, or refuse.

    Attributes
    ----------
    range_ : dict of str to tuple of float
        Training range of each column.
    penalty_ : ndarray (k, k)
        Integrated squared second derivative of the columns, each covariate's on one scale.
    """

    def __init__(
        self,
        smooth: Sequence[str] = ("age",),
        *,
        df: int = 10,
        extrapolation: Extrapolation = "constant",
    ) -> None:
        self.smooth = smooth
        self.df = df
        self.extrapolation = extrapolation

    def fit(self, X: pd.DataFrame, y=None) -> SmoothDesign:
        """Place knots at quantiles of the rows of `X`."""
        refuse_unknown("extrapolation", self.extrapolation, get_args(Extrapolation))
        if self.df < DEGREE + 1:
            raise ValueError(f"df={self.df} is below {DEGREE + 1}, a single cubic")
        self.splines_, self.range_, penalties = {}, {}, []
        for name in self.smooth:
            column = self._numbers(X, name)
            # n_knots + degree − 1 splines
            quantiles = np.percentile(column, np.linspace(0, 100, self.df - DEGREE + 1))
            knots = np.unique(quantiles)
            if len(knots) < 2:
                raise InputError(
                    "a covariate with a smooth effect does not vary in training",
                    column=name,
                    subjects=len(column),
                    remedy="Preserve it as a linear one, or not at all.",
                )
            self.splines_[name] = SplineTransformer(
                degree=DEGREE,
                knots=knots[:, None],
                extrapolation="constant" if self.extrapolation == "error" else self.extrapolation,
                include_bias=False,
            ).fit(column[:, None])
            self.range_[name] = (float(knots[0]), float(knots[-1]))
            penalties.append(roughness(self.splines_[name].bsplines_[0], knots)[:-1, :-1])
        self.penalty_ = block_diag(*(p / max(np.trace(p), 1e-300) for p in penalties))
        return self

    def _numbers(self, X: pd.DataFrame, name: str) -> np.ndarray:
        refuse_missing(X[name], name)
        if not pd.api.types.is_numeric_dtype(X[name]) or pd.api.types.is_bool_dtype(X[name]):
            raise InputError(
                "a covariate with a smooth effect is not a number",
                column=name,
                subjects=len(X),
                remedy="Preserve categories with `preserve` instead of `smooth`.",
            )
        return X[name].to_numpy(dtype=float)

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Spline columns (n, k), without a constant among them."""
        check_is_fitted(self, "splines_")
        out = []
        for name, splines in self.splines_.items():
            column = self._numbers(X, name)
            low, high = self.range_[name]
            outside = (column < low) | (column > high)
            if self.extrapolation == "error" and outside.any():
                raise InputError(
                    f"values outside the training range, {low:g} to {high:g}",
                    column=name,
                    subjects=int(outside.sum()),
                    of=len(X),
                    remedy="Use extrapolation='constant' or 'linear', or other folds.",
                )
            out.append(splines.transform(column[:, None]))
        return np.hstack(out) if out else np.empty((len(X), 0))


def roughness(spline, knots: np.ndarray) -> np.ndarray:
    """Integral of the products of second derivatives of all basis functions (k, k).

    Second derivatives of cubics are linear between knots, so two Gauss points are exact.
    """
    curvature = spline.derivative(2)
    half, middle = np.diff(knots) / 2, (knots[1:] + knots[:-1]) / 2
    points = np.concatenate([middle - half / np.sqrt(3), middle + half / np.sqrt(3)])
    values = curvature(points)
    return values.T @ (np.concatenate([half, half])[:, None] * values)


def fit_penalised(
    plain: np.ndarray,
    smooth: np.ndarray,
    penalty: np.ndarray,
    values: np.ndarray,
    strength: float | Literal["gcv"] = "gcv",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares with a roughness penalty on some columns, one strength per feature.

    Parameters
    ----------
    plain : ndarray (n, a)
        Columns without a penalty; may be dependent.
    smooth : ndarray (n, k)
        Spline columns.
    penalty : ndarray (k, k)
        Penalty on their curvature.
    values : ndarray (n, p)
        Values of n people in p columns.
    strength : float or "gcv"
        Fixed, 0 for none; or by generalized cross-validation (Craven & Wahba, Numerische
        Mathematik 1979), for every feature on its own.

    Returns
    -------
    plain_coef, smooth_coef : ndarray (a, p), (k, p)
    degrees : ndarray (p,)
        Effective degrees of freedom of the smooth part.
    """
    if isinstance(strength, str):
        refuse_unknown("penalty", strength, ("gcv",))
    n = len(values)
    basis = column_space(plain)
    rest = values - basis @ (basis.T @ values)
    left, singular, right = np.linalg.svd(smooth - basis @ (basis.T @ smooth), full_matrices=False)
    kept = singular > singular.max(initial=0) * 1e-9
    to_coef = right[kept].T / singular[kept]
    # In these coordinates the fit is the identity and the penalty diagonal (Demmler & Reinsch).
    rough, rotation = eigh(to_coef.T @ penalty @ to_coef)
    rough = np.clip(rough, 0, None)
    coordinates = (left[:, kept] @ rotation).T @ rest
    if strength == "gcv":
        unit = rough[rough > rough.max(initial=0) * 1e-9]
        grid = STRENGTHS / np.exp(np.mean(np.log(unit))) if len(unit) else np.zeros(1)
        keep = 1 / (1 + grid[:, None] * rough)
        total = (rest**2).sum(axis=0)
        residual = total - (1 - (1 - keep) ** 2) @ coordinates**2
        used = basis.shape[1] + keep.sum(axis=1)
        score = residual / np.maximum(n - used, 1e-9)[:, None] ** 2
        shrink = keep[score.argmin(axis=0)].T
    else:
        shrink = np.repeat((1 / (1 + strength * rough))[:, None], values.shape[1], axis=1)
    smooth_coef = to_coef @ rotation @ (shrink * coordinates)
    plain_coef = np.linalg.lstsq(plain, values - smooth @ smooth_coef, rcond=None)[0]
    return plain_coef, smooth_coef, shrink.sum(axis=0)


def column_space(A: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns of `A` (n, rank)."""
    left, singular, _ = np.linalg.svd(A, full_matrices=False)
    return left[:, singular > singular.max(initial=0) * 1e-10]
