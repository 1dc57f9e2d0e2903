"""Confound adjustment that learns from training subjects only.

Confounds travel as named columns beside the features, because scikit-learn does not hand routed
metadata to a pipeline's transformers inside scorers and grid searches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.transformers.column_choice import columns_of

Unseen = Literal["error", "reference", "estimate_unlabelled"]


# Whole numbers in columns of these names are codes: a line through centres 11009 and 11010 would
# mean nothing.
_CODED = re.compile(
    r"(.*_)?(site|batch|scanner|cent(er|re)|family)(_?(id|code|number|no))?", re.IGNORECASE
)


def holds_codes(name: str, column: pd.Series) -> bool:
    """Whether a column of whole numbers is named as sites, batches or families are."""
    if _CODED.fullmatch(str(name)) is None or is_categorical(column):
        return False
    numbers = column.dropna().to_numpy(dtype=float)
    return bool((numbers == np.round(numbers)).all())


def is_categorical(column: pd.Series) -> bool:
    """Whether a confound is coded by level (text, category, boolean) rather than as a number."""
    return not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


class ConfoundDesign(TransformerMixin, BaseEstimator):
    """Numeric design matrix of confounds, coded from training subjects.

    Numbers are centred and scaled, levels become centred indicators, and optional confounds are
    median-imputed with a missingness indicator, so that a zero row stands for the average training
    subject.

    Parameters
    ----------
    confounds : sequence of str
        Columns that every subject must have a value for.
    optional : sequence of str
        Columns used where they exist; gaps are imputed with the training median (most frequent
        level for categories) and marked by an indicator.
    categorical : sequence of str
        Numeric columns to treat as levels, such as centre codes. Whole numbers in columns that are
        named as sites, batches, scanners, centres or families are treated so without being named.
    smooth : mapping of str to int, optional
        Numbers whose effect may bend, and into how many cubic B-splines they are expanded (3 or
        more); knots at quantiles of training subjects, a straight line outside their range.
    products : sequence of (str, str)
        Pairs of confounds that act through one another, such as age and sex: every coded column of
        one times every one of the other. A pair of which one is optional and absent is left out.
    unseen : {"error", "reference", "estimate_unlabelled"}
        What to do with a level that no training subject has. ``"reference"`` gives it the average
        training level. ``"estimate_unlabelled"`` does the same here; the mean of its subjects is
        taken out afterwards by `ConfoundRegressor`.

    Attributes
    ----------
    columns_ : list of str
        Names of the design columns.
    unseen_ : dict of str to list
        Levels met by the last `transform` that were not in training, per confound.
    """

    def __init__(
        self,
        confounds: Sequence[str] = (),
        *,
        optional: Sequence[str] = (),
        categorical: Sequence[str] = (),
        smooth: Mapping[str, int] | None = None,
        products: Sequence[tuple[str, str]] = (),
        unseen: Unseen = "error",
    ) -> None:
        self.confounds = confounds
        self.optional = optional
        self.categorical = categorical
        self.smooth = smooth
        self.products = products
        self.unseen = unseen

    def fit(self, X: pd.DataFrame, y=None) -> ConfoundDesign:
        """Learn levels, centres and scales from `X` (n_subjects, at least the confounds)."""
        refuse_unknown("unseen", self.unseen, get_args(Unseen))
        missing = [name for name in self.confounds if name not in X]
        if missing:
            raise InputError(
                f"confound {listing(missing)} is not among the columns",
                column=missing[0],
                remedy="Add it to the covariates table or take it out of the strategy's confounds.",
            )
        self.coding_: dict[str, dict] = {}
        for name in [*self.confounds, *(c for c in self.optional if c in X)]:
            self.coding_[name] = self._learn(name, X[name])
        self._single = [c for coding in self.coding_.values() for c in coding["columns"]]
        raw = self._encode(X)
        self.mean_ = raw.mean(axis=0)
        scale = raw.std(axis=0)
        numeric = np.array(
            [
                coding["levels"] is None
                for coding in self.coding_.values()
                for _ in coding["columns"]
            ],
            dtype=bool,
        )
        self.scale_ = np.where(numeric & (scale > 0), scale, 1.0)
        self._pairs = self._learn_products()
        self.columns_ = self._single + [
            f"{self._single[a]}*{self._single[b]}" for a, b in self._pairs
        ]
        self.product_mean_ = self._multiplied((raw - self.mean_) / self.scale_).mean(axis=0)
        return self

    def _learn_products(self) -> list[tuple[int, int]]:
        """Positions of the columns that are multiplied."""
        known = {*self.confounds, *self.optional}
        for pair in self.products:
            stray = [name for name in pair if name not in known]
            if stray:
                raise InputError(
                    f"'{stray[0]}' under `products` is not among the confounds",
                    column=stray[0],
                    remedy="Add it to the confounds, or take the pair out.",
                )
        place = {column: i for i, column in enumerate(self._single)}
        columns = {
            name: [place[c] for c in coding["columns"] if c != f"{name}_missing"]
            for name, coding in self.coding_.items()
        }
        return [
            (a, b)
            for first, second in self.products
            if first in columns and second in columns
            for a in columns[first]
            for b in columns[second]
        ]

    def _multiplied(self, design: np.ndarray) -> np.ndarray:
        first, second = ([pair[side] for pair in self._pairs] for side in (0, 1))
        return design[:, first] * design[:, second]

    def _learn(self, name: str, column: pd.Series) -> dict:
        required = name in self.confounds
        if required:
            refuse_missing(column, name)
        if name in self.categorical or is_categorical(column) or holds_codes(name, column):
            present = column.dropna()
            levels = sorted(present.unique(), key=str)
            fill = present.mode().iloc[0] if len(present) else None
            columns = [f"{name}={level}" for level in levels]
        else:
            levels, fill, columns = (
                None,
                float(column.median()) if column.notna().any() else 0.0,
                [name],
            )
        indicator = not required and bool(column.isna().any())
        spline = None
        if levels is None and name in (self.smooth or {}):
            spline = learn_spline(column.dropna(), self.smooth[name], name)
            columns = [f"{name}~{k + 1}" for k in range(self.smooth[name])]
        return {
            "levels": levels,
            "fill": fill,
            "indicator": indicator,
            "spline": spline,
            "columns": columns + ([f"{name}_missing"] if indicator else []),
        }

    def _encode(self, X: pd.DataFrame) -> np.ndarray:
        blocks = []
        self.unseen_ = {}
        for name, coding in self.coding_.items():
            column = X[name]
            if name in self.confounds:
                refuse_missing(column, name)
            gaps = column.isna().to_numpy()
            filled = column.where(~gaps, coding["fill"])
            if coding["spline"] is not None:
                blocks.append(coding["spline"].transform(filled.to_numpy(dtype=float)[:, None]))
            elif coding["levels"] is None:
                blocks.append(filled.to_numpy(dtype=float)[:, None])
            else:
                levels = coding["levels"]
                blocks.append(
                    (filled.to_numpy()[:, None] == np.array(levels, dtype=object)).astype(float)
                )
                new = sorted(set(filled[~filled.isin(levels)]), key=str)
                if new:
                    self.unseen_[name] = new
            if coding["indicator"]:
                blocks.append(gaps[:, None].astype(float))
        return np.hstack(blocks) if blocks else np.empty((len(X), 0))

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Design matrix (n_subjects, n_columns), without an intercept column."""
        check_is_fitted(self)
        raw = self._encode(X)
        if self.unseen_ and self.unseen == "error":
            name, levels = next(iter(self.unseen_.items()))
            raise InputError(
                f"level {listing(levels)} occurs in no training subject, so its effect is unknown",
                column=name,
                subjects=int(X[name].isin(levels).sum()),
                of=len(X),
                remedy="Use folds that put every level into training, or unseen='reference' or "
                "'estimate_unlabelled'.",
            )
        design = (raw - self.mean_) / self.scale_
        for name, levels in self.unseen_.items():
            rows = X[name].isin(levels).to_numpy()
            positions = [i for i, c in enumerate(self._single) if c.startswith(f"{name}=")]
            design[np.ix_(rows, positions)] = 0.0
        if not self._pairs:
            return design
        return np.hstack([design, self._multiplied(design) - self.product_mean_])

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the design columns."""
        check_is_fitted(self)
        return np.array(self.columns_, dtype=object)


def learn_spline(column: pd.Series, df: int, name: str) -> SplineTransformer:
    """Cubic B-splines with knots at quantiles, straight outside the range.

    Raises
    ------
    InputError
        If there are too few distinct values for that many splines.
    """
    if column.nunique() <= df:
        raise InputError(
            f"{column.nunique()} distinct values are too few for {df} splines",
            column=name,
            subjects=len(column),
            remedy="Lower the number under `smooth`, or leave the confound linear.",
        )
    spline = SplineTransformer(
        n_knots=df - 1, degree=3, knots="quantile", extrapolation="linear", include_bias=False
    )
    return spline.fit(column.to_numpy(dtype=float)[:, None])


def refuse_missing(column: pd.Series, name: str, file: str | None = None) -> None:
    """Raise `InputError` when a required confound has gaps.

    Raises
    ------
    InputError
        Naming the confound and how many subjects lack it.
    """
    gaps = int(column.isna().sum())
    if gaps:
        raise InputError(
            "a confound has no value",
            file=file,
            column=name,
            subjects=gaps,
            of=len(column),
            remedy="Set `missing_confounds: drop` in the experiment to leave these subjects out, "
            "or list the confound under `optional` in the strategy card to impute it in the fold.",
        )


class ConfoundRegressor(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Regress named confound columns out of all other columns.

    Coefficients are estimated on the rows given to `fit` and applied unchanged to the rows given to
    `transform` (Snoek, Miletić & Scholte, NeuroImage 2019, "fold-wise confound regression").

    Parameters
    ----------
    confounds : sequence of str
        Columns to regress out; each must be complete.
    optional : sequence of str
        Columns to regress out where the table has them; gaps are imputed in the fold.
    categorical : sequence of str
        Numeric columns that hold codes.
    smooth : mapping of str to int, optional
        Confounds that are expanded into so many cubic B-splines, as `ConfoundDesign` does.
    products : sequence of (str, str)
        Pairs that act through one another, as in `ConfoundDesign`.
    unseen : {"error", "reference", "estimate_unlabelled"}
        Treatment of a level that training lacks, for instance a held-out site: refuse; adjust as
        the average training level; or also take out the mean of that level's own subjects, which
        uses their features but not their outcome.

    Attributes
    ----------
    coef_ : ndarray (n_design_columns + 1, n_features)
        Intercept first.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [50.0, 60, 70, 80], "thickness": [2.6, 2.5, 2.4, 2.3]})
    >>> ConfoundRegressor(["age"]).fit_transform(frame).round(6).abs()
       thickness
    0        0.0
    1        0.0
    2        0.0
    3        0.0
    """

    def __init__(
        self,
        confounds: Sequence[str] = (),
        *,
        optional: Sequence[str] = (),
        categorical: Sequence[str] = (),
        smooth: Mapping[str, int] | None = None,
        products: Sequence[tuple[str, str]] = (),
        unseen: Unseen = "error",
    ) -> None:
        self.confounds = confounds
        self.optional = optional
        self.categorical = categorical
        self.smooth = smooth
        self.products = products
        self.unseen = unseen

    def fit(self, X: pd.DataFrame, y=None) -> ConfoundRegressor:
        """Estimate the regression of every feature on the confounds."""
        self.design_ = ConfoundDesign(
            self.confounds,
            optional=self.optional,
            categorical=self.categorical,
            smooth=self.smooth,
            products=self.products,
            unseen=self.unseen,
        ).fit(X)
        self.features_ = [c for c in X.columns if c not in self.design_.coding_]
        design = add_intercept(self.design_.transform(X))
        values = feature_values(columns_of(X, self.features_))
        # A few features at a time: the solver copies them.
        self.coef_ = np.empty((design.shape[1], values.shape[1]))
        for own in tiles(values.shape[1], len(values)):
            self.coef_[:, own] = np.linalg.lstsq(design, values[:, own], rcond=None)[0]
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Residuals (n_subjects, n_features without the confounds)."""
        check_is_fitted(self)
        absent = [c for c in [*self.features_, *self.design_.coding_] if c not in X]
        if absent:
            raise InputError(
                "a column seen in fitting is absent",
                column=absent[0],
                remedy="Give fit and transform tables with the same columns.",
            )
        design = add_intercept(self.design_.transform(X))
        values = feature_values(columns_of(X, self.features_))
        residuals = np.empty(values.shape[::-1]).T  # by column, as tables hold them
        for own in tiles(values.shape[1], len(values)):
            np.subtract(values[:, own], design @ self.coef_[:, own], out=residuals[:, own])
        if self.unseen == "estimate_unlabelled":
            for name, levels in self.design_.unseen_.items():
                for level in levels:
                    rows = (X[name] == level).to_numpy()
                    residuals[rows] -= residuals[rows].mean(axis=0)
        return pd.DataFrame(residuals, index=X.index, columns=self.features_, copy=False)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the adjusted columns."""
        check_is_fitted(self)
        return np.array(self.features_, dtype=object)


def add_intercept(design: np.ndarray) -> np.ndarray:
    """Prepend a column of ones."""
    return np.column_stack([np.ones(len(design)), design])


def feature_values(frame: pd.DataFrame) -> np.ndarray:
    """Feature columns as a float array.

    Raises
    ------
    InputError
        If a column is not numeric, or holds missing or infinite values.
    """
    kinds = frame.dtypes
    numeric = {kind: pd.api.types.is_numeric_dtype(kind) for kind in set(kinds)}
    if not all(numeric.values()):
        raise InputError(
            "a feature is not numeric",
            column=next(c for c, kind in kinds.items() if not numeric[kind]),
            remedy="Convert it, or name it as a confound.",
        )
    values = frame.to_numpy(dtype=float)
    for own in tiles(values.shape[1], len(values)):
        bad = ~np.isfinite(values[:, own])
        if not bad.any():
            continue
        column = int(np.flatnonzero(bad.any(axis=0))[0])
        raise InputError(
            "a feature has missing or infinite values",
            column=str(frame.columns[own][column]),
            subjects=int(bad[:, column].sum()),
            of=len(frame),
            remedy="Put an impute step before this one.",
        )
    return values
