"""Do texts about genes, regions or scales fit what a block or an axis of it is made of?

Every test permutes the texts among the units: units are taken as exchangeable under the null
hypothesis that a unit's text has nothing to do with its place in the block. Units that share a text
(the two hemispheres of a region) are therefore one unit here, and must be merged before.

Mantel, Cancer Research 1967, 27:209-220, is the test of two matrices of similarities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.permutation import permutation_p_value

# 5! = 120 orders of the texts: the smallest p is below 0.01.
MIN_UNITS = 5
# Orders inside of groups with which a p-value can be below 0.05 at all.
ENOUGH = 100
# Penalty of the map to the texts, relative to the mean eigenvalue of the units' kernel.
PENALTY = 1.0


@dataclass(frozen=True)
class AxisDescription:
    """Outcome of `describe_axis`, one entry per concept.

    Attributes
    ----------
    statistics : ndarray (c,)
        Correlation over units of the strength in the axis and the likeness of text and concept.
    p_values : ndarray (c,)
        One-sided, of each concept alone.
    p_adjusted : ndarray (c,)
        Family-wise over the concepts, by the largest statistic.
    p_within : ndarray (c,)
        The same from texts that are permuted inside groups of units only; gaps without groups.
    order : ndarray (c,)
        Positions of the concepts, the largest statistic first.
    """

    statistics: np.ndarray
    p_values: np.ndarray
    p_adjusted: np.ndarray
    p_within: np.ndarray
    order: np.ndarray


@dataclass(frozen=True)
class SpaceAlignment:
    """Outcome of `space_alignment`.

    Attributes
    ----------
    n_units : int
        Units with a text.
    likeness : float
        Correlation of the two matrices of similarities, over pairs of units.
    likeness_null : float
        Its mean under permutation.
    likeness_p : float
        One-sided, by permuted texts.
    likeness_within, rank_within : float
        The p-values from texts that are permuted inside groups of units only; gaps without groups.
    rank : float
        Mean rank of a unit's own text among all, by a map fitted to the other units: 1 where it is
        always the nearest, 0 where always the farthest.
    rank_null : float
        Its mean under permutation, about 0.5.
    rank_p : float
        One-sided, by permuted texts.
    recall : float
        Share of units whose own text is among the `nearest`.
    nearest : int
        A tenth of the texts, at least one.
    """

    n_units: int
    likeness: float
    likeness_null: float
    likeness_p: float
    likeness_within: float
    rank: float
    rank_null: float
    rank_p: float
    rank_within: float
    recall: float
    nearest: int


def describe_axis(
    strengths: np.ndarray,
    unit_texts: np.ndarray,
    concept_texts: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    n_permutations: int = 1000,
    random_state: int | None = None,
) -> AxisDescription:
    """Concepts whose texts lie near the texts of the units that an axis is made of.

    Parameters
    ----------
    strengths : ndarray (u,)
        Size of each unit in the axis, without a sign.
    unit_texts : ndarray (u, d)
        Vector of each unit's text.
    concept_texts : ndarray (c, d)
        Vector of each concept's text.
    groups : array-like (u,), optional
        Larger whole of each unit, such as a lobe. Units of one group are alike in size and in text
        anyway; what is left inside of groups is tested beside.
    n_permutations : int
        Permutations of the texts among the units. Default 1000.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    AxisDescription

    Raises
    ------
    InputError
        If there are fewer than five units, or strengths or likenesses do not vary.
    """
    strengths = np.asarray(strengths, dtype=float)
    _check_units(len(strengths), unit_texts)
    # Vectors of language models lie in a narrow cone; its middle tells nothing apart.
    middle = np.vstack([unit_texts, concept_texts]).mean(axis=0)
    near = _unit_length(unit_texts - middle) @ _unit_length(concept_texts - middle).T
    a, b = _standard(strengths[:, None], "strengths"), _standard(near, "likenesses of the texts")
    observed = (a.T @ b)[0]
    rng = np.random.default_rng(random_state)
    null = np.array([a[rng.permutation(len(a)), 0] @ b for _ in range(n_permutations)])
    within = np.full(len(observed), np.nan)
    if groups is not None and _orders_within(groups) >= ENOUGH:
        inside = np.array(
            [a[_permute_within(rng, groups), 0] @ b for _ in range(n_permutations)]
        ).max(axis=1, keepdims=True)
        within = permutation_p_value(observed, inside)
    return AxisDescription(
        statistics=observed,
        p_values=permutation_p_value(observed, null),
        p_adjusted=permutation_p_value(observed, null.max(axis=1, keepdims=True)),
        p_within=within,
        order=np.argsort(-observed, kind="stable"),
    )


def space_alignment(
    similarity: np.ndarray,
    unit_texts: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    n_permutations: int = 1000,
    random_state: int | None = None,
) -> SpaceAlignment:
    """Are units that are alike in a block units whose texts are alike?

    Parameters
    ----------
    similarity : ndarray (u, u)
        Inner products of the units' vectors in the block, however many dimensions these have;
        positive semidefinite.
    unit_texts : ndarray (u, d)
        Vector of each unit's text.
    groups : array-like (u,), optional
        Larger whole of each unit, as for `describe_axis`.
    n_permutations : int
        Permutations of the texts among the units. Default 1000.
    random_state : int, optional
        Seed of the random numbers.

    Returns
    -------
    SpaceAlignment

    Raises
    ------
    InputError
        If there are fewer than five units, or all are equally alike.
    """
    K = np.asarray(similarity, dtype=float)
    _check_units(len(K), unit_texts)
    # Texts share most of their direction; what tells them apart is what is compared.
    T = _unit_length(unit_texts - np.mean(unit_texts, axis=0))
    G = T @ T.T
    upper = np.triu_indices(len(K), 1)
    alike = _standard(K[upper][:, None], "similarities of the units")[:, 0]
    _standard(G[upper][:, None], "similarities of the texts")
    W = leave_one_out_weights(K)
    observed = _both(alike, W, G, upper)
    rng = np.random.default_rng(random_state)

    def drawn(order_of: Callable[[], np.ndarray]) -> np.ndarray:
        """Both statistics for texts in random orders."""
        orders = (order_of() for _ in range(n_permutations))
        return np.array([_both(alike, W, G[np.ix_(o, o)], upper) for o in orders])

    null = drawn(lambda: rng.permutation(len(K)))
    likeness_p, rank_p = permutation_p_value(np.array(observed), null)
    inside = np.full(2, np.nan)
    if groups is not None and _orders_within(groups) >= ENOUGH:
        nearby = drawn(lambda: _permute_within(rng, groups))
        inside = permutation_p_value(np.array(observed), nearby)
    places = _places(W, G)
    nearest = max(1, round(len(K) / 10))
    return SpaceAlignment(
        n_units=len(K),
        likeness=observed[0],
        likeness_null=float(null[:, 0].mean()),
        likeness_p=float(likeness_p),
        likeness_within=float(inside[0]),
        rank=observed[1],
        rank_null=float(null[:, 1].mean()),
        rank_p=float(rank_p),
        rank_within=float(inside[1]),
        recall=float(np.mean(places < nearest)),
        nearest=nearest,
    )


def leave_one_out_weights(K: np.ndarray, penalty: float = PENALTY) -> np.ndarray:
    """Weights by which the texts of the other units predict each unit's own.

    Ridge regression in its kernel form, with an intercept, fitted anew without each unit. Row i
    times the texts is how the prediction of unit i departs from the mean of the others: that mean
    itself lies opposite to the unit's own text, and would put it last by chance.

    Parameters
    ----------
    K : ndarray (u, u)
        Inner products of the units' vectors.
    penalty : float
        Ridge penalty relative to the mean eigenvalue. Default 1.

    Returns
    -------
    ndarray (u, u)
        Zero on the diagonal; rows sum to zero.
    """
    n = len(K)
    W = np.zeros((n, n))
    for i in range(n):
        others = np.delete(np.arange(n), i)
        inner, mine = K[np.ix_(others, others)], K[i, others]
        # Centred by the other units alone.
        mean = inner.mean(axis=0)
        centred = inner - mean - mean[:, None] + mean.mean()
        own = mine - mine.mean() - (mean - mean.mean())
        ridge = penalty * np.trace(centred) / len(others)
        solved = np.linalg.solve(centred + ridge * np.eye(len(others)), own)
        W[i, others] = solved - solved.mean()
    return W


def _orders_within(groups: np.ndarray) -> float:
    """How many orders the units have that keep everybody in the own group."""
    _, sizes = np.unique(np.asarray(groups), return_counts=True)
    return float(np.prod([math.factorial(min(int(n), 10)) for n in sizes]))


def _permute_within(rng: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """An order of the units in which everybody stays in the own group."""
    order = np.arange(len(groups))
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        order[places] = rng.permutation(places)
    return order


def _both(alike: np.ndarray, W: np.ndarray, G: np.ndarray, upper: tuple) -> tuple[float, float]:
    """Correlation of likenesses, and mean rank of the own texts, for texts in one order."""
    texts = G[upper] - G[upper].mean()
    likeness = float(alike @ texts / np.sqrt(texts @ texts))
    return likeness, float(1 - np.mean(_places(W, G)) / (len(G) - 1))


def _places(W: np.ndarray, G: np.ndarray) -> np.ndarray:
    """How many texts are nearer to each prediction than the unit's own; a tie counts half."""
    near = W @ G
    own = np.diag(near)[:, None]
    tied = np.isclose(near, own, rtol=1e-9, atol=1e-12)
    return np.where(tied, 0.5, near > own).sum(axis=1) - 0.5


def _check_units(n: int, texts: np.ndarray) -> None:
    """Refuse few units, or texts of other units."""
    if n != len(texts) or n < MIN_UNITS:
        raise InputError(
            f"{n} units and {len(texts)} texts; at least {MIN_UNITS} units with a text each are "
            "needed",
            remedy="Write texts for more units of the block.",
        )


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length one; one of no length stays."""
    vectors = np.asarray(vectors, dtype=float)
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(size > 0, size, 1.0)


def _standard(columns: np.ndarray, what: str) -> np.ndarray:
    """Columns with mean zero and length one, so that products are correlations."""
    centred = columns - columns.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    if (size <= 1e-12 * np.maximum(1.0, np.linalg.norm(columns, axis=0))).any():
        raise InputError(
            f"the {what} do not vary over the units", remedy="Write texts that differ."
        )
    return centred / size
