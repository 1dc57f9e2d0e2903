"""Methods by name, unknown names refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from neurogenomics_kb.foundation.errors import InputError, listing, nearest

T = TypeVar("T")


def choose(name: str, known: Mapping[str, T], what: str) -> T:
    """What stands under a name.

    Parameters
    ----------
    name : str
        As a card, a catalog entry or a parameter writes it.
    known : mapping of str to object
        Everything there is.
    what : str
        What is being chosen, for the message (``pooling``, ``scaling``).

    Raises
    ------
    InputError
        If there is nothing under that name; says what there is.

    Examples
    --------
    >>> choose("mean", {"mean": min, "last": max}, "pooling") is min
    True
    """
    if name not in known:
        raise InputError(
            f"{what}: there is no '{name}'{nearest(str(name), known)}",
            column=what,
            remedy=f"Known are {listing(known, len(known))}.",
        )
    return known[name]
