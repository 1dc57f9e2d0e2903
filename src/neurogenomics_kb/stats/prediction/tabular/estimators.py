"""Pretrained tabular models as scikit-learn estimators, on subsamples of tables too large."""

from __future__ import annotations

import logging
from functools import lru_cache
from types import ModuleType

import numpy as np
from sklearn.base import BaseEstimator

from neurogenomics_kb.foundation.choices import Choices
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular import tabicl, tabpfn
from neurogenomics_kb.stats.prediction.tabular.members import Limits, Member, plan_members
from neurogenomics_kb.stats.prediction.tabular.weights import refuse_device
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor

logger = logging.getLogger(__name__)
# Each says where its weights are, what they were made for, and makes estimators of them.
MODELS: Choices[ModuleType] = Choices("tabular model", {"tabicl": tabicl, "tabpfn": tabpfn})


class _Ensemble:
    """Fitted models with the rows and columns that each has seen."""

    def __init__(self, members: list[Member], models: list, n_classes: int = 0) -> None:
        self.members, self.models, self.n_classes = members, models, n_classes

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Mean of the predicted scores (n,)."""
        each = [model.predict(X[:, m.columns]) for m, model in self._pairs()]
        return np.mean(each, axis=0, dtype=float)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Mean of the probabilities (n, C); a class that a subsample lacks has none there."""
        P = np.zeros((len(X), self.n_classes))
        for m, model in self._pairs():
            P[:, model.classes_.astype(int)] += model.predict_proba(X[:, m.columns])
        return P / P.sum(axis=1, keepdims=True)

    def _pairs(self):
        return zip(self.members, self.models, strict=True)


class _InContext:
    """Settings of a pretrained model, and its subsamples."""

    _continuous: bool

    def __init__(
        self,
        *,
        model: str = "tabicl",
        path: str | None = None,
        n_estimators: int = 8,
        max_samples: int | None = None,
        max_features: int | None = None,
        n_subsamples: int = 4,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.path = path
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.n_subsamples = n_subsamples
        self.device = device
        self.random_state = random_state

    def _limits(self, file, adapter) -> Limits:
        """Those of the version, or of the card."""
        own = adapter.limits(file, continuous=self._continuous, device=self.device)
        return own._replace(
            samples=self.max_samples or own.samples, features=self.max_features or own.features
        )

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits) -> _Ensemble:
        adapter = MODELS[self.model]
        file = adapter.weights(self.path, continuous=self._continuous)
        refuse_device(self.device)
        limits = self._limits(file, adapter)
        n_classes = 0 if self._continuous else len(self.classes_)
        if limits.classes is not None and n_classes > limits.classes:
            raise InputError(
                f"{self.model} takes {limits.classes} classes, and there are {n_classes}",
                file=file.name,
                remedy="Merge classes under `levels` of the dataset card, or leave the predictor "
                "out.",
            )
        members = plan_members(
            y, X.shape[1], limits, fewest=self.n_subsamples, seed=self.random_state
        )
        if len(members) > 1:
            warn_of_subsamples(self.model, len(y), X.shape[1], limits, len(members))
        models = [
            adapter.make(
                file,
                continuous=self._continuous,
                n_estimators=self.n_estimators,
                device=self.device,
                seed=self.random_state + number,
            ).fit(X[np.ix_(m.rows, m.columns)], y[m.rows])
            for number, m in enumerate(members)
        ]
        return _Ensemble(members, models, n_classes)


@lru_cache(maxsize=256)
def warn_of_subsamples(model: str, n: int, p: int, limits: Limits, count: int) -> None:
    """Say once for every size of table that no model saw all of it."""
    logger.warning(
        "%s is made for %d training rows and %d columns, and these are %d and %d: the mean of %d "
        "models on subsamples of rows and columns is taken; `max_samples` and `max_features` of "
        "the predictor set other bounds",
        model, limits.samples, limits.features, n, p, count,
    )  # fmt: skip


class InContextRegression(_InContext, TunedRegressor, BaseEstimator):
    """A pretrained tabular model for a score.

    Nothing is fitted: the training rows are the context in which new ones are predicted. What is
    beyond the model's size is read in subsamples, whose predictions are averaged.

    Parameters
    ----------
    model : {"tabicl", "tabpfn"}
        Which one.
    path : str, optional
        File with its weights; without it NGKB_TABICL or NGKB_TABPFN names one. None is downloaded.
    n_estimators : int
        Views of a table (order of columns, scale) whose predictions are averaged; 8.
    max_samples, max_features : int, optional
        Rows and columns of a subsample at most; what the version is made for without them.
    n_subsamples : int
        Subsamples at least, where a table is too large; 4.
    device : str
        Where torch computes; ``cpu``.
    random_state : int
        Seed of subsamples and views; 0.

    Attributes
    ----------
    estimator_ : object
        The models with their training rows.
    """

    _continuous = True


class InContextClassifier(_InContext, TunedClassifier, BaseEstimator):
    """A pretrained tabular model for classes.

    Nothing is fitted: the training rows are the context in which new ones are predicted. What is
    beyond the model's size is read in subsamples, whose probabilities are averaged.

    Parameters
    ----------
    model : {"tabicl", "tabpfn"}
        Which one.
    path : str, optional
        File with its weights; without it NGKB_TABICL or NGKB_TABPFN names one. None is downloaded.
    n_estimators : int
        Views of a table (order of columns, scale) whose predictions are averaged; 8.
    max_samples, max_features : int, optional
        Rows and columns of a subsample at most; what the version is made for without them.
    n_subsamples : int
        Subsamples at least, where a table is too large; 4.
    device : str
        Where torch computes; ``cpu``.
    random_state : int
        Seed of subsamples and views; 0.

    Attributes
    ----------
    estimator_ : object
        The models with their training rows.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    _continuous = False


def build_tabular(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Pretrained tabular model from the options of a card."""
    kind = InContextRegression if continuous else InContextClassifier
    return kind(
        model=options.type,
        path=options.path,
        n_estimators=options.n_estimators,
        max_samples=options.max_samples,
        max_features=options.max_features,
        n_subsamples=options.n_subsamples,
        device=options.device,
        random_state=seed,
    )


def lacking_tabular(options, *, continuous: bool) -> str | None:
    """Why a pretrained model cannot be had here, in one line; None where it can."""
    try:
        MODELS[options.type].weights(options.path, continuous=continuous)
        refuse_device(options.device)
    except InputError as error:
        return str(error)
    return None
