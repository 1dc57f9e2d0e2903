"""A kernel machine on the product of the blocks' kernels: the plain reference for interaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from neurogenomics_kb.stats.prediction.kernel_space import KernelSpace, Mixture
from neurogenomics_kb.stats.prediction.predictors import penalty_losses
from neurogenomics_kb.stats.prediction.scaling import TakesParts, _PartScaler
from neurogenomics_kb.stats.prediction.tuned import Splits, TunedClassifier, TunedRegressor

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
WIDTHS = (0.1, 1.0)
SHARES = {"linear": (0.0, 0.25, 0.5, 0.75, 1.0), "rbf": (0.0, 0.5, 1.0)}
LANDMARKS = 1000


class _KernelModel:
    """A linear model in the space of a kernel."""

    def __init__(self, space: KernelSpace, model: Any) -> None:
        self.space, self.model = space, model

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted scores (n,)."""
        return self.model.predict(self.space.transform(X))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probability of every class (n, C)."""
        return self.model.predict_proba(self.space.transform(X))


class _ProductKernel:
    """Settings of the kernel, and the choice among its mixtures and penalties."""

    def __init__(
        self,
        *,
        kernel: str = "linear",
        main_effects: bool = True,
        strengths: Sequence[float] = STRENGTHS,
        widths: Sequence[float] = WIDTHS,
        landmarks: int = LANDMARKS,
        random_state: int = 0,
    ) -> None:
        self.kernel = kernel
        self.main_effects = main_effects
        self.strengths = strengths
        self.widths = widths
        self.landmarks = landmarks
        self.random_state = random_state

    def _mixtures(self, n_blocks: int) -> list[Mixture]:
        """Kernels that are tried, those without a product first."""
        widths = sorted(self.widths) if self.kernel == "rbf" else [1.0]
        shares = SHARES[self.kernel] if self.main_effects and n_blocks > 1 else (1.0,)
        return [Mixture(self.kernel, share, width) for share in shares for width in widths]

    def _search(self, X: np.ndarray, y: np.ndarray, splits: Splits, losses, make) -> _KernelModel:
        parts = self._parts_of(X)
        blocks = np.zeros(X.shape[1], dtype=int) if parts is None else parts
        scaler = _PartScaler(parts).fit(X)
        best, strengths = (np.inf, None, 0.0), np.array(sorted(self.strengths))
        for mixture in self._mixtures(len(np.unique(blocks[blocks >= 0]))):
            space = KernelSpace(mixture, scaler, self.landmarks, self.random_state).fit(X, blocks)
            found = losses(space.transform(X), y, splits, strengths)
            if found.min() < best[0]:
                best = float(found.min()), space, strengths[found.argmin()]
        _, space, strength = best
        self.share_ = space.mixture.share
        return _KernelModel(space, make(strength).fit(space.transform(X), y))


class ProductKernelRegression(_ProductKernel, TakesParts, TunedRegressor, BaseEstimator):
    """Kernel ridge regression on the product of the blocks' kernels.

    The kernel is share · (K₁ ∘ K₂ ∘ …) + (1 − share) · mean of K₁, K₂, …, with the kernel of
    covariates added, and the share chosen on inner folds. One block alone has no product, and this
    is plain kernel ridge regression. Blocks are those of ``parts`` of `fit`.

    Parameters
    ----------
    kernel : {"linear", "rbf"}
        Of a block's scaled columns; that of covariates is linear.
    main_effects : bool
        Whether the blocks' own kernels stand beside their product, with a share from 0 to 1 that is
        chosen inside; they do. Without them a purely additive outcome is not found.
    strengths : sequence of float
        Inverse penalties that are tried; 0.01 to 100.
    widths : sequence of float
        Inverse squared widths of RBF kernels that are tried, times half the number of columns; 0.1
        and 1.
    landmarks : int
        People whose kernels span the space; 1,000. It is exact with up to so many training people,
        or fewer dimensions, and Nyström's approximation above.
    random_state : int
        Seed of the choice of landmarks; 0.

    Attributes
    ----------
    estimator_ : object
        Ridge regression in the space of the chosen kernel, fitted to all training rows.
    share_ : float
        Chosen share of the product.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits) -> _KernelModel:
        return self._search(X, y, splits, ridge_losses, lambda strength: Ridge(1 / strength))


class ProductKernelClassifier(_ProductKernel, TakesParts, TunedClassifier, BaseEstimator):
    """Kernel logistic regression on the product of the blocks' kernels.

    The kernel is share · (K₁ ∘ K₂ ∘ …) + (1 − share) · mean of K₁, K₂, …, with the kernel of
    covariates added, and the share chosen on inner folds by log loss, so that probabilities need no
    calibration afterwards. One block alone has no product, and this is plain kernel logistic
    regression. Blocks are those of ``parts`` of `fit`.

    Parameters
    ----------
    kernel : {"linear", "rbf"}
        Of a block's scaled columns; that of covariates is linear.
    main_effects : bool
        Whether the blocks' own kernels stand beside their product, with a share from 0 to 1 that is
        chosen inside; they do. Without them a purely additive outcome is not found.
    strengths : sequence of float
        Inverse penalties that are tried; 0.01 to 100.
    widths : sequence of float
        Inverse squared widths of RBF kernels that are tried, times half the number of columns; 0.1
        and 1.
    landmarks : int
        People whose kernels span the space; 1,000. It is exact with up to so many training people,
        or fewer dimensions, and Nyström's approximation above.
    random_state : int
        Seed of the choice of landmarks; 0.

    Attributes
    ----------
    estimator_ : object
        Logistic regression in the space of the chosen kernel, fitted to all training rows.
    share_ : float
        Chosen share of the product.
    classes_ : ndarray (C,)
        Classes, sorted.
    """

    def _fit(self, X: np.ndarray, y: np.ndarray, splits: Splits) -> _KernelModel:
        solver = "lbfgs" if len(self.classes_) > 2 else "newton-cholesky"
        return self._search(
            X, y, splits, penalty_losses,
            lambda strength: LogisticRegression(C=strength, solver=solver, max_iter=1000),
        )  # fmt: skip


def ridge_losses(X: np.ndarray, y: np.ndarray, splits: Splits, strengths: np.ndarray) -> np.ndarray:
    """Squared error of ridge regression on inner folds, for every inverse penalty (k,).

    Parameters
    ----------
    X : ndarray (n, p)
        Training features.
    y : ndarray (n,)
        A score.
    splits : list of (train, test)
        Inner folds.
    strengths : ndarray (k,)
        Inverse penalties.
    """
    return np.array(
        [
            np.mean(
                [
                    np.mean((y[test] - Ridge(1 / s).fit(X[train], y[train]).predict(X[test])) ** 2)
                    for train, test in splits
                ]
            )
            for s in strengths
        ]
    )


def build_product_kernel(options, *, continuous: bool, seed: int) -> BaseEstimator:
    """Kernel machine from the options of a card."""
    kind = ProductKernelRegression if continuous else ProductKernelClassifier
    return kind(
        kernel=options.kernel,
        main_effects=options.main_effects,
        strengths=options.strengths,
        widths=options.widths,
        landmarks=options.landmarks,
        random_state=seed,
    )
