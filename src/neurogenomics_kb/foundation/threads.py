"""One thread of the numerical libraries where matrices are small, all of them elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

from threadpoolctl import threadpool_limits

# Read by the numerical libraries when a process loads them.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


# How many `one_thread` are open, and how many modules were loaded when the last one looked for
# libraries: looking takes milliseconds, and what a loop enters thousands of times must not.
_open, _modules = 0, 0


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of the numerical libraries inside, as many as before afterwards.

    On matrices of a permutation test threads wait for one another: with two of them, a permutation
    takes many times the processor time. Processes are what cores are for.
    """
    global _open, _modules
    # Inside another one there is nothing to do, unless a library may have been loaded since.
    limits = nullcontext()
    if not _open or len(sys.modules) != _modules:
        limits = threadpool_limits(limits=1)
        _modules = len(sys.modules)
    _open += 1
    try:
        with limits:
            yield
    finally:
        _open -= 1


def in_one_thread(function: Callable) -> Callable:
    """The function with `one_thread` around every call.

    Parameters
    ----------
    function : callable
        A test whose matrices are small, its preparation included.
    """

    @wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        with one_thread():
            return function(*arguments, **named)

    return wrapped
