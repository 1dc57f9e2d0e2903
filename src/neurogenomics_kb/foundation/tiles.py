"""Parts of large matrices, so that no step holds a second copy of one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Numbers in a part: 32 MB. What is smaller is one part.
TILE = 2**22


def tiles(length: int, width: int) -> Iterator[slice]:
    """Slices of one side of a matrix that hold about `TILE` numbers each.

    Parameters
    ----------
    length : int
        Of the side that is cut.
    width : int
        Of the other.
    """
    step = max(1, TILE // max(width, 1))
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def column_squares(A: np.ndarray) -> np.ndarray:
    """Sum of squares of every column (p,), without a copy of the matrix beside it.

    Parameters
    ----------
    A : ndarray (n, p)
        Numbers.
    """
    found = np.empty(A.shape[1], A.dtype)
    for columns in tiles(A.shape[1], len(A)):
        part = A[:, columns]
        found[columns] = (part * part).sum(axis=0)
    return found
