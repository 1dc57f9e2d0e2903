"""Ours and the alternative side by side: agreement first, then processor time and memory.

Both run in this process in the order A B B A, so that a machine that others use slows both alike,
with one thread of BLAS and no worker process. A ratio is ours to the alternative's of one turn;
reported are its median and quartiles. Time is that of the processor, child processes included. Peak
memory is what Python and NumPy allocate during a call of its own, before any is timed.
"""

from __future__ import annotations

import resource
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from neurogenomics_kb.foundation.backends import use_backend

Record = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes
    ----------
    run : callable
        What is timed; its result goes to the check of agreement.
    without : callable, optional
        Preparations that `run` contains and that are no part of the comparison; their time is
        subtracted.
    parts : int or float
        What one call does of the whole: times are divided by it, and told per part.
    """

    run: Callable[[], Any]
    without: Callable[[], Any] | None = None
    parts: float = 1.0

    def seconds(self) -> float:
        """Processor seconds of a part."""
        spent = timed(self.run)
        if self.without is not None:
            spent -= timed(self.without)
        return max(spent, 1e-9) / self.parts


def processor_time() -> float:
    """Seconds of this process and of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(task: Callable[[], Any]) -> float:
    """Processor seconds of a call."""
    start = processor_time()
    task()
    return processor_time() - start


def with_peak(task: Callable[[], Any]) -> tuple[Any, float]:
    """Result of a call, and the MB that it held at most beyond what was there."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = task()
        return result, (tracemalloc.get_traced_memory()[1] - before) / 1e6
    finally:
        tracemalloc.stop()


def compare(
    name: str,
    ours: Side,
    other: Side,
    *,
    size: str,
    alternative: str,
    agree: Callable[[Any, Any], str],
    turns: int = 5,
    note: str = "",
) -> Record:
    """Run both, check that they agree, and time them in turns.

    Parameters
    ----------
    name : str
        What is compared.
    ours, other : Side
        The two.
    size : str
        Of the problem.
    alternative : str
        Name of the other.
    agree : callable
        Takes both results; raises where they differ, and says how near they are.
    turns : int
        Pairs of calls; half of them begin with the other.
    note : str
        What a reader must know of the comparison.

    Returns
    -------
    dict
        ``name, size, alternative, ours_s, other_s, ratio, spread, peak_ours_mb, peak_other_mb,
        agreement, turns, note``; `ratio` is ours to the other's, `spread` its quartiles.
    """
    with threadpool_limits(1), use_backend("serial"):
        mine, mine_peak = with_peak(ours.run)
        theirs, theirs_peak = with_peak(other.run)
        agreement = agree(mine, theirs)
        times = np.empty((turns, 2))
        for turn in range(turns):
            order = ((0, ours), (1, other)) if turn % 2 == 0 else ((1, other), (0, ours))
            for column, side in order:
                times[turn, column] = side.seconds()
    ratios = times[:, 0] / times[:, 1]
    return {
        "name": name,
        "size": size,
        "alternative": alternative,
        "ours_s": round_to(np.median(times[:, 0])),
        "other_s": round_to(np.median(times[:, 1])),
        "ratio": round_to(np.median(ratios)),
        "spread": [round_to(each) for each in np.quantile(ratios, [0.25, 0.75])],
        "peak_ours_mb": round_to(mine_peak),
        "peak_other_mb": round_to(theirs_peak),
        "agreement": agreement,
        "turns": turns,
        "note": note,
    }


def round_to(value: float, digits: int = 3) -> float:
    """Value with so many significant digits."""
    return float(f"{float(value):.{digits}g}")


def skipped(name: str, alternative: str, why: str) -> Record:
    """A comparison that this machine cannot make, by name."""
    return {"name": name, "alternative": alternative, "skipped": why}


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    return find_spec(module) is not None


def near(tolerance: float, what: str = "largest difference") -> Callable[[Any, Any], str]:
    """Agreement of arrays within a tolerance.

    Parameters
    ----------
    tolerance : float
        Largest difference that is allowed.
    what : str
        What the number is called.
    """

    def check(mine: Any, theirs: Any) -> str:
        gap = float(np.max(np.abs(np.asarray(mine, float) - np.asarray(theirs, float))))
        if not gap <= tolerance:
            raise AssertionError(f"{what} {gap:.3g}, allowed are {tolerance:g}")
        return f"{what} {gap:.1e}" if gap else "equal"

    return check
