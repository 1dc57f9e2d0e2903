"""Canonical correlation with permutation inference that survives confounds and families.

The algorithm is that of Winkler, Renaud, Smith & Nichols (NeuroImage 2020,
doi:10.1016/j.neuroimage.2020.117065): work in a residual space with exchangeable rows, test
component k on the block of variates that earlier components leave over, and close the tests.
The intercept is part of the confounds, which their software leaves to the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from scipy.linalg import svd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import chunk_of, parallel_loop, seeds_of_draws
from neurogenomics_kb.foundation.permutation_statistics import STATISTICS, StatisticOptions
from neurogenomics_kb.stats.inference.canonical import (
    orthonormal_side,
    structure_coefficients,
    trailing_roots,
)
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, as_blocks
from neurogenomics_kb.stats.inference.normal_scores import normal_scores as to_normal_scores
from neurogenomics_kb.stats.inference.permutation import (
    FEWEST,
    Budget,
    PermutationTest,
    in_one_thread,
    monte_carlo_error,
    one_thread,
    sequential_test,
)
from neurogenomics_kb.stats.inference.regularisation import best_over_candidates, candidates_of
from neurogenomics_kb.stats.inference.residual_space import ResidualSpace, independent_design
from neurogenomics_kb.stats.inference.spaces import (
    SpaceName,
    default_space,
    make_space,
    project_rows,
    rows_of_space,
)
from neurogenomics_kb.stats.inference.statistics import BlockStatistic, reads_roots


@dataclass(frozen=True)
class CCAResult:
    """Outcome of `permutation_cca`; C = reported components.

    Attributes
    ----------
    correlations : ndarray (C,)
        In-sample canonical correlations of the confound-adjusted data; optimistic by construction.
    p_values : ndarray (C,)
        Family-wise error controlled over components, by closure.
    p_values_uncorrected : ndarray (C,)
    p_value_errors : ndarray (C,)
        Monte-Carlo standard errors of the uncorrected p-values.
    p_values_low, p_values_high : ndarray (C,)
        95 % Monte-Carlo interval of `p_values_uncorrected`; its running maximum over components is
        that of `p_values`.
    draws : ndarray of int (C,)
        Permutations that each p-value rests on.
    statistic : ndarray (C,)
        Observed Wilks or Roy statistic of each trailing block; standardised and maximised over
        candidates where a regularisation was chosen.
    null : ndarray (B, C)
        The same under permutation.
    null_correlations : ndarray (min(B, 99), C)
        Leading canonical correlation of each trailing block under the first permutations. No
        p-value rests on it, and a leading root costs more than the rest of a permutation.
    x_weights, y_weights : ndarray (p, C), (q, C)
        Weights on the input columns; scores have unit variance in the residual space.
    x_loadings, y_loadings : ndarray (p, C), (q, C)
        Structure coefficients: correlation of each adjusted input column with its own variate.
    x_redundancy, y_redundancy : ndarray (C,)
        Share of a side's standardised variance that the other side's variate explains (Stewart &
        Love, Psychological Bulletin 1968): mean squared loading times squared correlation.
    x_scores, y_scores : ndarray (n, C)
        Canonical variates of the subjects, adjusted for confounds.
    x_dim, y_dim : int
        Effective number of variables per side, after rank and PCA.
    x_variance, y_variance : float
        Share of adjusted variance kept by the PCA, 1 without one.
    n, n_effective : int
        Subjects, and rows left after the confounds (N − R).
    n_permutations : int
        Permutations made, the largest of `draws` and rows of `null`.
    smallest_p : float
        Smallest p-value that the exchangeability blocks and the number of permutations allow.
    regularisation : str
        Candidate chosen for the first component, ``"none"`` without a choice.
    method : str
        Residual space and statistic.
    """

    correlations: np.ndarray
    p_values: np.ndarray
    p_values_uncorrected: np.ndarray
    p_value_errors: np.ndarray
    p_values_low: np.ndarray
    p_values_high: np.ndarray
    draws: np.ndarray
    statistic: np.ndarray
    null: np.ndarray
    null_correlations: np.ndarray
    x_weights: np.ndarray
    y_weights: np.ndarray
    x_loadings: np.ndarray
    y_loadings: np.ndarray
    x_redundancy: np.ndarray
    y_redundancy: np.ndarray
    x_scores: np.ndarray
    y_scores: np.ndarray
    x_dim: int
    y_dim: int
    x_variance: float
    y_variance: float
    n: int
    n_effective: int
    n_permutations: int
    smallest_p: float
    regularisation: str
    method: str


@dataclass(frozen=True)
class _Rotated:
    """Bases of both sides rotated to the canonical variates of one candidate."""

    U: np.ndarray
    V: np.ndarray
    left: np.ndarray
    right: np.ndarray
    shrunk: bool


@dataclass(frozen=True)
class _Axes:
    """Components of the chosen candidate, as the fields of the result that bear these names."""

    correlations: np.ndarray
    x_weights: np.ndarray
    y_weights: np.ndarray
    x_loadings: np.ndarray
    y_loadings: np.ndarray
    x_redundancy: np.ndarray
    y_redundancy: np.ndarray
    x_scores: np.ndarray
    y_scores: np.ndarray


@in_one_thread
def permutation_cca(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    confounds: np.ndarray | None = None,
    n_components: int = 3,
    n_permutations: int = 1000,
    blocks: Sequence | np.ndarray | Blocks | None = None,
    statistic: str | StatisticOptions | BlockStatistic = "wilks",
    random_state: int | None = None,
    n_jobs: int | None = None,
    y_confounds: np.ndarray | None = None,
    pca: tuple[int | None, int | None] = (None, None),
    regularisation: Literal["none", "pca", "ridge", "ridge per side", "pls"] = "none",
    grid: Sequence[float] | None = None,
    normal_scores: bool = False,
    unit_rows: bool = False,
    residual_space: SpaceName | ResidualSpace | None = None,
    permutations: np.ndarray | None = None,
    max_permutations: int | None = None,
    alpha: float = 0.05,
) -> CCAResult:
    """Test canonical correlations between two blocks, adjusted for confounds.

    The choices of a permutation test stand side by side, by name and each with a default, because
    notebooks call it; so it has more parameters than other functions.

    Parameters
    ----------
    X : ndarray (n, p)
        Values of n people in p columns.
    Y : ndarray (n, q)
        Values of n people in q columns.
    confounds : ndarray (n, r), optional
        Numeric confounds of both sides (partial CCA). An intercept is always added and dependent
        columns are dropped.
    n_components : int
        Components to report.
    n_permutations : int
        Random permutations B beside the identity.
    blocks : array-like (n,) or Blocks, optional
        Exchangeability blocks such as family ids, or nested levels; see `Exchangeability`.
    statistic : {"wilks", "roy"}, StatisticOptions or callable
        Wilks' lambda of the trailing block, or its largest root; another one by its options, see
        ``foundation.permutation_statistics``, or as a function of the coupling and the roots.
    random_state : int, optional
        The result does not depend on `n_jobs`.
    n_jobs : int, optional
        Processes over permutations; by default the backend in use (`foundation.backends`).
    y_confounds : ndarray (n, s), optional
        Confounds of Y when they differ from those of X (bipartial CCA; an empty array gives part
        CCA).
    pca : tuple of int or None
        Number of principal components to reduce X and Y to, inside the residual space.
    regularisation : {"none", "pca", "ridge", "ridge per side", "pls"}
        Choose a dimension, a ridge penalty, or one for each side from `grid` by the data; the
        choice is made anew in every permutation, so the p-values pay for it. ``"pls"``: partial
        least squares, the axes of largest covariance; correlations are those of its variates.
    grid : sequence of float, optional
        Dimensions, or penalties relative to the mean squared singular value.
    normal_scores : bool
        Rank-based inverse-normal transform of every column first, for heavy tails.
    unit_rows : bool
        Bring the rows of both sides to one length once the confounds are taken out, for people
        whose noise is larger in both; see `stats.inference.unit_rows`.
    residual_space : {"huh-jhun", "family", "theil"} or ResidualSpace, optional
        By default Huh–Jhun without blocks, means and contrasts of families where siblings change
        places (see `FamilySpace`), and Theil for deeper trees and for visits in order of time.
    permutations : ndarray of int (B, N − R of Y), optional
        Rows of the residual space to use instead of random permutations; identity not included.
    max_permutations : int, optional
        Let every component stop once it cannot be significant, and go on to as many permutations
        where its p-value is small (see `sequential_test`); `n_permutations` then decide at `alpha`.
        By default all components get `n_permutations`; so they do where a regularisation is
        chosen, since the choice needs the whole null distribution.
    alpha : float
        Level at which `n_permutations` decide. Default 0.05.

    Returns
    -------
    CCAResult

    Raises
    ------
    InputError
        If N is too small for p + q, sides differ in length, values are missing, the blocks allow
        no permutation, or a statistic, regularisation or residual space is unknown.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=(200, 1))
    >>> X = z + rng.normal(size=(200, 3))
    >>> Y = z + rng.normal(size=(200, 2))
    >>> result = permutation_cca(X, Y, n_permutations=99, random_state=1)
    >>> bool(result.p_values[0] == 0.01), result.n_effective
    (True, 199)
    """
    X, Y = _checked(X, "X"), _checked(Y, "Y")
    n = len(X)
    if len(Y) != n:
        raise InputError(f"X has {n} rows and Y has {len(Y)}", remedy="Align the subjects first.")
    value_of = statistic if callable(statistic) else _block_statistic(statistic)
    if normal_scores:
        X, Y = to_normal_scores(X), to_normal_scores(Y)
    blocks = as_blocks(blocks, n)
    method, shared, spaces = _spaces(residual_space, confounds, y_confounds, blocks, n)
    exchange = Exchangeability(rows_of_space(spaces[1], blocks), spaces[1].size)
    sides = tuple(
        orthonormal_side(project_rows(space, A, unit=unit_rows), dim)
        for space, A, dim in zip(spaces, (X, Y), pca, strict=True)
    )
    size = min(s.size for s in spaces)
    candidates = candidates_of(regularisation, grid, *sides, size=size, n=n)
    rotated = [_rotate(*sides, c, spaces, shared) for c in candidates]
    C = min(n_components, *(min(r.U.shape[1], r.V.shape[1]) for r in rotated))
    identity = np.arange(spaces[1].size)
    problem = (rotated, spaces, shared, C, value_of)
    observed_roots, observed = _statistics(identity, True, *problem)
    budget = Budget.of(n_permutations, max_permutations, alpha)
    if permutations is not None or len(candidates) > 1:
        budget = Budget(n_permutations if permutations is None else len(permutations))
    draws = _draws(permutations, exchange, budget.most, random_state)
    draw = partial(_null, draws, n_jobs, exchange, problem)
    best, chosen, test = _tested(observed, draw, budget)
    null, null_roots = test.null
    uncorrected = test.p_values
    candidate = candidates[chosen[0]]
    axes = _axes(sides, spaces, rotated[chosen[0]], observed_roots[chosen[0]], C)
    return CCAResult(
        **vars(axes),
        p_values=np.maximum.accumulate(uncorrected),
        p_values_uncorrected=uncorrected,
        p_value_errors=monte_carlo_error(uncorrected, test.draws),
        p_values_low=test.low,
        p_values_high=test.high,
        draws=test.draws,
        statistic=best,
        null=null,
        null_correlations=null_roots[:FEWEST],
        x_dim=int((candidate.x > 0).sum()),
        y_dim=int((candidate.y > 0).sum()),
        x_variance=sides[0].variance_kept(candidate.x),
        y_variance=sides[1].variance_kept(candidate.y),
        n=n,
        n_effective=size,
        n_permutations=len(null),
        smallest_p=max(exchange.smallest_p, 1 / (1 + budget.most)),
        regularisation=candidate.name,
        method=f"{method}, {_name(statistic)}" + (", rows of one length" if unit_rows else ""),
    )


def _spaces(residual_space, confounds, y_confounds, blocks: Blocks | None, n: int):
    """Name of the residual space, whether both sides share it, and that of X and of Y."""
    if residual_space is not None and not isinstance(residual_space, str):
        return type(residual_space).__name__.lower(), True, (residual_space, residual_space)
    design_x = independent_design(_optional(confounds, n), n)
    shared = y_confounds is None
    design_y = design_x if shared else independent_design(_optional(y_confounds, n), n)
    name = residual_space or default_space(blocks)
    _refuse_used_up(design_x, "X")
    _refuse_used_up(design_y, "Y")
    space = make_space(design_x, blocks, name)
    return name, shared, (space, space if shared else make_space(design_y, blocks, name))


def _null(draws, n_jobs: int | None, exchange: Exchangeability, problem: tuple, first, last):
    """Roots and statistics (n, n_candidates, C) of permutations first … last − 1.

    Roots of the first ones only; the others are missing.
    """
    tasks = [(draws[i], i < FEWEST) for i in range(first, last)]
    U, V = problem[0][0].U, problem[0][0].V
    found = parallel_loop(
        _permuted, tasks,
        shared=(exchange, *problem),
        chunk=chunk_of(U.shape[0] * U.shape[1] * V.shape[1] * len(problem[0])),
        label="cca: permutations",
        n_jobs=n_jobs,
    )  # fmt: skip
    return tuple(np.stack(part) for part in zip(*found, strict=True))


def _tested(
    observed: np.ndarray, draw, budget: Budget
) -> tuple[np.ndarray, np.ndarray, PermutationTest]:
    """Statistic (C,), the candidate chosen by component, and the test.

    The null distributions of the test are those of the statistic and of the correlation.
    """
    if len(observed) == 1:

        def values_first(first: int, last: int):
            roots, values = draw(first, last)
            return values[:, 0], roots[:, 0]

        chosen = np.zeros(observed.shape[1], dtype=int)
        return observed[0], chosen, sequential_test(observed[0], values_first, budget)
    with one_thread():
        roots, null = draw(0, budget.most)
    best, null, chosen = best_over_candidates(observed, null)
    roots = roots[:, chosen[0]]
    test = sequential_test(best, lambda first, last: (null[first:last], roots[first:last]), budget)
    return best, chosen, test


def _axes(sides, spaces, rotated: _Rotated, correlations: np.ndarray, C: int) -> _Axes:
    """Weights, loadings, redundancies and scores of the components."""
    U, V = rotated.U[:, :C], rotated.V[:, :C]
    # Columns of a Q-projected block are scaled so that scores have unit variance over N − R rows.
    scale_y = np.sqrt(spaces[1].size) / np.linalg.norm(U, axis=0)
    scale_x = np.sqrt(spaces[0].size) / np.linalg.norm(V, axis=0)
    x_weights = sides[0].to_columns @ rotated.right[:, :C] * scale_x
    y_weights = sides[1].to_columns @ rotated.left[:, :C] * scale_y
    flip = np.sign(x_weights[np.abs(x_weights).argmax(axis=0), np.arange(C)])
    flip[flip == 0] = 1
    x_loadings = structure_coefficients(sides[0].data, V) * flip
    y_loadings = structure_coefficients(sides[1].data, U) * flip
    return _Axes(
        correlations=correlations,
        x_weights=x_weights * flip,
        y_weights=y_weights * flip,
        x_loadings=x_loadings,
        y_loadings=y_loadings,
        x_redundancy=(x_loadings**2).mean(axis=0) * correlations**2,
        y_redundancy=(y_loadings**2).mean(axis=0) * correlations**2,
        x_scores=spaces[0].lift(V) * scale_x * flip,
        y_scores=spaces[1].lift(U) * scale_y * flip,
    )


def _block_statistic(statistic: str | StatisticOptions) -> BlockStatistic:
    return STATISTICS.build(STATISTICS.options(statistic))


def _name(statistic: str | StatisticOptions | BlockStatistic) -> str:
    return getattr(statistic, "__name__", None) or str(statistic)


def _checked(A, name: str) -> np.ndarray:
    A = np.asarray(A, dtype=float)
    if A.ndim != 2 or A.shape[1] == 0:
        raise InputError(
            f"{name} has shape {A.shape}", remedy="Give a table of subjects × variables."
        )
    bad = int((~np.isfinite(A)).any(axis=1).sum())
    if bad:
        raise InputError(
            f"{name} holds missing or infinite values",
            subjects=bad,
            of=len(A),
            remedy="Impute or drop these subjects first.",
        )
    return A


def _optional(Z, n: int) -> np.ndarray | None:
    if Z is None or np.size(Z) == 0:
        return None
    Z = np.asarray(Z, dtype=float)
    Z = Z[:, None] if Z.ndim == 1 else Z
    Z = _checked(Z, "confounds")
    if len(Z) != n:
        raise InputError(
            f"confounds have {len(Z)} rows for {n} subjects", remedy="Align them first."
        )
    return Z


def _refuse_used_up(design: np.ndarray, name: str) -> None:
    n, rank = design.shape
    if rank >= n - 1:
        raise InputError(
            f"{rank} independent confounds (intercept included) of {name} leave {n - rank} of {n} "
            "degrees of freedom",
            remedy="Use fewer confounds or more subjects.",
        )


def _rotate(side_x, side_y, candidate, spaces, shared) -> _Rotated:
    """Canonical variates of a candidate: full SVD of the coupling of the shrunken bases."""
    x, y = candidate.x > 0, candidate.y > 0
    shrink_x, shrink_y = candidate.x[x], candidate.y[y]
    bases = side_y.basis[:, y] * shrink_y, side_x.basis[:, x] * shrink_x
    left, _, right = svd(_between(*bases, spaces, shared), full_matrices=True)
    to_y, to_x = np.zeros((len(y), len(left))), np.zeros((len(x), len(right)))
    to_y[y], to_x[x] = shrink_y[:, None] * left, shrink_x[:, None] * right.T
    shrunk = bool((shrink_x < 1).any() or (shrink_y < 1).any())
    return _Rotated(bases[0] @ left, bases[1] @ right.T, to_y, to_x, shrunk)


def _between(U: np.ndarray, V: np.ndarray, spaces: tuple[ResidualSpace, ResidualSpace], shared):
    """``U' Q_y' Q_x V``; with one residual space Q'Q is the identity."""
    if shared:
        return U.T @ V
    return spaces[1].lift(U).T @ spaces[0].lift(V)


