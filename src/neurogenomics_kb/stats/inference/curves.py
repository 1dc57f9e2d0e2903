"""Do confounds act on both blocks in a way that the card's design does not hold?

A confound that acts as a curve, or through another one, on both blocks makes them correlate however
well its straight line is taken out; permutation and held-out subjects agree with the error. Only
the richer design shows it. The test asks for three things at once, each by permuting the curves
against the blocks in the residual space of the card's own design: the curves explain the first
block, they explain the second, and the canonical correlation falls when they are taken out. The
largest of the three p-values counts (intersection–union; Berger, Technometrics 1982): curves that
act on one block alone make no correlation and raise no alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular, svd

from neurogenomics_kb.foundation.tiles import column_squares
from neurogenomics_kb.stats.inference.canonical import Side
from neurogenomics_kb.stats.inference.exchangeability import Exchangeability
from neurogenomics_kb.stats.inference.exchangeable_rows import Z_POWER
from neurogenomics_kb.stats.inference.permutation import in_one_thread, permutation_p_value
from neurogenomics_kb.stats.transformers.projection import principal_axes


@dataclass(frozen=True)
class CurveTest:
    """Outcome of `curve_test`.

    Attributes
    ----------
    share_x, share_y : float
        Share of each block's variance, confounds taken out, that curves and products explain.
    correlation : float
        First canonical correlation on the card's design.
    change : float
        By how much it falls with curves and products in the design.
    p_x, p_y, p_change : float
        By permutation.
    p_value : float
        The largest of the three.
    visible : float
        Share of a block's variance that is seen with 80 % power at the level asked for.
    """

    share_x: float
    share_y: float
    correlation: float
    change: float
    p_x: float
    p_y: float
    p_change: float
    visible: float

    @property
    def p_value(self) -> float:
        """Of all three at once."""
        return max(self.p_x, self.p_y, self.p_change)


@in_one_thread
def curve_test(
    sides: tuple[Side, Side],
    curves: np.ndarray,
    exchange: Exchangeability,
    *,
    level: float,
    n_permutations: int = 999,
    random_state: int | None = None,
) -> CurveTest | None:
    """Test curves and products of confounds against two blocks and their correlation.

    Parameters
    ----------
    sides : tuple of Side
        Both blocks in the residual space of the card's design.
    curves : ndarray (m, w)
        Curves and products in the same space.
    exchange : Exchangeability
        How its rows may change places.
    level : float
        Level at which `visible` is stated.
    n_permutations : int
        Default 999.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    CurveTest or None
        None where the curves vary no more once the design is taken out, or leave no room.
    """
    axes, spread = principal_axes(curves, min(curves.shape))
    if not axes.shape[1]:
        return None
    basis = curves @ (axes / spread)
    if basis.shape[1] + max(side.dim for side in sides) >= len(basis):
        return None
    totals = [column_squares(side.data).sum() for side in sides]
    coupling = sides[0].basis.T @ sides[1].basis
    root = svd(coupling, compute_uv=False)[0]

    def statistics(rows: np.ndarray) -> np.ndarray:
        a, b = (side.basis.T @ rows for side in sides)
        shares = [
            ((side.singular[:, None] * part) ** 2).sum() / total
            for side, part, total in zip(sides, (a, b), totals, strict=True)
        ]
        return np.array([*shares, root - _root_without(coupling, a, b)])

    rng = np.random.default_rng(random_state)
    observed = statistics(basis)
    null = np.array([statistics(basis[exchange.draw(rng)]) for _ in range(n_permutations)])
    p = permutation_p_value(observed, null)
    seen = np.quantile(null[:, :2], 1 - level, axis=0) + Z_POWER * null[:, :2].std(axis=0)
    return CurveTest(
        float(observed[0]), float(observed[1]), float(root), float(observed[2]),
        *(float(value) for value in p), visible=float(seen.max()),
    )  # fmt: skip


def _root_without(coupling: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """First canonical correlation once what `a` and `b` are projections on is taken out."""
    left, right = (_lower(np.eye(len(part)) - part @ part.T) for part in (a, b))
    inner = solve_triangular(left, coupling - a @ b.T, lower=True)
    return float(svd(solve_triangular(right, inner.T, lower=True), compute_uv=False)[0])


def _lower(gram: np.ndarray) -> np.ndarray:
    # A direction that is a curve itself is gone; the floor keeps the factor finite.
    return np.linalg.cholesky(gram + 1e-9 * np.eye(len(gram)))
