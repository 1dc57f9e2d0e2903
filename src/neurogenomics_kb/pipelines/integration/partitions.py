"""Blocks and projections, which are stored as one table each and loaded when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from neurogenomics_kb.registry.recipe import Recipe

Partitions = dict[str, Callable[[], pd.DataFrame] | pd.DataFrame]


def load_all(partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load every partition."""
    return {name: load() if callable(load) else load for name, load in partitions.items()}


class OneAtATime(Mapping[str, pd.DataFrame]):
    """Partitions that are read when they are wanted, and not kept.

    Parameters
    ----------
    partitions : dict
        Tables, or functions that load them, by name.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Load one table."""
        found = self._partitions[name]
        return found() if callable(found) else found

    def __iter__(self) -> Iterator[str]:
        """Names of the tables."""
        return iter(self._partitions)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._partitions)


def load_blocks(recipe: Recipe, partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load blocks in the experiment's order, which partitions on disk do not keep."""
    loaded = load_all(partitions)
    return {name: loaded[name] for name in recipe.blocks if name in loaded}
