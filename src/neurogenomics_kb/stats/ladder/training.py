"""What trained rungs share without a network: held-out families, batches, sane inner folds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.inputs import Splits


def hold_out(groups: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions to train on, and whole families of about a share of the people to stop by.

    Parameters
    ----------
    groups : ndarray (n,)
        Family of every person.
    fraction : float
        Share of the people that is held out.
    seed : int
        Which families are.

    Returns
    -------
    train, held_out : ndarray of int

    Raises
    ------
    InputError
        If there are fewer than four families, two for each side: a person then has nobody to be
        told from.
    """
    families, codes = np.unique(groups, return_inverse=True)
    if len(families) < 4:
        raise InputError(
            f"{len(families)} families give batches without negatives, since relatives are not "
            "told apart",
            subjects=len(groups),
            remedy="Give at least four families; check the column that names the family.",
        )
    order = np.random.default_rng(seed).permutation(len(families))
    people = np.cumsum(np.bincount(codes)[order])
    last = int(np.searchsorted(people, fraction * len(groups))) + 1
    chosen = order[: min(max(last, 2), len(families) - 2)]
    held = np.isin(codes, chosen)
    return np.flatnonzero(~held), np.flatnonzero(held)


def draw_batches(n: int, size: int, seed: tuple[int, ...]) -> list[np.ndarray]:
    """Random batches of nearly equal size, at most `size` each.

    Parameters
    ----------
    n : int
        People.
    size : int
        Largest batch.
    seed : tuple of int
        Of this epoch, so that a resumed training draws what it would have drawn.
    """
    order = np.random.default_rng(seed).permutation(n)
    return np.array_split(order, -(-n // size))


def refuse_inner_class(y: np.ndarray, splits: Splits) -> None:
    """Refuse inner folds that cannot choose anything, by their number.

    Parameters
    ----------
    y : ndarray (n,)
        Classes.
    splits : list of (train, test)
        Inner folds.

    Raises
    ------
    InputError
        If a side of a fold has one class.
    """
    for number, (train, test) in enumerate(splits, start=1):
        for side, rows in (("trains on", train), ("tests on", test)):
            found = np.unique(y[rows])
            if len(found) < 2:
                which = f"class {found[0]:g}" if len(found) else "nobody"
                raise InputError(
                    f"inner fold {number} of {len(splits)} {side} {which} alone",
                    subjects=len(rows),
                    of=len(y),
                    remedy="Use fewer inner folds, or an outcome with more of the other class.",
                )


def refuse_not_finite(features: Mapping[str, np.ndarray], columns: Mapping) -> None:
    """Refuse values that no training survives, by block and column.

    Parameters
    ----------
    features : mapping of str to ndarray (n, p)
        Blocks.
    columns : mapping of str to sequence of str (p,)
        Their columns.

    Raises
    ------
    InputError
    """
    for block, values in features.items():
        bad = ~np.isfinite(values)
        if bad.any():
            first = int(bad.any(axis=0).argmax())
            raise InputError(
                f"block '{block}' has values that are not finite",
                column=str(columns[block][first]),
                subjects=int(bad.any(axis=1).sum()),
                of=len(values),
                remedy="Impute them in the strategy of this block.",
            )
