"""Blocks and projections, which are stored as one table each and loaded when they are wanted."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from neurogenomics_kb.registry.recipe import Recipe

Partitions = dict[str, Callable[[], pd.DataFrame] | pd.DataFrame]


def load_all(partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load every partition."""
    return {name: load() if callable(load) else load for name, load in partitions.items()}


def load_blocks(recipe: Recipe, partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load blocks in the experiment's order, which partitions on disk do not keep."""
    loaded = load_all(partitions)
    return {name: loaded[name] for name in recipe.blocks if name in loaded}
