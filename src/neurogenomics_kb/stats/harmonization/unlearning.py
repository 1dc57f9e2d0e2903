"""Adversarial unlearning of the site in embeddings.

Dinsdale, Jenkinson & Namburete, NeuroImage 2021 (doi:10.1016/j.neuroimage.2020.117689): three steps
in turn, the main task, a site classifier on the frozen features, and features that confuse it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.stats.confounds import feature_values, is_categorical, refuse_missing
from neurogenomics_kb.stats.harmonization.combat import check_sizes, refuse_absent, refuse_unseen


class SiteUnlearning(TransformerMixin, BaseEstimator):
    """Embedding head whose output serves the main task and tells little of the site.

    A network with one hidden layer is trained on the rows given to `fit` and applied unchanged to
    others. Its main task is to predict the preserved covariates (and, with `outcome`, the `y` given
    to `fit`) and to reconstruct the features; without the reconstruction, which is an addition to
    the paper, everything else that the embedding holds would be lost. Many parameters, as the
    estimator contract of scikit-learn wants every setting of the training in the constructor.

    Parameters
    ----------
    batch : str
        Column that holds the site or scanner; read in `fit`, and in `transform` only to apply
        `unseen`.
    preserve : sequence of str
        Columns that are predicted: numbers by squared error, categories by cross-entropy.
    outcome : bool
        Predict also the `y` given to `fit`, training labels only. The output of training rows is
        then fitted to their labels, and models on top of it see optimistic training data.
    dim : int
        Columns of the output; at most the number of features.
    hidden : int
        Width of the hidden layer. Default 64.
    reconstruction : float
        Weight of the reconstruction in the main task.
    confusion : float
        Learning rate of the confusing step, relative to that of the main task; the steps have
        optimisers of their own, in which the scale of a loss cancels.
    warm_up, epochs : int
        Passes over the rows without and with the confusion step. A fixed number, so that no
        subjects have to be held out for stopping.
    learning_rate : float
        Step size of the optimiser. Default 0.005.
    batch_size : int
        People at a time. Default 64.
    unseen : {"error", "reference"}
        A site that training lacks: refuse, or send it through the head, which never learned to
        ignore that site.
    seed : int
        Weights and order of rows. Training runs on one CPU thread, so the same rows and the same
        seed give the same output on the same machine to the last bit.

    Attributes
    ----------
    site_accuracy_ : float
        Balanced accuracy of the adversary on its training rows at the end, chance 1 / n_sites.
    weights_ : dict of str to ndarray
        Weights of the trained head.

    Notes
    -----
    Scikit-learn reads the settings off the constructor, so it has a parameter for each.

    That the adversary is confused does not show that nothing of the site is left: another
    classifier may still find it. Judge by held-out decodability (`site_decodability`).
    """

    def __init__(
        self,
        batch: str = "site",
        preserve: Sequence[str] = (),
        *,
        outcome: bool = False,
        dim: int = 32,
        hidden: int = 64,
        reconstruction: float = 1.0,
        confusion: float = 1.0,
        warm_up: int = 30,
        epochs: int = 120,
        learning_rate: float = 5e-3,
        batch_size: int = 64,
        unseen: Literal["error", "reference"] = "error",
        seed: int = 0,
    ) -> None:
        self.batch = batch
        self.preserve = preserve
        self.outcome = outcome
        self.dim = dim
        self.hidden = hidden
        self.reconstruction = reconstruction
        self.confusion = confusion
        self.warm_up = warm_up
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.unseen = unseen
        self.seed = seed

    @property
    def reads(self) -> list[str]:
        """Columns that are read and not returned."""
        return [self.batch, *self.preserve]

    def fit(self, X: pd.DataFrame, y=None) -> SiteUnlearning:
        """Train the head on the rows of `X`; `y` is used only with `outcome`."""
        if self.unseen not in ("error", "reference"):
            raise InputError(
                f"unseen={self.unseen!r}: the head has nothing to estimate per site",
                remedy="Use 'error' or 'reference'.",
            )
        site = self._check(X, y)
        self.features_ = [c for c in X.columns if c not in set(self.reads)]
        values = feature_values(X[self.features_])
        self.mean_ = values.mean(axis=0)
        spread = values.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.n_components_ = min(self.dim, values.shape[1])
        tasks = [_encode_task(X[c], c) for c in self.preserve]
        if self.outcome:
            tasks.append(_encode_task(pd.Series(np.asarray(y)), "outcome"))
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        from neurogenomics_kb.stats.harmonization.adversary import train_head  # torch takes seconds

        self.weights_, self.site_accuracy_ = train_head(
            (values - self.mean_) / self.scale_,
            np.array([self.sites_.index(s) for s in site]),
            tasks,
            dim=self.n_components_,
            hidden=self.hidden,
            reconstruction=self.reconstruction,
            confusion=self.confusion,
            warm_up=self.warm_up,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        return self

    def _check(self, X: pd.DataFrame, y) -> np.ndarray:
        refuse_absent(X, self.reads)
        if self.outcome and y is None:
            raise ValueError("outcome=True needs y in fit")
        if not self.outcome and not self.preserve:
            raise InputError(
                "unlearning needs a main task",
                column="preserve",
                remedy="Name covariates to preserve, such as age and sex.",
            )
        refuse_missing(X[self.batch], self.batch)
        counts = X[self.batch].value_counts()
        if len(counts) < 2:
            raise InputError(
                f"all training subjects are of site {counts.index[0]!r}, so there is nothing to "
                "unlearn",
                column=self.batch,
                subjects=len(X),
                remedy="Use harmonization none_baseline for a single site.",
            )
        check_sizes(counts, self, "learning", stacklevel=4)
        self.sites_ = sorted(counts.index, key=str)
        return X[self.batch].to_numpy()

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Output of the head (n, n_components_), without the columns that were read."""
        check_is_fitted(self, "weights_")
        refuse_missing(X[self.batch], self.batch)
        refuse_unseen(X[self.batch].to_numpy(), self.sites_, self.batch, self.unseen)
        Z = (feature_values(X[self.features_]) - self.mean_) / self.scale_
        w = self.weights_
        hidden = np.maximum(Z @ w["hidden.weight"].T + w["hidden.bias"], 0)
        out = hidden @ w["out.weight"].T + w["out.bias"]
        return pd.DataFrame(out, index=X.index, columns=self.get_feature_names_out())

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """``<modality>__unlearned__<number>``, which no single region or edge stands behind."""
        check_is_fitted(self, "weights_")
        modality = str(self.features_[0]).split(SEPARATOR)[0]
        width = len(str(self.n_components_))
        return np.array(
            [f"{modality}__unlearned__{k + 1:0{width}d}" for k in range(self.n_components_)],
            dtype=object,
        )


def _encode_task(column: pd.Series, name: str) -> np.ndarray:
    """A number standardised to (n,) floats, or a category as (n,) integer codes."""
    refuse_missing(column, name)
    if is_categorical(column):
        return pd.factorize(column, sort=True)[0]
    numbers = column.to_numpy(dtype=float)
    spread = numbers.std()
    return (numbers - numbers.mean()) / (spread if spread > 0 else 1.0)
