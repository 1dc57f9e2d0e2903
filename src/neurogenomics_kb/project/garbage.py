"""Python's search for garbage in cycles, put off while libraries are loaded.

Loading Kedro, MLflow and scikit-learn makes a million objects that stay. Python searches all of
them again and again for garbage, a fifth of the time that a short run takes to start; and once more
whenever the run has made many objects of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Searches of the middle generation before one of everything.
SELDOM, PYTHONS_OWN = 1_000, 10


@contextmanager
def search_seldom() -> Iterator[None]:
    """Search everything for garbage a hundred times more seldom, until `forget_what_stays`."""
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def forget_what_stays() -> None:
    """Inside `search_seldom`: search as often as by default, but not what is there already.

    Elsewhere, as in a notebook that runs pipelines again and again, nothing happens: what is
    garbage by now would never be found.
    """
    young, middle, old = gc.get_threshold()
    if old == SELDOM:
        gc.freeze()
        gc.set_threshold(young, middle, PYTHONS_OWN)
