"""A residual space that stays exchangeable when family members resemble one another.

Theil residuals keep their subject, but once confounds are removed, siblings' covariance is no
longer the same in every family, and with few unrelated subjects the test rejects too often (0.106
instead of 0.05 with 180 people in families of two to four). Here families are rotated first: a
family of m becomes its mean and m − 1 contrasts (Helmert). If families of one size share a
covariance and siblings are exchangeable, means of families of one size have one variance, contrasts
another, and all are uncorrelated; so confounds are removed inside each of these classes by
Huh–Jhun's method, and rows change places freely inside a class. With unrelated people this is
Huh–Jhun's method itself.

Families nest: the means of sibships of one size inside one extended family have contrasts of their
own, which no sibling's contrast mixes with (15 families of five pairs: Theil rejects 0.09).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import helmert, svd
from scipy.sparse import csr_matrix

from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.inference.exchangeability import Blocks
from neurogenomics_kb.stats.inference.residual_space import HuhJhun
from neurogenomics_kb.stats.inference.unit_rows import unit_rows

# With fewer, the rate of families of 1 to 8 of unequal likeness is 0.073 instead of 0.060 at 0.05.
ROWS_PER_CONFOUND = 3


class FamilySpace:
    """Residuals of family means and contrasts, class by class.

    Parameters
    ----------
    design : ndarray (n, R)
        Confounds, intercept included.
    family : ndarray (n,) or (n, L)
        Family of every subject; nested ones from the outermost inwards.
    outer : ndarray (n,), optional
        Fixed outer units (sites) whose members do not leave them.

    Attributes
    ----------
    classes : ndarray of int (size,)
        Class of every row of the residual space.
    """

    def __init__(
        self, design: np.ndarray, family: np.ndarray, outer: np.ndarray | None = None
    ) -> None:
        self.n = len(design)
        self.design = design
        self._turn, labels = _means_and_contrasts(
            np.asarray(family).reshape(self.n, -1),
            np.zeros(self.n) if outer is None else np.asarray(outer),
        )
        rotated = self._turn @ design
        self._rows, self._spaces, self._bases, classes = [], [], [], []
        for key in range(labels.max() + 1):
            rows = np.flatnonzero(labels == key)
            basis = _column_space(rotated[rows])
            if len(rows) - basis.shape[1] < 1:
                continue  # the confounds use this class up
            self._rows.append(rows)
            self._spaces.append(HuhJhun(basis) if basis.shape[1] else None)
            self._bases.append(basis)
            classes.append(np.full(len(rows) - basis.shape[1], len(classes)))
        self.classes = np.concatenate(classes) if classes else np.empty(0, dtype=int)

    @property
    def size(self) -> int:
        """Number of rows of the residual space."""
        return len(self.classes)

    @property
    def rank(self) -> int:
        """Degrees of freedom given up."""
        return self.n - self.size

    def project(self, Y: np.ndarray) -> np.ndarray:
        """``Q'Y``: (n, q) to (size, q)."""
        return self._projected(Y, lambda rows, basis: rows)

    def project_unit_rows(self, Y: np.ndarray) -> np.ndarray:
        """The same of directions: means and contrasts are brought to one length inside a class.

        Classes of few rows for their confounds are zero: the fit passes through some of their rows,
        which then have no length, and the same ones in every block.
        """
        return self._projected(Y, _directions)

    def _projected(self, Y: np.ndarray, scaled: Callable) -> np.ndarray:
        Y = np.asarray(Y, dtype=float)
        out, start = np.empty((self.size, Y.shape[1])), 0
        for rows, space, basis in zip(self._rows, self._spaces, self._bases, strict=True):
            # The rotated rows of one class at a time.
            part = scaled(self._turn[rows] @ Y, basis)
            end = start + (len(rows) if space is None else space.size)
            for tile in tiles(part.shape[1], len(part)):
                own = part[:, tile]
                out[start:end, tile] = own if space is None else space.project(own)
            start = end
        return out

    def lift(self, U: np.ndarray) -> np.ndarray:
        """``QU``: (size, q) to (n, q)."""
        rotated = np.zeros((self._turn.shape[0], U.shape[1]))
        start = 0
        for rows, space in zip(self._rows, self._spaces, strict=True):
            size = len(rows) if space is None else space.size
            part = U[start : start + size]
            rotated[rows] = part if space is None else space.lift(part)
            start += size
        return self._turn.T @ rotated


