"""Do a person's blocks find each other among people like him? Recall at k within bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, Level
from neurogenomics_kb.stats.inference.permutation import interval_of_p_value, permutation_p_value

SMALLEST = 10
COLUMNS = ["k", "recall", "chance", "p_value", "p_low", "p_high"]


@dataclass(frozen=True)
class Retrieval:
    """Recall of held-out pairs.

    Attributes
    ----------
    table : DataFrame
        A row for every k: ``recall`` (mean of both directions), ``chance`` (its mean where pairs
        mean nothing and nobody is alike), ``p_value`` and the 95 % Monte-Carlo interval of it,
        ``p_low`` to ``p_high``.
    people, bins : int
        That were compared.
    left_out : int
        People in bins that are too small.
    fixed : int
        People who keep their partner in every permutation, since their family lies in several bins.
    n_permutations : int
        Permutations behind every p.
    """

    table: pd.DataFrame
    people: int
    bins: int
    left_out: int
    fixed: int
    n_permutations: int


def join_labels(*labels: Sequence) -> np.ndarray:
    """One bin for every combination of labels, such as site and ancestry.

    Parameters
    ----------
    *labels : sequence (n,)
        Labels of the same people.

    Returns
    -------
    ndarray of int (n,)

    Examples
    --------
    >>> join_labels(["x", "x", "y", "y"], ["a", "b", "a", "a"]).tolist()
    [0, 1, 2, 2]
    """
    table = pd.DataFrame({str(i): np.asarray(each) for i, each in enumerate(labels)})
    return table.groupby(list(table), sort=True, dropna=False).ngroup().to_numpy()


def retrieval(
    left: np.ndarray,
    right: np.ndarray,
    *,
    bins: np.ndarray | None,
    groups: np.ndarray | None = None,
    ks: Sequence[int] = (1, 5, 10),
    n_permutations: int = 999,
    smallest: int = SMALLEST,
    seed: int = 0,
) -> Retrieval:
    """Recall at k of a person's other block among people of his bin, with a permutation p.

    Whoever shares a site or an ancestry is alike in both blocks, so that partners stand out in a
    gallery of all people and under free permutations without anything personal being shared (20 of
    20 cohorts that share sites only are rejected). Galleries and permutations therefore stay inside
    bins. Brothers and sisters stay together: families of one size inside a bin change places as
    wholes, and their members inside (Winkler et al. 2015). Of equal similarities the partner's
    counts as the smallest. Its parameters are those of the statistic and of the test.

    Parameters
    ----------
    left, right : ndarray (n, d)
        Embeddings of two blocks of people that nothing was fitted on; row i of both is one person.
    bins : ndarray (n,) or None
        Site and ancestry, see `join_labels`; None puts everybody into one bin, which is right
        only where people have neither.
    groups : ndarray (n,), optional
        Families.
    ks : sequence of int
        Lengths of the list in which the partner is looked for.
    n_permutations : int
        Permutations; p is never below ``1 / (1 + n_permutations)``.
    smallest : int
        People of a bin with fewer are left out.
    seed : int
        Of the permutations.

    Returns
    -------
    Retrieval

    Raises
    ------
    InputError
        If no bin is large enough, or there is one permutation only.
    """
    labels = np.zeros(len(left), dtype=int) if bins is None else join_labels(bins)
    sizes = np.bincount(labels)[labels]
    kept = np.flatnonzero(sizes >= max(smallest, 2))
    if not len(kept):
        raise InputError(
            f"the largest bin of site and ancestry has {sizes.max(initial=0)} people, and "
            f"{max(smallest, 2)} are asked for",
            subjects=len(left),
            remedy="Join sites or ancestries, or hold out more people.",
        )
    labels = np.unique(labels[kept], return_inverse=True)[1]
    ranks = _Ranks(_unit(left[kept]), _unit(right[kept]), labels)
    exchange, fixed = _exchange(labels, None if groups is None else np.asarray(groups)[kept])
    rng = np.random.default_rng(seed)
    own = np.arange(len(kept))
    observed = ranks.recall(own, ks)
    null = np.array([ranks.recall(exchange.draw(rng), ks) for _ in range(n_permutations)])
    p = permutation_p_value(observed, null)
    low, high = interval_of_p_value(p, n_permutations)
    members = np.bincount(labels)[labels]
    chance = [float(np.minimum(1, k / members).mean()) for k in ks]
    table = pd.DataFrame(
        dict(zip(COLUMNS, (list(ks), observed, chance, p, low, high), strict=True))
    )
    return Retrieval(
        table, len(kept), int(labels.max()) + 1, len(left) - len(kept), fixed, n_permutations
    )


class _Ranks:
    """Rank of everybody in the gallery of everybody of his bin; a permutation only looks it up."""

    def __init__(self, left: np.ndarray, right: np.ndarray, labels: np.ndarray) -> None:
        n = len(labels)
        self.place, self.start = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
        of_left, of_right, filled = [], [], 0
        for label in range(labels.max() + 1):
            rows = np.flatnonzero(labels == label)
            likeness = left[rows] @ right[rows].T
            # Whoever is as near as the partner stands before him.
            of_left.append(rankdata(-likeness, method="max", axis=1).ravel())
            of_right.append(rankdata(-likeness.T, method="max", axis=1).ravel())
            self.place[rows] = np.arange(len(rows))
            self.start[rows] = filled + np.arange(len(rows)) * len(rows)
            filled += len(rows) ** 2
        self.of_left, self.of_right = np.concatenate(of_left), np.concatenate(of_right)

    def recall(self, partner: np.ndarray, ks: Sequence[int]) -> np.ndarray:
        """Share of people found among the first k (len(ks),), if `partner` were theirs."""
        found = self.of_left[self.start + self.place[partner]]
        sought = self.of_right[self.start[partner] + self.place]
        return np.array([((found <= k).mean() + (sought <= k).mean()) / 2 for k in ks])


def _exchange(labels: np.ndarray, groups: np.ndarray | None) -> tuple[Exchangeability, int]:
    """Permutations inside bins, and how many people they leave where they are."""
    n = len(labels)
    if groups is None:
        return Exchangeability(Blocks((Level(labels, exchange=False),)), n), 0
    families = np.unique(groups, return_inverse=True)[1]
    found = pd.DataFrame({"family": families, "bin": labels})
    several = found.groupby("family")["bin"].nunique().to_numpy()[families] > 1
    # Neither the family can move as a whole nor its members for themselves.
    outer = np.where(several, labels.max() + 1 + np.arange(n), labels)
    inner = np.where(several, families.max() + 1 + np.arange(n), families)
    levels = Level(outer, exchange=False), Level(inner)
    return Exchangeability(Blocks(levels), n), int(several.sum())


def _unit(E: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(E, axis=1, keepdims=True)
    return E / np.where(length > 0, length, 1)