def _draws(permutations, exchange: Exchangeability, n_permutations: int, random_state):
    """Seeds of random permutations, or the permutations given."""
    if permutations is None:
        return seeds_of_draws(random_state, n_permutations)
    permutations = np.asarray(permutations)
    rows = np.arange(exchange.n)
    if permutations.ndim != 2 or (np.sort(permutations, axis=1) != rows).any():
        raise InputError(
            f"permutations of shape {permutations.shape} are not permutations of the "
            f"{exchange.n} rows of the residual space",
            remedy="Give one permutation of 0 … N − R − 1 per row.",
        )
    return permutations


def _permuted(task, exchange, rotated, spaces, shared, C, value_of: BlockStatistic):
    draw, rooted = task
    rows = draw if np.ndim(draw) else exchange.draw(np.random.default_rng(draw))
    return _statistics(rows, rooted, rotated, spaces, shared, C, value_of)


def _statistics(
    rows, rooted: bool, rotated: list[_Rotated], spaces, shared, C: int, value_of: BlockStatistic
):
    """Correlations and statistics (n_candidates, C) with the rows of Y rearranged.

    Correlations are missing where they are not asked for (`rooted`).
    """
    roots, values = [], []
    unknown = np.full(C, np.nan)
    for r in rotated:
        U = r.U.take(rows, axis=0)
        G = _between(U, r.V, spaces, shared)
        wanted = reads_roots(value_of) or (rooted and not r.shrunk)
        root = trailing_roots(G, C) if wanted else unknown
        values.append(value_of(G, root))
        shrunk = rooted and r.shrunk
        roots.append(_variate_correlations(G, U, r.V, C) if shrunk else root)
    return np.stack(roots), np.stack(values)


def _variate_correlations(G, U, V, C: int) -> np.ndarray:
    """Correlation of the leading variates of each trailing block, where roots are shrunken."""
    out = np.empty(C)
    for k in range(C):
        left, _, right = svd(G[k:, k:], full_matrices=False)
        u, v = U[:, k:] @ left[:, 0], V[:, k:] @ right[0]
        out[k] = left[:, 0] @ G[k:, k:] @ right[0] / (np.linalg.norm(u) * np.linalg.norm(v))
    return out
