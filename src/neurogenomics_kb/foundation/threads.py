"""One thread of the numerical libraries where matrices are small, all of them elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy  # noqa: F401  its library is among those that are counted below
from threadpoolctl import threadpool_info, threadpool_limits

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


# Multiplications from which several threads help one another instead of waiting: a second's work.
LARGE = 3e10


def one_thread() -> AbstractContextManager:
    """One thread of the numerical libraries inside, as many as before afterwards.

    On matrices of a permutation test threads wait for one another: with two of them, a permutation
    takes many times the processor time. Processes are what cores are for.
    """
    return threadpool_limits(limits=1)


def in_one_thread(function: Callable) -> Callable:
    """The function with `one_thread` around every call.

    Parameters
    ----------
    function : callable
        A test whose matrices are small, its preparation included.
    """
    return threadpool_limits.wrap(limits=1)(function)


def large_product(multiplications: float) -> AbstractContextManager:
    """All threads of the process inside, where a product is large; as they are where it is not.

    For the one large step of work that is otherwise done `in_one_thread`. Threads that the
    environment or a worker took away stay away.

    Parameters
    ----------
    multiplications : float
        Of numbers, in the product or decomposition.
    """
    if multiplications < LARGE:
        return nullcontext()
    return threadpool_limits(limits=OWN_THREADS)


# Before anything limits them.
OWN_THREADS = {each["prefix"]: each["num_threads"] for each in threadpool_info()}
