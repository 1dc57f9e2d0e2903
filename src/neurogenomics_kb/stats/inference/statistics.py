"""Statistics of the trailing blocks of canonical variates.

Which there are stands in ``foundation.permutation_statistics``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurogenomics_kb.stats.inference.canonical import wilks

# From the coupling of the variates (q × p) and the largest roots (C,) to values (C,).
BlockStatistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


def wilks_of_blocks(G: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """``−ln det(I − G_k G_k')`` of each trailing block; of the roots only their number is read."""
    return wilks(G, len(roots))


# Roots cost more than everything else in a permutation, so a statistic that says so goes without.
wilks_of_blocks.reads_roots = False


def reads_roots(statistic: BlockStatistic) -> bool:
    """Whether a statistic needs the largest root of every block; one that does not say so does."""
    return getattr(statistic, "reads_roots", True)


def largest_roots(G: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Largest root of each trailing block."""
    return roots


def build_wilks(options) -> BlockStatistic:
    """Wilks' lambda."""
    return wilks_of_blocks


def build_roy(options) -> BlockStatistic:
    """Roy's largest root."""
    return largest_roots
