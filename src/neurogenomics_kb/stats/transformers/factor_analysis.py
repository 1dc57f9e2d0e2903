"""Factor analysis as a transformer: learnt from training subjects, gaps allowed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.factor_model import (
    FactorModel,
    fit_factor_model,
    most_factors,
    order_factors,
    varimax,
)
from neurogenomics_kb.stats.transformers.indicators import is_indicator
from neurogenomics_kb.stats.transformers.projection import cap_dimension
from neurogenomics_kb.stats.transformers.refit import LeaveOneOutRefit

# A factor needs three variables, and a variable a few subjects more than it has parameters.
FEWEST_VARIABLES = 3
SPARE_SUBJECTS = 5


class FactorAnalysis(TransformerMixin, BaseEstimator):
    """Factor scores of standardised features; missing values need no filling.

    Parameters
    ----------
    factors : int
        Number on the strategy card. Fewer where the number of features cannot identify them
        (`most_factors`) or the sample is too small (`cap_dimension`).
    rotation : {"varimax", "none"}
        Rotation of the factors. Default varimax.
    n_blocks, subjects_per_dimension
        See `cap_dimension`.
    prefix : str
        Prefix of the names of scores.
    output : {"scores", "completed"}
        Scores, or the features themselves with every gap at its mean given the rest.

    Attributes
    ----------
    n_components_ : int
        Number of factors.
    n_features_ : int
        Features that are analysed; indicators of missing values are not, and stand beside the
        scores unchanged.
    loadings_ : DataFrame (n_features_, n_components_)
        Of the standardised features, rotated, by explained variance, heaviest side positive.
    unique_ : Series (n_features_,)
        Unique variances.
    explained_variance_ratio_ : float
        Share of the features' variance that the factors have in common.

    Notes
    -----
    Scores are those of Thomson (British Journal of Psychology 1939, regression method): means of
    the factors given what is observed. They shrink towards 0 the more is missing. Signs, order and
    rotation do not depend on the order of the features.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ability = rng.normal(size=(200, 1))
    >>> tests = pd.DataFrame(ability + 0.5 * rng.normal(size=(200, 4)), columns=list("abcd"))
    >>> scores = FactorAnalysis(1, subjects_per_dimension=1).fit_transform(tests)
    >>> bool(np.corrcoef(scores["factor1"], ability[:, 0])[0, 1] > 0.95)
    True
    """

    def __init__(
        self,
        factors: int = 16,
        *,
        rotation: Literal["varimax", "none"] = "varimax",
        n_blocks: int = 2,
        subjects_per_dimension: float = 10.0,
        prefix: str = "factor",
        output: Literal["scores", "completed"] = "scores",
    ) -> None:
        self.factors = factors
        self.rotation = rotation
        self.n_blocks = n_blocks
        self.subjects_per_dimension = subjects_per_dimension
        self.prefix = prefix
        self.output = output

    def fit(self, X: pd.DataFrame, y=None) -> FactorAnalysis:
        """Learn means, scales and loadings from the rows of `X` (n, p).

        Raises
        ------
        InputError
            If fewer than three features are left, or one of them is infinite, constant or known
            of too few subjects.
        """
        refuse_unknown("rotation", self.rotation, ("varimax", "none"))
        refuse_unknown("output", self.output, ("scores", "completed"))
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.indicators_ = [c for c in X.columns if is_indicator(c)]
        self.features_ = [c for c in X.columns if not is_indicator(c)]
        values = self._values(X)
        n, self.n_features_ = values.shape
        if self.n_features_ < FEWEST_VARIABLES:
            raise InputError(
                f"a factor analysis needs {FEWEST_VARIABLES} features or more, and there are "
                f"{self.n_features_}",
                column=str(self.features_[0]) if self.features_ else None,
                remedy="Add scales or items to the strategy's features, or use projector none.",
            )
        k = cap_dimension(
            min(self.factors, most_factors(self.n_features_)),
            n=n,
            n_blocks=self.n_blocks,
            subjects_per_dimension=self.subjects_per_dimension,
        )
        self._check_counts(values, k)
        self.mean_ = np.nanmean(values, axis=0)
        self.scale_ = np.nanstd(values, axis=0)
        self._check_constant(n)
        fitted = fit_factor_model((values - self.mean_) / self.scale_, k)
        loadings = varimax(fitted.loadings) if self.rotation == "varimax" else fitted.loadings
        loadings = order_factors(loadings)
        self.model_ = FactorModel(
            fitted.mean,
            loadings,
            fitted.unique,
            fitted.log_likelihood,
            fitted.n_iterations,
            fitted.converged,
        )
        self.n_components_ = k
        self.explained_variance_ratio_ = float((loadings**2).sum() / self.n_features_)
        self.loadings_ = pd.DataFrame(loadings, index=self.features_, columns=self._score_names())
        self.unique_ = pd.Series(fitted.unique, index=self.features_)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scores (n, n_components_) or completed features, and the indicators of missing values."""
        check_is_fitted(self)
        standard = (self._values(X) - self.mean_) / self.scale_
        if self.output == "completed":
            values = self.model_.complete(standard) * self.scale_ + self.mean_
            out = pd.DataFrame(values, index=X.index, columns=self.features_)
        else:
            out = pd.DataFrame(self.model_.scores(standard), X.index, self._score_names())
        return pd.concat([out, X[self.indicators_]], axis=1)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the columns that `transform` gives."""
        check_is_fitted(self)
        own = self.features_ if self.output == "completed" else self._score_names()
        return np.array([*own, *self.indicators_], dtype=object)

    def _score_names(self) -> list[str]:
        return [f"{self.prefix}{i + 1}" for i in range(self.n_components_)]

    def _values(self, X: pd.DataFrame) -> np.ndarray:
        absent = [c for c in [*self.features_, *self.indicators_] if c not in X]
        if absent:
            raise InputError(
                "a column seen in fitting is absent",
                column=str(absent[0]),
                remedy="Give fit and transform tables with the same columns.",
            )
        values = X[self.features_].to_numpy(dtype=float)
        infinite = np.isinf(values)
        if infinite.any():
            at = int(np.flatnonzero(infinite.any(axis=0))[0])
            raise InputError(
                "a feature is infinite",
                column=str(self.features_[at]),
                subjects=int(infinite[:, at].sum()),
                of=len(X),
                remedy="Correct the values, or code missing ones as n/a.",
            )
        return values

    def _check_counts(self, values: np.ndarray, k: int) -> None:
        counts = (~np.isnan(values)).sum(axis=0)
        needed = k + 1 + SPARE_SUBJECTS
        if (counts < needed).any():
            at = int(counts.argmin())
            raise InputError(
                f"too few training subjects have this feature for {k} factors, {needed} are needed",
                column=str(self.features_[at]),
                subjects=int(counts[at]),
                of=len(values),
                remedy="Leave the feature out, or ask for fewer factors.",
            )

    def _check_constant(self, n: int) -> None:
        constant = self.scale_ <= 1e-12 * np.maximum(1, np.abs(self.mean_))
        if constant.any():
            raise InputError(
                "the feature is the same in all training subjects",
                column=str(self.features_[int(constant.argmax())]),
                subjects=n,
                remedy="Leave it out.",
            )


class LeaveOneOutFactors(LeaveOneOutRefit):
    """Factor scores of a fold with any group of columns left out or alone.

    Every set of columns gets a factor analysis of its own, as a strategy without the others would.
    Sets too small for one are used as they are.
    """

    def _project(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        train, test = self.train.iloc[:, columns], self.test.iloc[:, columns]
        if sum(not is_indicator(c) for c in train.columns) < FEWEST_VARIABLES:
            return train.to_numpy(), test.to_numpy()
        return super()._project(columns)
