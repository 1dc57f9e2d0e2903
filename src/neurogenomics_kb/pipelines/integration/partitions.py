"""Blocks and projections, which are stored as one table each and loaded when they are wanted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from neurogenomics_kb.registry.recipe import Recipe

Partitions = Mapping[str, Callable[[], pd.DataFrame] | pd.DataFrame]

# What was loaded last stays, up to as many bytes: the tables of a fold are read several times.
REMEMBERED = 512_000_000


class Lazily(Mapping[str, pd.DataFrame]):
    """Partitions by name, each loaded when it is asked for.

    All projections of a large cohort take several times the memory of its largest block, and
    nothing reads more than those of one fold at a time.

    Parameters
    ----------
    partitions : mapping of str to callable or DataFrame
        As the catalog gives them; tables in memory stay as they are.
    remembered : int
        Bytes of loaded tables that are kept, the last ones that were asked for. Default 512 MB.
    """

    def __init__(self, partitions: Partitions, remembered: int = REMEMBERED) -> None:
        self._partitions, self._remembered = partitions, remembered
        self._loaded: OrderedDict[str, tuple[pd.DataFrame, int]] = OrderedDict()

    def __getitem__(self, name: str) -> pd.DataFrame:
        load = self._partitions[name]
        if not callable(load):
            return load
        if name in self._loaded:
            self._loaded.move_to_end(name)
            return self._loaded[name][0]
        table = load()
        self._loaded[name] = (table, int(table.memory_usage(deep=False).sum()))
        while sum(size for _, size in self._loaded.values()) > self._remembered:
            self._loaded.popitem(last=False)
        return table

    def __contains__(self, name: object) -> bool:
        return name in self._partitions  # without loading it

    def __iter__(self) -> Iterator[str]:
        return iter(self._partitions)

    def __len__(self) -> int:
        return len(self._partitions)


def blocks_in_turn(recipe: Recipe, partitions: Partitions) -> Lazily:
    """Blocks in the experiment's order, which partitions on disk do not keep; none is kept."""
    return Lazily({n: partitions[n] for n in recipe.blocks if n in partitions}, remembered=0)


def load_blocks(recipe: Recipe, partitions: Partitions) -> dict[str, pd.DataFrame]:
    """Load blocks in the experiment's order."""
    return dict(blocks_in_turn(recipe, partitions))
