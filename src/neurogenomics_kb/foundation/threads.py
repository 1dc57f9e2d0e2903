"""One thread of the numerical libraries where matrices are small, all of them elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy  # noqa: F401  its library is among those that are counted below
from threadpoolctl import ThreadpoolController, threadpool_info

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


@dataclass
class _State:
    """What is open in this process.

    Attributes
    ----------
    open : int
        How many `one_thread`.
    always : int
        How many of them hold for large products too.
    modules : int
        Modules that were loaded when libraries were last looked for: looking takes milliseconds,
        and what a loop enters thousands of times must not.
    libraries : ThreadpoolController or None
        The libraries that were found.
    """

    open: int = 0
    always: int = 0
    modules: int = 0
    libraries: ThreadpoolController | None = None

    def limit(self, limits, user_api: str | None = None) -> AbstractContextManager:
        """Limit the threads of the libraries that are loaded now."""
        if self.libraries is None or len(sys.modules) != self.modules:
            self.libraries, self.modules = ThreadpoolController(), len(sys.modules)
        return self.libraries.limit(limits=limits, user_api=user_api)


_state = _State()


@contextmanager
def one_thread(*, always: bool = False) -> Iterator[None]:
    """One thread of the numerical libraries inside, as many as before afterwards.

    On matrices of a permutation test threads wait for one another: with two of them, a permutation
    takes many times the processor time. Processes are what cores are for.

    Parameters
    ----------
    always : bool
        For a `large_product` too, as in the parts of a loop: sums of several threads differ in the
        last digits, and a result must not depend on where it was computed.
    """
    # Inside another one there is nothing to do, unless a library may have been loaded since.
    limits = nullcontext()
    if not _state.open or len(sys.modules) != _state.modules:
        limits = _state.limit(1)
    _state.open += 1
    _state.always += always
    try:
        with limits:
            yield
    finally:
        _state.open -= 1
        _state.always -= always


def threads_where_they_help() -> AbstractContextManager:
    """One thread of the linear algebra inside, but for what `large_product` marks.

    Around a whole run: most matrices of a cohort of hundreds are so small that a second thread only
    waits. Other libraries, as those of encoders, keep their threads.
    """
    return _state.limit(1, user_api="blas")


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


@contextmanager
def large_product(multiplications: float) -> Iterator[None]:
    """All threads of the process inside, where a product is large; as they are where it is not.

    For the one large step of work that is otherwise done `in_one_thread`. Threads that the
    environment, a worker or a loop took away stay away.

    Parameters
    ----------
    multiplications : float
        Of numbers, in the product or decomposition.
    """
    if multiplications < LARGE or _state.always:
        yield
        return
    before, _state.open = _state.open, 0
    try:
        with _state.limit(OWN_THREADS):
            yield
    finally:
        _state.open = before


# Before anything limits them.
OWN_THREADS = {each["prefix"]: each["num_threads"] for each in threadpool_info()}
