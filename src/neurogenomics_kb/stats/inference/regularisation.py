"""Ridge and principal-component regularisation of canonical correlation, as shrunken bases.

All act on the singular values of a block: ridge shrinks each left singular vector by
``s / sqrt(s² + λ)`` (Vinod 1976), PCA keeps the leading ones. Row permutation leaves singular
values alone, so a candidate is the same for the data and for every permutation of them.

Partial least squares (the singular vectors of X'Y; McIntosh, Bookstein, Haxby & Grady, NeuroImage
1996) is what ridge comes to as both penalties grow: left singular vectors weigh by ``s``, and the
coupling of the weighted bases has the singular values of X'Y, in units of the blocks' largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.choices import Choices
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.canonical import Side, refuse_degenerate

RIDGE_GRID = (0.01, 0.1, 1.0, 10.0)
PCA_GRID = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Candidate:
    """Shrinkage of the two bases, between 0 and 1 per basis vector.

    Attributes
    ----------
    name : str
        What it is, for the report.
    x, y : ndarray
    """

    name: str
    x: np.ndarray
    y: np.ndarray


def candidates_of(
    kind: Literal["none", "pca", "ridge", "ridge per side", "pls"],
    grid: Sequence[float] | None,
    side_x: Side,
    side_y: Side,
    *,
    size: int,
    n: int,
) -> list[Candidate]:
    """Candidates of a grid on the two blocks.

    Parameters
    ----------
    kind : {"none", "pca", "ridge", "ridge per side", "pls"}
        Regularisation; ``"ridge"`` has one penalty for both blocks, ``"ridge per side"`` every pair
        of penalties, ``"pls"`` is partial least squares.
    grid : sequence, optional
        Dimensions for ``"pca"``; multiples of the mean squared singular value for ridge.
    side_x, side_y : Side
        The two blocks in the residual space.
    size, n : int
        Residual degrees of freedom and subjects.

    Raises
    ------
    InputError
        If the kind is unknown, or no candidate leaves residual degrees of freedom.
    """
    return CANDIDATES[kind](grid, side_x, side_y, size, n)


def _as_they_are(grid, side_x: Side, side_y: Side, size: int, n: int) -> list[Candidate]:
    refuse_degenerate(side_x.dim, side_y.dim, size, n)
    return [Candidate("none", np.ones(side_x.dim), np.ones(side_y.dim))]


def _ridges(grid, side_x: Side, side_y: Side, size: int, n: int) -> list[Candidate]:
    return [
        Candidate(f"ridge {c:g}", _ridge(side_x.singular, c), _ridge(side_y.singular, c))
        for c in (RIDGE_GRID if grid is None else grid)
    ]


def _ridges_per_side(grid, side_x: Side, side_y: Side, size: int, n: int) -> list[Candidate]:
    strengths = RIDGE_GRID if grid is None else grid
    return [
        Candidate(f"ridge {a:g} + {b:g}", _ridge(side_x.singular, a), _ridge(side_y.singular, b))
        for a in strengths
        for b in strengths
    ]


def _least_squares(grid, side_x: Side, side_y: Side, size: int, n: int) -> list[Candidate]:
    if grid is not None:
        raise InputError(
            f"a grid of {len(grid)} for partial least squares, which has no penalty",
            remedy="Leave `regularisation_grid` out.",
        )
    shares = (side.singular / side.singular.max() for side in (side_x, side_y))
    return [Candidate("partial least squares", *shares)]


def _components(grid, side_x: Side, side_y: Side, size: int, n: int) -> list[Candidate]:
    found: dict[tuple[int, int], Candidate] = {}
    for dim in PCA_GRID if grid is None else grid:
        dims = (min(int(dim), side_x.dim), min(int(dim), side_y.dim))
        if sum(dims) < size:
            name = f"pca {dims[0]} + {dims[1]}"
            found[dims] = Candidate(
                name, _leading(side_x.dim, dims[0]), _leading(side_y.dim, dims[1])
            )
    if not found:
        raise InputError(
            f"no dimension of the grid leaves residual degrees of freedom ({size} of N = {n})",
            remedy=f"Offer dimensions of at most {max(1, size // 2 - 1)}.",
        )
    return list(found.values())


CANDIDATES = Choices(
    "regularisation",
    {"none": _as_they_are, "pca": _components, "ridge": _ridges,
     "ridge per side": _ridges_per_side, "pls": _least_squares},
)  # fmt: skip


def _ridge(singular: np.ndarray, strength: float) -> np.ndarray:
    if strength <= 0:
        raise InputError(f"ridge strength {strength:g}", remedy="Use numbers above zero.")
    return singular / np.sqrt(singular**2 + strength * np.mean(singular**2))


def _leading(dim: int, kept: int) -> np.ndarray:
    return (np.arange(dim) < kept).astype(float)


def best_over_candidates(
    observed: np.ndarray, null: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose the candidate anew for the data and for every permutation, on one scale.

    Statistics are standardised per candidate over data and permutations together, which treats
    all of them alike, and the largest is taken: the p-value pays for the choice exactly.

    Parameters
    ----------
    observed : ndarray (n_candidates, C)
        Statistic of every candidate and component.
    null : ndarray (B, n_candidates, C)
        The same under permutation.

    Returns
    -------
    observed, null : ndarray (C,), (B, C)
    chosen : ndarray of int (C,)
        Candidate taken for the data.
    """
    if len(observed) == 1:
        return observed[0], null[:, 0], np.zeros(observed.shape[1], dtype=int)
    pool = np.concatenate([observed[None], null])
    spread = pool.std(axis=0)
    standard = (pool - pool.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    best = standard.max(axis=1)
    return best[0], best[1:], standard[0].argmax(axis=0)