@dataclass(frozen=True)
class _Vector:
    """A combination of subjects that moves as one: a subject, or the mean of like members."""

    shape: tuple
    rows: np.ndarray
    weights: np.ndarray


def _means_and_contrasts(families: np.ndarray, outer: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """Orthonormal combinations of subjects (m, n), and the class of each.

    Inside a unit, like members give contrasts and one mean. A unit with members of several kinds
    (sibships of two sizes) keeps the mean of the commonest kind: the others would be correlated
    with it, and are given up.
    """
    found: list[tuple[tuple, _Vector]] = []
    codes = np.column_stack(
        [pd.factorize(outer)[0], *(pd.factorize(column)[0] for column in families.T)]
    )
    order = np.lexsort(codes.T[::-1])

    def split(rows: np.ndarray, depth: int) -> list[np.ndarray]:
        own = codes[rows, depth]
        return np.split(rows, np.flatnonzero(np.diff(own)) + 1)

    def visit(rows: np.ndarray, depth: int, place: int) -> _Vector:
        if depth == codes.shape[1]:
            members = [_Vector((), rows[i : i + 1], np.ones(1)) for i in range(len(rows))]
        else:
            members = [visit(part, depth + 1, place) for part in split(rows, depth)]
        kinds: dict[tuple, list[_Vector]] = {}
        for member in members:
            kinds.setdefault(member.shape, []).append(member)
        for shape, alike in kinds.items():
            for line in helmert(len(alike)):
                key = (place, "contrast", depth, shape)
                found.append((key, _combined(shape, alike, line)))
        alike = max(kinds.values(), key=len)
        return _combined(
            (depth, *sorted((shape, len(kind)) for shape, kind in kinds.items())),
            alike,
            np.full(len(alike), len(alike) ** -0.5),
        )

    for place, rows in enumerate(split(order, 0)):
        for family in split(rows, 1):
            whole = visit(family, 2, place)
            found.append(((place, "mean", whole.shape), whole))
    names: dict[tuple, int] = {}
    labels = np.array([names.setdefault(key, len(names)) for key, _ in found])
    vectors = [vector for _, vector in found]
    starts = np.concatenate([[0], np.cumsum([len(v.rows) for v in vectors])])
    turn = csr_matrix(
        (
            np.concatenate([v.weights for v in vectors]),
            np.concatenate([v.rows for v in vectors]),
            starts,
        ),
        shape=(len(vectors), len(outer)),
    )
    return turn, labels


def _combined(shape: tuple, members: list[_Vector], weights: np.ndarray) -> _Vector:
    used = [(m, w) for m, w in zip(members, weights, strict=True) if w]
    return _Vector(
        shape,
        np.concatenate([m.rows for m, _ in used]),
        np.concatenate([m.weights * w for m, w in used]),
    )


def _directions(rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    if len(rows) < ROWS_PER_CONFOUND * basis.shape[1]:
        return np.zeros(rows.shape)
    return unit_rows(rows, basis)


def _column_space(A: np.ndarray) -> np.ndarray:
    left, values, _ = svd(A, full_matrices=False)
    scale = max(float(values[0]) if len(values) else 0.0, 1.0)
    return left[:, values > 1e-8 * scale]


def sibling_structure(blocks: Blocks | None) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Families and fixed outer labels, if the structure is that of exchangeable siblings.

    Returns
    -------
    families : ndarray (n, L)
        Nested families, from the outermost inwards.
    outer : ndarray (n,) or None
        Innermost of the fixed units around them.

    None instead of both for a fixed level inside one that moves, and for rows that may not change
    places (visits in order of time).
    """
    if blocks is None or not blocks.exchange_rows or blocks.kinds is not None:
        return None
    fixed = [level for level in blocks.levels if not level.exchange]
    moving = blocks.levels[len(fixed) :]
    if not moving or not all(level.exchange for level in moving):
        return None
    families = np.column_stack([pd.factorize(np.asarray(level.labels))[0] for level in moving])
    return families, (np.asarray(fixed[-1].labels) if fixed else None)
