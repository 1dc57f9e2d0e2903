"""A permutation statistic: the sum of squared roots of a block, powered."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.permutation_statistics import StatisticOptions


class SquaredRootsOptions(StatisticOptions):
    type: Literal["squared_roots"]
    power: float = 1.0


def build(options: SquaredRootsOptions):
    def squared_roots(G: np.ndarray, roots: np.ndarray) -> np.ndarray:
        sums = [np.square(G[k:, k:]).sum() for k in range(len(roots))]
        return np.array(sums) ** options.power

    return squared_roots
