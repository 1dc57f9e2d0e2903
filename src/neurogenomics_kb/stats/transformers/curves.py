"""Curves and products of confounds, fitted in the training fold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.confounds import ConfoundDesign, is_categorical

_AGE = re.compile(r"age(_(days|weeks|months|years))?")
_SEX = re.compile(r"sex|gender")


def usual_products(names: Iterable[str], sites: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Age × sex, age × site and sex × site, of those that there are.

    Parameters
    ----------
    names : iterable of str
        Confounds under canonical names.
    sites : iterable of str
        Those of them that are sites; a column called ``site`` is one without being named.

    Returns
    -------
    list of (str, str)
        In the order age × sex, age × site, sex × site.

    Examples
    --------
    >>> usual_products(["age", "sex", "centre", "mean_fd"], ["centre"])
    [('age', 'sex'), ('age', 'centre'), ('sex', 'centre')]
    """
    names = list(dict.fromkeys(names))
    ages = [n for n in names if _AGE.fullmatch(n)]
    sexes = [n for n in names if _SEX.fullmatch(n)]
    places = [n for n in names if n in {*sites, "site"}]
    return [
        (first, second)
        for left, right in ((ages, sexes), (ages, places), (sexes, places))
        for first in left
        for second in right
    ]


class CurvedConfounds(TransformerMixin, BaseEstimator):
    """What a design of straight lines leaves out: powers of numbers and products of two confounds.

    Numbers are standardised and levels coded as by `ConfoundDesign`, with what training subjects
    have; powers and products are made of these, and what they hold of the training mean is taken
    out. The columns stand beside the plain design and do not replace it; means by level and
    straight lines are not among them.

    Parameters
    ----------
    continuous : sequence of str
        Numbers that get a curve. One with fewer than three values in training gets none.
    products : sequence of (str, str)
        Pairs of confounds, of numbers or levels, whose product is added; see `usual_products`.
    categorical : sequence of str
        Numeric columns that hold codes, as for `ConfoundDesign`.
    degree : int
        Highest power of a number. Default 2, squares.

    Attributes
    ----------
    columns_ : list of str
        Names of the columns: ``age^2``, ``age*sex=male``; the most frequent level of a category
        has none. Columns that are constant among training subjects are left out.

    Notes
    -----
    A level that no training subject has, and a gap, are at the training average, so that their
    products are those of an average subject.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [20.0, 30, 40, 50], "sex": ["f", "m", "f", "m"]})
    >>> curves = CurvedConfounds(["age"], products=[("age", "sex")])
    >>> curves.fit_transform(frame).round(2)
       age^2  age*sex=m
    0    1.0       0.45
    1   -1.0      -0.45
    2   -1.0      -0.45
    3    1.0       0.45
    """

    def __init__(
        self,
        continuous: Sequence[str] = (),
        *,
        products: Sequence[tuple[str, str]] = (),
        categorical: Sequence[str] = (),
        degree: int = 2,
    ) -> None:
        self.continuous = continuous
        self.products = products
        self.categorical = categorical
        self.degree = degree

    def fit(self, X: pd.DataFrame, y=None) -> CurvedConfounds:
        """Learn means, spreads and levels from `X` (n_subjects, at least the confounds).

        Raises
        ------
        InputError
            If a confound is not among the columns, a curve is asked of a category, or `degree` is
            below 2.
        """
        if self.degree < 2:
            raise InputError(
                f"a curve of degree {self.degree} is a straight line",
                remedy="Ask for degree 2 or more.",
            )
        paired = [name for pair in self.products for name in pair]
        names = list(dict.fromkeys([*self.continuous, *paired]))
        absent = [name for name in names if name not in X]
        if absent:
            raise InputError(
                f"confound '{absent[0]}' is not among the columns",
                column=absent[0],
                remedy="Add it to the covariates table, or leave its curve and products out.",
            )
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        # All as optional: a gap stands at the median here, and has its indicator in the plain
        # design, which also refuses gaps where it must.
        self.design_ = ConfoundDesign(
            optional=names, categorical=self.categorical, unseen="reference"
        ).fit(X)
        codings = self.design_.coding_
        for name in self.continuous:
            if codings[name]["levels"] is not None:
                raise InputError(
                    "a category has no curve",
                    column=name,
                    subjects=len(X),
                    remedy="Name it in `products` alone, or take it out of `categorical`.",
                )
        self._parts = {name: self._columns_of(name, X[name]) for name in names}
        curved = [
            name
            for name in self.continuous
            if X[name].nunique() > 2 and not is_categorical(X[name])
        ]
        self._terms: list[tuple[str, list[str]]] = [
            (f"{name}^{power}", [name] * power)
            for name in curved
            for power in range(2, self.degree + 1)
        ]
        self._terms += [
            (f"{a}*{b}", [a, b])
            for first, second in self.products
            for a in self._parts[first]
            for b in self._parts[second]
        ]
        raw = self._raw(X)
        spread = raw.std(axis=0)
        kept = spread > 1e-10
        self._terms = [term for term, keep in zip(self._terms, kept, strict=True) if keep]
        self.columns_ = [name for name, _ in self._terms]
        self.mean_ = raw.mean(axis=0)[kept]
        # Powers grow with the degree; products of a number and an indicator stay as they are.
        powers = np.array(["^" in name for name in self.columns_], dtype=bool)
        self.scale_ = np.where(powers, spread[kept], 1.0)
        return self

    def _columns_of(self, name: str, column: pd.Series) -> list[str]:
        """Coded columns of a confound that a product takes: no missingness, no reference level."""
        coding = self.design_.coding_[name]
        if coding["levels"] is None:
            return [name]
        return [f"{name}={level}" for level in coding["levels"] if level != coding["fill"]]

    def _raw(self, X: pd.DataFrame) -> np.ndarray:
        design = dict(zip(self.design_.columns_, self.design_.transform(X).T, strict=True))
        columns = [np.prod([design[c] for c in columns], axis=0) for _, columns in self._terms]
        return np.column_stack(columns) if columns else np.empty((len(X), 0))

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Curves and products (n_subjects, n_columns)."""
        check_is_fitted(self)
        values = (self._raw(X) - self.mean_) / self.scale_
        return pd.DataFrame(values, index=X.index, columns=self.columns_)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the curves and products."""
        check_is_fitted(self)
        return np.array(self.columns_, dtype=object)
