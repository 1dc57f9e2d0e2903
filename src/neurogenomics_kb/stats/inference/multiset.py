"""Axes that three or more blocks have in common, with permutation inference.

MAXVAR generalised canonical correlation (Carroll 1968; Kettenring, Biometrika 1971): the common
axis is the leading eigenvector of the sum of the blocks' projections, so that its squared
correlations with its best approximation in every block add up to the most. Rows of all blocks but
one are permuted, each by itself, in the residual space of the confounds; later components are
tested on what the earlier ones leave over in every block, as in `stats.cca`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, qr

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.canonical import orthonormal_side, structure_coefficients
from neurogenomics_kb.stats.inference.exchangeability import Exchangeability, as_blocks
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.inference.permutation import monte_carlo_error, permutation_p_value
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.inference.spaces import (
    default_space,
    make_space,
    project_rows,
    rows_of_space,
)

FEWEST = 3


@dataclass(frozen=True)
class MultisetResult:
    """Outcome of `multiset_test`; J blocks, C components.

    Attributes
    ----------
    shared : ndarray (C,)
        Mean over blocks of the squared correlation with the common axis; 1 / J where nothing is
        shared, 1 where every block holds the axis.
    null : ndarray (B, C)
        The same under permutation of all blocks but one.
    p_values_uncorrected, p_values : ndarray (C,)
        Permutation p, and family-wise over components by closure.
    p_value_errors : ndarray (C,)
        Monte-Carlo standard errors of the uncorrected p-values.
    block_correlations : ndarray (J, C)
        Correlation of the common axis with its best approximation in each block.
    block_p_raw, block_p_values : ndarray (J, C)
        Does a block take part: only its rows are permuted, the other blocks stay as related as
        they are. Holm over the blocks of a component in the second.
    loadings : dict of str to ndarray (p, C)
        Structure coefficients: correlation of each adjusted column with the common axis.
    dims : dict of str to int
        Dimensions of each block.
    n, n_effective, n_permutations : int
        Subjects, rows after the confounds, permutations.
    smallest_p : float
        Smallest p that blocks and permutations allow.
    """

    shared: np.ndarray
    null: np.ndarray
    p_values_uncorrected: np.ndarray
    p_values: np.ndarray
    p_value_errors: np.ndarray
    block_correlations: np.ndarray
    block_p_raw: np.ndarray
    block_p_values: np.ndarray
    loadings: dict[str, np.ndarray]
    dims: dict[str, int]
    n: int
    n_effective: int
    n_permutations: int
    smallest_p: float


def multiset_test(
    tables: Mapping[str, np.ndarray],
    *,
    confounds: np.ndarray | None = None,
    pca: Mapping[str, int | None] | None = None,
    n_components: int = 3,
    n_permutations: int = 1000,
    blocks=None,
    unit_rows: bool = False,
    random_state: int | None = None,
) -> MultisetResult:
    """Do three or more blocks have an axis in common?

    The first hypothesis is that all blocks are unrelated to one another. It is wrong where only two
    of them are related; the p-value of each block says whether that block takes part. Its
    parameters are those of `permutation_cca`; it is long because one permutation serves both tests.

    Parameters
    ----------
    tables : mapping of str to ndarray (n, p)
        Complete features of every block; confounds still in.
    confounds : ndarray (n, r), optional
        An intercept is always added.
    pca : mapping of str to int or None, optional
        Principal components of a block, found in the residual space.
    n_components : int
        Number of components. Default 3.
    n_permutations : int
        Permutations, the identity left out. Default 1000.
    blocks : array-like (n,) or Blocks, optional
        Families or nested levels.
    unit_rows : bool
        Rows of one length, as in `permutation_cca`.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    MultisetResult

    Raises
    ------
    InputError
        If there are fewer than three blocks, or so many dimensions that an axis in common always
        exists.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> axis = rng.normal(size=(150, 1))
    >>> tables = {name: rng.normal(size=(150, 4)) for name in "abc"}
    >>> tables["a"][:, :1] += 1.5 * axis
    >>> tables["b"][:, :1] += 1.5 * axis
    >>> found = multiset_test(tables, n_components=1, n_permutations=99, random_state=1)
    >>> bool(found.p_values[0] <= 0.01), (found.block_p_values[:, 0] <= 0.05).tolist()
    (True, [True, True, False])
    """
    if len(tables) < FEWEST:
        raise InputError(
            f"{len(tables)} blocks, and a joint axis is of {FEWEST} or more",
            remedy="Relate two blocks by `permutation_cca`.",
        )
    n = len(next(iter(tables.values())))
    structure = as_blocks(blocks, n)
    space = make_space(independent_design(confounds, n), structure, default_space(structure))
    exchange = Exchangeability(rows_of_space(space, structure), space.size)
    sides = [
        orthonormal_side(project_rows(space, A, unit=unit_rows), None if pca is None else pca[name])
        for name, A in tables.items()
    ]
    J, dims = len(sides), [side.dim for side in sides]
    if sum(dims) >= space.size:
        raise InputError(
            f"{' + '.join(map(str, dims))} variables with {space.size} residual degrees of freedom "
            f"(N = {n}) always have an axis in common",
            remedy=f"Reduce every block to at most {max(1, space.size // (10 * J))} dimensions.",
        )
    C = min(n_components, *dims)
    rotated, axes, correlations = _axes([side.basis for side in sides], C)
    observed = _shared(rotated, C)
    rng = np.random.default_rng(random_state)
    null, alone = np.empty((n_permutations, C)), np.empty((J, n_permutations, C))
    for b in range(n_permutations):
        moved = [rotated[0], *(A[exchange.draw(rng)] for A in rotated[1:])]
        null[b] = _shared(moved, C)
        rows = exchange.draw(rng)
        for j in range(J):
            one = [A[rows] if i == j else A for i, A in enumerate(rotated)]
            alone[j, b] = _shared(one, C)
    p = permutation_p_value(observed, null)
    raw = np.stack([permutation_p_value(observed, values) for values in alone])
    loadings = [structure_coefficients(side.data, axes) for side in sides]
    # The feature with the largest loading of all points upwards.
    stacked = np.vstack(loadings)
    flip = np.where(stacked[np.abs(stacked).argmax(axis=0), np.arange(C)] < 0, -1.0, 1.0)
    return MultisetResult(
        shared=observed,
        null=null,
        p_values_uncorrected=p,
        p_values=np.maximum.accumulate(p),
        p_value_errors=monte_carlo_error(p, n_permutations),
        block_correlations=correlations,
        block_p_raw=raw,
        block_p_values=np.stack([adjust(column, "holm") for column in raw.T], axis=1),
        loadings={name: L * flip for name, L in zip(tables, loadings, strict=True)},
        dims=dict(zip(tables, dims, strict=True)),
        n=n,
        n_effective=space.size,
        n_permutations=n_permutations,
        smallest_p=max(exchange.smallest_p, 1 / (1 + n_permutations)),
    )


def _axes(bases: list[np.ndarray], C: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Bases turned so that column k is a block's part in component k; axes; their correlations."""
    rotated = [basis.copy() for basis in bases]
    axes, correlations = [], np.empty((len(bases), C))
    for k in range(C):
        H = np.hstack([A[:, k:] for A in rotated])
        value, vector = eigh(H.T @ H, subset_by_index=(H.shape[1] - 1, H.shape[1] - 1))
        axis = H @ vector[:, 0] / np.sqrt(value[0])
        axes.append(axis)
        for j, A in enumerate(rotated):
            part = A[:, k:].T @ axis
            correlations[j, k] = np.linalg.norm(part)
            # First column along the part, the others orthogonal to it.
            turn = qr(np.column_stack([part, np.eye(len(part))]))[0]
            A[:, k:] = A[:, k:] @ turn
    return rotated, np.stack(axes, axis=1), correlations


def _shared(bases: list[np.ndarray], C: int) -> np.ndarray:
    """Mean squared correlation of the leading common axis of each trailing set of bases (C,)."""
    H = np.hstack(bases)
    gram = H.T @ H
    column = np.concatenate([np.arange(A.shape[1]) for A in bases])
    out = np.empty(C)
    for k in range(C):
        left = np.flatnonzero(column >= k)
        last = len(left) - 1
        part = gram[np.ix_(left, left)]
        out[k] = eigh(part, eigvals_only=True, subset_by_index=(last, last))[0] / len(bases)
    return out
