"""Which rows may change places: free rows, families, visits within children, fixed sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln

from neurogenomics_kb.foundation.errors import InputError


@dataclass(frozen=True)
class Level:
    """One level of nesting.

    Attributes
    ----------
    labels : ndarray (n,)
        Unit of this level (site, family, child) that every row belongs to.
    exchange : bool
        Whether units of this level may change places as wholes, with units of the same inner
        structure inside the same outer unit. False keeps them where they are.
    """

    labels: np.ndarray
    exchange: bool = True


@dataclass(frozen=True)
class Blocks:
    """Nested levels, outermost first, and what the rows of an innermost unit may do.

    Attributes
    ----------
    levels : tuple of Level
    exchange_rows : bool
        Whether rows inside an innermost unit may change places (siblings may, visits in order of
        time may not).
    kinds : ndarray (n,), optional
        Rows replace only rows of the same kind, for instance of the same wave.
    """

    levels: tuple[Level, ...]
    exchange_rows: bool = True
    kinds: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Blocks:
        """The same structure on some of the rows."""
        return Blocks(
            tuple(Level(np.asarray(level.labels)[rows], level.exchange) for level in self.levels),
            self.exchange_rows,
            None if self.kinds is None else np.asarray(self.kinds)[rows],
        )


def as_blocks(blocks, n: int) -> Blocks | None:
    """Labels (n,) as one level that moves as a whole and within; `Blocks` and None as they are.

    Raises
    ------
    InputError
        If a level has another length, or units of an inner level lie in several outer ones.
    """
    if blocks is None:
        return None
    if not isinstance(blocks, Blocks):
        blocks = Blocks((Level(np.asarray(blocks)),))
    for level in blocks.levels:
        if len(level.labels) != n:
            raise InputError(
                f"{len(level.labels)} block labels for {n} subjects", remedy="Give one per row."
            )
    for outer, inner in zip(blocks.levels[:-1], blocks.levels[1:], strict=True):
        pairs = pd.DataFrame({"outer": outer.labels, "inner": inner.labels}).drop_duplicates()
        straddling = int((pairs["inner"].value_counts() > 1).sum())
        if straddling:
            raise InputError(
                f"{straddling} units of an inner exchangeability level lie in several units of "
                "the outer one",
                subjects=n,
                remedy="Order the levels from the outermost inwards, or make the labels unique.",
            )
    return blocks


class Exchangeability:
    """Random permutations under a nested block structure (Winkler et al., NeuroImage 2015).

    Whole-block, within-block and multi-level restrictions are one tree: at every level units with
    equal inner structure may change places inside their parent, if the level says so.
    doi:10.1016/j.neuroimage.2015.05.092

    Parameters
    ----------
    blocks : array-like (n,), Blocks or None
        Labels alone mean restricted exchangeability of siblings: families of one size change
        places and their members change places inside. None means that all rows are free.
    n : int
        Number of rows.

    Raises
    ------
    InputError
        If the only valid permutation is the identity.

    Examples
    --------
    >>> families = Exchangeability(["a", "a", "b", "b", "c"], 5)
    >>> round(np.exp(families.log_count))  # two pairs swap, and inside each pair the two
    8
    >>> site = Level(np.array(["x", "x", "y", "y"]), exchange=False)
    >>> round(np.exp(Exchangeability(Blocks((site,)), 4).log_count))
    4
    """

    def __init__(self, blocks, n: int) -> None:
        self.n = n
        structure = as_blocks(blocks, n)
        # Sibling groups by depth, deepest first: positions (groups, members, rows of a member).
        self._groups: list[np.ndarray] = []
        if structure is None:
            self._groups = [np.arange(n)[None, :, None]] if n > 1 else []
        else:
            self._groups = _sibling_groups(structure, n)
        if self.log_count == 0.0:
            raise InputError(
                f"the blocks allow a single permutation of {n} rows, so nothing can be tested",
                remedy="Give at least two blocks of one size, or blocks with several members.",
            )

    @property
    def log_count(self) -> float:
        """Natural logarithm of the number of valid permutations."""
        return float(sum(len(g) * gammaln(g.shape[1] + 1) for g in self._groups))

    @property
    def smallest_p(self) -> float:
        """Smallest p-value that any number of permutations can reach."""
        return float(np.exp(-self.log_count))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One random permutation: position i receives row ``draw(rng)[i]``."""
        source = np.arange(self.n)
        for positions in self._groups:  # inside units first, then the units as wholes
            order = rng.random(positions.shape[:2]).argsort(axis=1)
            source[positions] = source[positions][np.arange(len(positions))[:, None], order]
        return source


def _sibling_groups(structure: Blocks, n: int) -> list[np.ndarray]:
    codes = [pd.factorize(np.asarray(level.labels), use_na_sentinel=False)[0]
             for level in structure.levels]  # fmt: skip
    kinds = np.zeros(n, dtype=int)
    if structure.kinds is not None:
        kinds = pd.factorize(np.asarray(structure.kinds), use_na_sentinel=False)[0]
    found: dict[tuple[int, int, int], list[np.ndarray]] = {}
    names: dict[tuple, int] = {}

    def group(depth: int, members: Sequence[np.ndarray]) -> None:
        if len(members) > 1:
            key = (depth, len(members), len(members[0]))
            found.setdefault(key, []).append(np.stack(members))

    def visit(rows: np.ndarray, depth: int) -> tuple[int, np.ndarray]:
        """Name of the node's shape and its rows in the order in which equal shapes match."""
        if depth == len(codes):
            exchange = structure.exchange_rows
            children = [(int(kinds[row]), rows[i : i + 1]) for i, row in enumerate(rows)]
        else:
            exchange = structure.levels[depth].exchange
            own = pd.factorize(codes[depth][rows])[0]
            order = np.argsort(own, kind="stable")
            parts = np.split(rows[order], np.cumsum(np.bincount(own))[:-1])
            children = [visit(part, depth + 1) for part in parts]
        if exchange:
            children.sort(key=lambda child: child[0])
            shapes = np.array([shape for shape, _ in children])
            for shape in np.unique(shapes):
                group(depth, [children[i][1] for i in np.flatnonzero(shapes == shape)])
        signature = (depth, exchange, tuple(shape for shape, _ in children))
        return names.setdefault(signature, len(names)), np.concatenate([c[1] for c in children])

    visit(np.arange(n), 0)
    return [np.stack(found[key]) for key in sorted(found, key=lambda key: -key[0])]
