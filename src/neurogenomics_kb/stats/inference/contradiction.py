"""Does a held-out correlation contradict what the same axis shows in sample?

An axis that is significant in sample and holds out nothing may be a weak one that a small test set
cannot show. It contradicts itself where no true axis, as weak as the sample allows, would hold out
so little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

# True correlations that are tried; the step is far below the spread of an estimate.
GRID = np.linspace(0.0, 0.98, 50)
SIMULATIONS = 400
# The weakest true axis that is held against the sample: fewer than so many weaker ones would look
# as strong in sample. And the share of held-out means that are lower still.
WEAKEST = 0.05
LOWER = 0.005


@dataclass(frozen=True)
class Expected:
    """What an axis should hold out.

    Attributes
    ----------
    weakest : float
        Smallest true correlation that the sample allows; 0 where chance does.
    low : float
        Held-out mean that 199 of 200 such cohorts exceed.
    """

    weakest: float
    low: float

    def contradicts(self, held_out: float) -> bool:
        """Whether a held-out mean lies below what any true axis gives."""
        return bool(self.weakest > 0 and held_out < self.low)


def expected_held_out(
    correlation: float,
    n: int,
    dims: tuple[int, int],
    n_folds: int,
    *,
    n_simulations: int = SIMULATIONS,
    random_state: int = 0,
) -> Expected:
    """Held-out correlation of the weakest true axis that gives what was seen in sample.

    Normal samples with one true axis are drawn as the products of every fold's rows (Wishart
    matrices), so that the number of people costs nothing. Signal and noise are as simple as can
    be: heavy tails or unequal noise, which make samples like this one, are not among them, and a
    contradiction points at them.

    Parameters
    ----------
    correlation : float
        First canonical correlation in sample.
    n : int
        Effective number of people, confounds subtracted.
    dims : tuple of int
        Columns of both sides after reduction.
    n_folds : int
        Folds of the held-out test.
    n_simulations : int
        Cohorts that are drawn for each true correlation.
    random_state : int
        Seed; the same numbers give the same answer.

    Returns
    -------
    Expected
        Unknown (NaN) where a training fold has no more people than columns.
    """
    p, q = dims
    sizes = [len(part) for part in np.array_split(np.arange(n), n_folds)]
    if min(n - size for size in sizes) <= p + q + 1 or min(sizes) < 3:
        return Expected(np.nan, np.nan)
    rng = np.random.default_rng(random_state)
    draws = [[_wishart_root(rng, size, p + q) for size in sizes] for _ in range(n_simulations)]
    low, high = 0, len(GRID) - 1
    # Stronger axes look stronger in sample: halve the grid. Draws are common to all of them.
    while low < high:
        middle = (low + high) // 2
        seen = _in_sample(draws, GRID[middle], p)
        if np.quantile(seen, 1 - WEAKEST) < correlation:
            low = middle + 1
        else:
            high = middle
    weakest = float(GRID[low])
    held = [_held_out(_products(draw, weakest, p), p) for draw in draws]
    return Expected(weakest, float(np.quantile(held, LOWER)))


def _wishart_root(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Lower triangle whose product with itself is X'X of n normal rows (Bartlett 1933)."""
    if n <= width:
        return rng.normal(size=(n, width)).T
    root = np.tril(rng.normal(size=(width, width)), -1)
    root[np.diag_indices(width)] = np.sqrt(rng.chisquare(n - np.arange(width)))
    return root


def _products(draw: list[np.ndarray], true: float, p: int) -> list[np.ndarray]:
    """X'X of every fold with a true correlation between the first columns of both sides."""
    out = []
    for root in draw:
        mixed = root.copy()
        mixed[p] = true * root[0] + np.sqrt(1 - true**2) * root[p]
        out.append(mixed @ mixed.T)
    return out


def _in_sample(draws, true: float, p: int) -> np.ndarray:
    return np.array([_leading(sum(_products(draw, true, p)), p)[0] for draw in draws])


def _leading(products: np.ndarray, p: int) -> tuple[float, np.ndarray, np.ndarray]:
    """First canonical correlation and its weights."""
    x, y = linalg.cholesky(products[:p, :p]), linalg.cholesky(products[p:, p:])
    inner = linalg.solve_triangular(x, products[:p, p:], trans="T")
    inner = linalg.solve_triangular(y, inner.T, trans="T").T
    left, size, right = linalg.svd(inner)
    return (
        float(size[0]),
        linalg.solve_triangular(x, left[:, 0]),
        linalg.solve_triangular(y, right[0]),
    )


def _held_out(parts: list[np.ndarray], p: int) -> float:
    """Mean correlation over folds, weights from the others."""
    total, found = sum(parts), []
    for part in parts:
        _, a, b = _leading(total - part, p)
        found.append(
            a @ part[:p, p:] @ b / np.sqrt((a @ part[:p, :p] @ a) * (b @ part[p:, p:] @ b))
        )
    return float(np.mean(found))
