"""Stacking: several learners per block, whose held-out predictions a second level combines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.base import clone

from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.combining import COMBINERS, Combiner, link
from neurogenomics_kb.stats.ladder.inputs import Inputs, Rung, Splits
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.predictors import fit_predictor, predict_score

Meta = Literal["logistic", "mean", "best", "caruana"]
ALL_BLOCKS = "all blocks"


class Ensemble:
    """Ensemble integration (Li, Wang, Law, Murali & Pandey, Bioinformatics Advances 2022).

    Every learner is fitted to every block. A second level is fitted to their predictions of people
    whom they were not fitted on (inner folds, in which relatives stay together), then all learners
    are fitted again to all training people. All second levels share the first, so that those which
    were not asked for are told beside (`also`).

    Parameters
    ----------
    bases : mapping of str to estimator
        Learners by name; each is cloned for each block.
    meta : {"logistic", "mean", "best", "caruana"}
        Second level: penalised logistic (ridge) regression, mean, the learner with the best
        held-out loss, or ensemble selection with replacement (Caruana, Niculescu-Mizil, Crew &
        Ksikes, ICML 2004). Default logistic.
    concatenation : bool
        Whether learners also see all blocks side by side, so that they can find what blocks do
        together. Default false.
    continuous : bool
        Whether the outcome is a score. Default false.
    random_state : int
        Seed of the inner folds of the learners. Default 0.

    Attributes
    ----------
    held_out_ : DataFrame (n, bases)
        Held-out prediction of every base, columns ``(part, base)``.
    """

    def __init__(
        self,
        bases: Mapping[str, Any],
        *,
        meta: Meta = "logistic",
        concatenation: bool = False,
        continuous: bool = False,
        random_state: int = 0,
    ) -> None:
        refuse_unknown("meta", meta, get_args(Meta))
        if len(bases) < 2:
            raise InputError(
                f"{len(bases)} learners are no ensemble",
                remedy="Name two or more under `bases` of the card.",
            )
        self.bases = dict(bases)
        self.meta = meta
        self.concatenation = concatenation
        self.continuous = continuous
        self.random_state = random_state
        self.controls: dict[str, Rung] = {}
        self.history: list[dict[str, Any]] = []

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> Ensemble:
        """Fit learners and second levels.

        Parameters
        ----------
        inputs : Inputs
            Training people (n); learners see the projected blocks.
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds that together test everybody once.
        unlabelled : Inputs, optional
            Not used: learners need an outcome.
        """
        views = self._views(inputs)
        tested = np.concatenate([test for _, test in splits])
        if len(np.unique(tested)) < len(y) or len(tested) > len(y):
            raise InputError(
                f"inner folds test {len(np.unique(tested))} of {len(y)} people once",
                subjects=len(tested),
                of=len(y),
                remedy="Stacking needs inner folds that test everybody exactly once.",
            )
        held_out = {(v, b): np.full(len(y), np.nan) for v in views for b in self.bases}
        self._inner: list[tuple[np.ndarray, dict]] = []
        for train, test in splits:
            models = self._fit_bases(views, y, train, inputs.groups)
            self._inner.append((test, models))
            for key, model in models.items():
                held_out[key][test] = self._score(model, views[key[0]][test])
        self.held_out_ = pd.DataFrame(held_out)
        self._y, self._views_, self._splits = y, views, splits
        self._second: dict[str, Combiner] = {}
        self._combiner(self.meta)
        self._models = self._fit_bases(views, y, np.arange(len(y)), inputs.groups)
        return self

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        return self._combined(inputs, [self.meta])[self.meta]

    def also(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """Predictions of the second levels that were not asked for (n,), by name."""
        return self._combined(inputs, [name for name in COMBINERS if name != self.meta])

    def ranks(self, n_repeats: int = 5) -> pd.DataFrame:
        """Which columns the ensemble rests on, by ranks of columns and of learners.

        A column's rank in a learner is by the loss of that learner's held-out predictions when the
        column is shuffled; a learner's rank is by the loss of the second level when its predictions
        are. The product of both, averaged over the learners that see the column, orders columns
        (smallest first), as Li et al. (2022) do.

        Parameters
        ----------
        n_repeats : int
            Shuffles of a column. Default 5.

        Returns
        -------
        DataFrame
            ``block, column, rank_product, rank``.
        """
        rng = np.random.default_rng(self.random_state)
        Z = link(self.held_out_.to_numpy(), continuous=self.continuous)
        second = self._combiner(self.meta)
        full = second.loss(Z, self._y)
        lost = [
            np.mean([second.loss(_shuffled(Z, j, rng), self._y) for _ in range(n_repeats)]) - full
            for j in range(Z.shape[1])
        ]
        model_rank = pd.Series(lost, index=self.held_out_.columns).rank(ascending=False)
        rows = []
        for (view, base), of_model in model_rank.items():
            column_loss = self._column_losses(view, base, rng, n_repeats)
            of_column = pd.Series(column_loss).rank(ascending=False)
            # Ranks are put on a scale of 0 to 1, since views have different numbers of columns.
            share = of_column / len(of_column) * of_model / len(model_rank)
            rows += [
                {"block": b, "column": c, "product": p}
                for (b, c), p in zip(self._origin[view], share, strict=True)
            ]
        table = pd.DataFrame(rows).groupby(["block", "column"], sort=False)["product"].mean()
        table = table.rename("rank_product").reset_index()
        return table.assign(rank=table["rank_product"].rank()).sort_values("rank")

    def _column_losses(self, view: str, base: str, rng, n_repeats: int) -> np.ndarray:
        """Rise of a learner's held-out loss when each column is shuffled (p,)."""
        X = self._views_[view]
        rises = np.zeros(X.shape[1])
        for test, models in self._inner:
            model, rows = models[view, base], X[test]
            full = self._loss(self._y[test], self._score(model, rows))
            for j in range(X.shape[1]):
                found = [
                    self._loss(self._y[test], self._score(model, _shuffled(rows, j, rng)))
                    for _ in range(n_repeats)
                ]
                rises[j] += (np.mean(found) - full) * len(test)
        return rises / len(X)

    def _views(self, inputs: Inputs) -> dict[str, np.ndarray]:
        """What learners see, by name: every block, and all of them."""
        views = dict(inputs.blocks)
        self._origin = {n: [(n, str(j + 1)) for j in range(A.shape[1])] for n, A in views.items()}
        if self.concatenation and len(views) > 1:
            self._origin[ALL_BLOCKS] = [pair for n in views for pair in self._origin[n]]
            views[ALL_BLOCKS] = inputs.concatenated()
        return views

    def _fit_bases(self, views, y: np.ndarray, train: np.ndarray, groups) -> dict:
        """Every learner on every view, settings chosen inside `train`."""
        inside = inner_splits(
            y[train],
            None if groups is None else groups[train],
            seed=self.random_state,
            continuous=self.continuous,
        )
        return {
            (view, name): fit_predictor(clone(base), X[train], y[train], inside)
            for view, X in views.items()
            for name, base in self.bases.items()
        }

    def _score(self, model, X: np.ndarray) -> np.ndarray:
        return predict_score(model, X, continuous=self.continuous)

    def _loss(self, y: np.ndarray, score: np.ndarray) -> float:
        if self.continuous:
            return float(np.mean((y - score) ** 2))
        p = np.clip(score, 1e-6, 1 - 1e-6)
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

    def _combiner(self, name: str) -> Combiner:
        """A second level, fitted when it is first asked for."""
        if name not in self._second:
            Z = link(self.held_out_.to_numpy(), continuous=self.continuous)
            fresh = COMBINERS[name](continuous=self.continuous)
            self._second[name] = fresh.fit(Z, self._y, self._splits)
        return self._second[name]

    def _combined(self, inputs: Inputs, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Predictions of some second levels."""
        views = self._views(inputs)
        bases = [self._score(self._models[v, b], views[v]) for v, b in self.held_out_.columns]
        Z = link(np.column_stack(bases), continuous=self.continuous)
        return {name: self._combiner(name).predict(Z) for name in names}


def _shuffled(X: np.ndarray, column: int, rng: np.random.Generator) -> np.ndarray:
    """A copy in which one column's values have changed places."""
    out = X.copy()
    out[:, column] = rng.permutation(out[:, column])
    return out
