"""Regularised canonical correlation of two or more blocks: the linear, closed form of towers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import eigh, solve_triangular

from neurogenomics_kb.stats.inference.canonical import column_correlations
from neurogenomics_kb.stats.ladder.pairs import Pairs, pairs_of
from neurogenomics_kb.stats.ladder.training import hold_out

HELD_OUT = 0.15
# Added to the variance 1 of every standardised feature.
RIDGES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class CanonicalWeights:
    """Axes of every block, each as long as its correlation.

    Attributes
    ----------
    weights : dict of str to ndarray (p, k)
        Of standardised features.
    history : list of dict
        Ridge penalties that were tried and the sum of held-out correlations.
    """

    weights: dict[str, np.ndarray]
    history: list[dict[str, Any]]

    def embed(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Scores (n, k) of standardised blocks (n, p).

        Parameters
        ----------
        features : dict of str to ndarray (n, p)
            All blocks.
        """
        return {name: X @ self.weights[name] for name, X in features.items()}


def fit_canonical_axes(pairs: Pairs, dim: int, seed: int) -> CanonicalWeights:
    """Axes of the largest sum of correlations over all pairs of blocks.

    With whitened blocks ``W_a`` (ridge λ), axes are the eigenvectors of the matrix whose blocks
    a ≠ b are ``W_a' C_ab W_b`` and whose diagonal is 0; for two blocks these are canonical axes.
    λ is the one with the largest sum of correlations in held-out families. An axis is multiplied
    by its eigenvalue, so that a penalised regression hears the strong ones first.

    Parameters
    ----------
    pairs : Pairs
        People with two blocks or more.
    dim : int
        Axes at most.
    seed : int
        Which families are held out.
    """
    train, held = hold_out(pairs.groups, HELD_OUT, seed)
    fitting, looking = pairs.take(train), pairs.take(held)
    history = []
    moments = _Moments(fitting)
    for ridge in RIDGES:
        weights = moments.axes(ridge, dim)
        history.append({"ridge": ridge, "validation": _held_out(looking, weights)})
    best = max(history, key=lambda row: row["validation"])["ridge"]
    return CanonicalWeights(_Moments(pairs).axes(best, dim), history)


class _Moments:
    """Covariances inside and between blocks."""

    def __init__(self, pairs: Pairs) -> None:
        self.names = pairs.names
        X = {name: pairs.features[name].astype(float) for name in self.names}
        self.own = {name: _product(X[name], X[name], pairs.has[name]) for name in self.names}
        self.between = {
            (a, b): _product(X[a], X[b], pairs.has[a] & pairs.has[b])
            for a, b in pairs_of(self.names)
        }

    def axes(self, ridge: float, dim: int) -> dict[str, np.ndarray]:
        """Weights of `dim` axes, each as long as its eigenvalue."""
        roots = {
            name: np.linalg.cholesky(C + ridge * np.eye(len(C))) for name, C in self.own.items()
        }
        ends = np.cumsum([len(C) for C in self.own.values()])
        places = {
            name: slice(end - len(self.own[name]), end)
            for name, end in zip(self.names, ends, strict=True)
        }
        joint = np.zeros((ends[-1], ends[-1]))
        for (a, b), C in self.between.items():
            left = solve_triangular(roots[a], C, lower=True)
            joint[places[a], places[b]] = solve_triangular(roots[b], left.T, lower=True).T
            joint[places[b], places[a]] = joint[places[a], places[b]].T
        k = min(dim, *(len(C) for C in self.own.values()))
        values, vectors = eigh(joint, subset_by_index=(len(joint) - k, len(joint) - 1))
        values, vectors = np.clip(values[::-1], 0, None), vectors[:, ::-1]
        return {
            name: solve_triangular(roots[name], vectors[places[name]], trans=1, lower=True) * values
            for name in self.names
        }


def _product(X: np.ndarray, Y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return X[rows].T @ Y[rows] / max(int(rows.sum()), 1)


def _held_out(pairs: Pairs, weights: dict[str, np.ndarray]) -> float:
    found = []
    for a, b in pairs_of(pairs.names):
        both = pairs.has[a] & pairs.has[b]
        if both.sum() > 2:
            left, right = pairs.features[a][both], pairs.features[b][both]
            found.append(column_correlations(left @ weights[a], right @ weights[b]).sum())
    return float(np.mean(found)) if found else 0.0
