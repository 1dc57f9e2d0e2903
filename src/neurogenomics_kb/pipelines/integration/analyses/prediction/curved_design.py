"""The richer design of a fold: covariates with curves and products, and blocks without them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.stats.confounds import add_intercept

# Variant in which curves and products stand beside the covariates and are taken out of blocks.
CURVED = "curved"
# Training people per column of the richer design, below which it is not fitted.
PEOPLE_PER_COLUMN = 4


def curved_covariates(projections: dict[str, pd.DataFrame], fold: int) -> np.ndarray:
    """Covariates as the card has them, then their curves and products (n, columns)."""
    parts = [projections[f"covariates-{variant}-{fold}"] for variant in ("adjusted", CURVED)]
    return np.hstack([part.to_numpy() for part in parts])


def can_be_curved(projections: dict[str, pd.DataFrame], trains: list[np.ndarray]) -> bool:
    """Whether every fold has curves or products, and people enough to fit them."""
    return all(
        projections[f"covariates-{CURVED}-{fold}"].shape[1] > 0
        and curved_covariates(projections, fold).shape[1] * PEOPLE_PER_COLUMN <= len(train)
        for fold, train in enumerate(trains)
    )


def without_curves(block: np.ndarray, design: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What the richer design leaves of the columns of a block, fitted on training people.

    Parameters
    ----------
    block : ndarray (n, d)
        A block after its recipe, which took out straight lines.
    design : ndarray (n, c)
        See `curved_covariates`.
    train : ndarray of int
        Positions of training people.
    """
    full = add_intercept(design)
    return block - full @ np.linalg.lstsq(full[train], block[train], rcond=None)[0]
