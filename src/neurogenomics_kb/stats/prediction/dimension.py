"""The smallest dimension that cross-validation cannot tell from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DimensionChoice:
    """Choice among D dimensions.

    Attributes
    ----------
    dims : tuple of int
        In increasing order.
    mean, se : ndarray (D,)
        Score over inner folds and its standard error.
    best, chosen : int
        Dimension of the highest mean; smallest one within a standard error of it.
    """

    dims: tuple[int, ...]
    mean: np.ndarray
    se: np.ndarray
    best: int
    chosen: int


def smallest_within_one_se(dims: Sequence[int], scores: np.ndarray) -> DimensionChoice:
    """One-standard-error rule (Breiman, Friedman, Olshen & Stone 1984).

    Parameters
    ----------
    dims : sequence of int
        Dimensions that were tried.
    scores : ndarray (n_inner_folds, D)
        Higher is better; one column per dimension.

    Returns
    -------
    DimensionChoice

    Examples
    --------
    >>> scores = np.array([[0.5, 0.69, 0.70], [0.6, 0.73, 0.74], [0.55, 0.70, 0.71]])
    >>> choice = smallest_within_one_se([2, 4, 8], scores)
    >>> choice.best, choice.chosen
    (8, 4)
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or scores.shape[1] != len(dims) or len(scores) < 2:
        raise ValueError(f"scores of shape {scores.shape} for {len(dims)} dimensions")
    order = np.argsort(dims, kind="stable")
    dims, scores = tuple(int(dims[i]) for i in order), scores[:, order]
    mean = scores.mean(axis=0)
    se = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    top = int(mean.argmax())
    chosen = int(np.flatnonzero(mean >= mean[top] - se[top])[0])
    return DimensionChoice(dims, mean, se, dims[top], dims[chosen])
