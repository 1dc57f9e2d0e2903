"""What predictors as scikit-learn estimators share: checked rows, inner folds, classes by number.

``fit`` takes the inner folds of the caller, since only he knows who is related to whom; without
them it draws stratified ones.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.folds import inner_splits, refuse_inner_gaps

Splits = list[tuple[np.ndarray, np.ndarray]]


class Tuned:
    """What is found on inner folds stands in ``estimator_`` and does the prediction."""

    # Gaps are the business of trees alone.
    _gaps = False

    def _checked(self, X, y):
        finite = "allow-nan" if self._gaps else True
        return validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite=finite, y_numeric=self._numeric
        )

    def _seen(self, X) -> np.ndarray:
        check_is_fitted(self, "estimator_")
        finite = "allow-nan" if self._gaps else True
        return validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=finite)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._gaps
        return tags


class TunedRegressor(RegressorMixin, Tuned):
    """A predictor of scores; ``_fit`` finds what does the prediction."""

    _numeric = True

    def fit(self, X, y, splits: Splits | None = None):
        """Choose the settings on inner folds, then fit all rows.

        Parameters
        ----------
        X : array-like (n, p)
            Training features of comparable scale.
        y : array-like (n,)
            A score.
        splits : list of (train, test), optional
            Inner folds, see `folds.inner_splits`; three, stratified by quartile, without them.
        """
        X, y = self._checked(X, y)
        splits = inner_splits(y, None, continuous=True) if splits is None else splits
        self.estimator_ = self._fit(X, y, splits)
        return self

    def predict(self, X) -> np.ndarray:
        """Predicted scores (n,)."""
        X = self._seen(X)
        return self.estimator_.predict(X)


class TunedClassifier(ClassifierMixin, Tuned):
    """A predictor of classes; ``_fit`` finds what does the prediction, of classes by number."""

    _numeric = False

    def fit(self, X, y, splits: Splits | None = None):
        """Choose the settings on inner folds, then fit all rows.

        Parameters
        ----------
        X : array-like (n, p)
            Training features of comparable scale.
        y : array-like (n,)
            Two classes or more.
        splits : list of (train, test), optional
            Inner folds with every class on both sides, see `folds.inner_splits`; three, stratified,
            without them.
        """
        X, y = self._checked(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"the training subjects are all of one class, {self.classes_[0]!r}",
                subjects=len(y),
                remedy="Use folds or subjects with two classes or more.",
            )
        splits = inner_splits(codes, None) if splits is None else splits
        refuse_inner_gaps(codes, splits)
        self.estimator_ = self._fit(X, codes, splits)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probability of every class (n, C), in the order of `classes_`."""
        X = self._seen(X)
        return self.estimator_.predict_proba(X)

    def predict(self, X) -> np.ndarray:
        """Most probable class (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
