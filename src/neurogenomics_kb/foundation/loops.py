"""One loop for work that consists of many parts: permutations, folds, fits, recordings.

The cut of the work into chunks is fixed, every draw has a seed of its own, one thread of the
numerical libraries works in each process, and results come in order: so they depend neither on the
number nor on the kind of workers. Workers compute and return; files, tracking and disclosure belong
to the process that loops.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.backends import Workers, active_backend, enter_worker
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.packing import pack, unpack
from neurogenomics_kb.foundation.progress import Progress
from neurogenomics_kb.foundation.threads import one_thread

logger = logging.getLogger(__name__)

# Workers that a chunk may take with it. From the second on it is sent out alone, so that the third
# cannot be the fault of another.
MOST_DEATHS = 3
# Seconds after which to look around although nothing came back.
TICK = 10.0
# Chunks that are begun before an earlier one is done, in multiples of what is worked on at a time:
# results that wait for a slow one must not fill the memory.
AHEAD = 8


@dataclass
class Spent:
    """Processor time of all workers of this process so far, in seconds."""

    cpu_s: float = 0.0


SPENT = Spent()


def seeds_of_draws(random_state: int | None, n: int) -> np.ndarray:
    """One seed per draw (n,), so that a draw is the same wherever and whenever it is made.

    Parameters
    ----------
    random_state : int, optional
        Seed of the seeds.
    n : int
        Number of draws.
    """
    return np.random.default_rng(random_state).integers(2**63, size=n)


def parallel_loop(
    function: Callable[..., Any],
    tasks: Sequence[Any],
    *,
    shared: tuple = (),
    chunk: int = 1,
    label: str = "",
    n_jobs: int | None = None,
) -> list[Any]:
    """What a function gives for every task, in the order of the tasks.

    Parameters
    ----------
    function : callable
        ``function(task, *shared)``. It must not change what it is given.
    tasks : sequence
        What differs from call to call.
    shared : tuple
        What all calls need, such as large arrays: it goes to the workers once.
    chunk : int
        Tasks that are worked on together, so that a chunk takes a good part of a second; fixed by
        the caller, never by the number of workers.
    label : str
        What is done, for the log: ``cca: permutations``. Short work says nothing.
    n_jobs : int, optional
        So many processes in place of the backend in use.

    Returns
    -------
    list

    Raises
    ------
    InputError
        If a chunk ended its worker three times.

    Examples
    --------
    >>> parallel_loop(pow, [1, 2, 3], shared=(2,))
    [1, 4, 9]
    """
    return list(
        iterate_loop(function, tasks, shared=shared, chunk=chunk, label=label, n_jobs=n_jobs)
    )


def iterate_loop(
    function: Callable[..., Any],
    tasks: Sequence[Any],
    *,
    shared: tuple = (),
    chunk: int = 1,
    label: str = "",
    n_jobs: int | None = None,
) -> Iterator[Any]:
    """As `parallel_loop`, results as they come, so that not all of them are in memory.

    Parameters
    ----------
    function : callable
        ``function(task, *shared)``. It must not change what it is given.
    tasks : sequence
        What differs from call to call.
    shared : tuple
        What all calls need.
    chunk : int
        Tasks that are worked on together.
    label : str
        What is done, for the log.
    n_jobs : int, optional
        So many processes in place of the backend in use.

    Yields
    ------
    object
        In the order of the tasks.
    """
    tasks = list(tasks)
    chunks = [tasks[first : first + chunk] for first in range(0, len(tasks), chunk)]
    backend, progress = active_backend(n_jobs), Progress(label, len(tasks))
    done, workers = 0, None
    while done < len(chunks):
        # Nothing is known before the first chunk; afterwards the rest is worth workers or is not.
        if backend.worth_s == 0 or progress.rest_s() > backend.worth_s:
            workers = backend.workers()
            break
        results = _work(function, chunks[done], shared)
        progress.add(len(results))
        done += 1
        yield from results
    if workers is not None:
        loop = _Loop(workers, chunks[done:], label or function.__name__, chunk * done, progress)
        yield from loop.results((function, shared))


def _work(function: Callable[..., Any], tasks: Sequence[Any], shared: tuple) -> list[Any]:
    """One chunk, in one thread."""
    with one_thread():
        return [function(task, *shared) for task in tasks]


def work_packed(payload: tuple, tasks: bytes) -> tuple[bytes, float]:
    """One chunk in a worker: packed results and processor time.

    Parameters
    ----------
    payload : tuple
        The function and what all its calls share.
    tasks : bytes
        Packed tasks.
    """
    enter_worker()
    start = time.process_time()
    function, shared = payload
    results = pack(_work(function, unpack(tasks), shared))
    return results, time.process_time() - start


class _Loop:
    """Chunks that are handed out to workers, and again where a worker was lost.

    Parameters
    ----------
    workers : Workers
        Who works.
    chunks : list of list
        Tasks.
    label : str
        What is done.
    first : int
        Tasks that were done before.
    progress : Progress
        Is told what is done.
    """

    def __init__(
        self, workers: Workers, chunks: list[list], label: str, first: int, progress: Progress
    ) -> None:
        self.workers, self.chunks, self.label = workers, chunks, label
        self.first, self.progress = first, progress
        self.waiting = list(range(len(chunks)))
        self.out: dict[Future, int] = {}
        self.deaths = dict.fromkeys(self.waiting, 0)

    def results(self, payload: tuple) -> Iterator[Any]:
        """Results of all chunks, in order."""
        self.workers.open(payload)
        found: dict[int, list] = {}
        try:
            for number in range(len(self.chunks)):
                while number not in found:
                    self._hand_out(number)
                    found.update(self._collect())
                yield from found.pop(number)
        finally:
            for future in self.out:
                future.cancel()
            self.workers.release()

    def _hand_out(self, next_one: int) -> None:
        """As many chunks as there are workers; one alone if it is under suspicion."""
        size = self.workers.size()
        suspects = [c for c in self.waiting if self.deaths[c] >= MOST_DEATHS - 1]
        if suspects or any(self.deaths[c] >= MOST_DEATHS - 1 for c in self.out.values()):
            wanted = [] if self.out else suspects[:1]
        else:
            near = [c for c in self.waiting if c < next_one + AHEAD * max(1, size)]
            wanted = near[: max(0, size - len(self.out))]
        for number in wanted:
            try:
                future = self.workers.submit(pack(self.chunks[number]))
            except Exception as error:
                if not self.workers.deaths(error):
                    raise
                self.workers.renew()  # it was idle workers that died
                return
            self.waiting.remove(number)
            self.out[future] = number

    def _collect(self) -> dict[int, list]:
        """Results of what is done; what was lost waits again."""
        done = wait(self.out, timeout=TICK, return_when=FIRST_COMPLETED).done
        self.progress.tell()
        if self.workers.die_together and any(self._deaths_of(future) for future in done):
            done = wait(self.out).done
        found, lost = {}, {}
        for future in done:
            deaths, number = self._deaths_of(future), self.out.pop(future)
            if deaths:
                lost[number] = deaths
            else:
                results, seconds = future.result()
                found[number] = unpack(bytearray(results))
                SPENT.cpu_s += seconds
                self.progress.add(len(found[number]))
        if lost:
            self._again(lost)
        return found

    def _deaths_of(self, future: Future) -> int:
        """How many workers a chunk ended, if it did."""
        try:
            error = future.exception()
        except CancelledError as cancelled:
            error = cancelled
        return 0 if error is None else self.workers.deaths(error)

    def _again(self, lost: dict[int, int]) -> None:
        """Hand lost chunks out once more, unless one ended too many workers."""
        for number, deaths in sorted(lost.items()):
            self.deaths[number] += deaths
            if self.deaths[number] >= MOST_DEATHS:
                raise self._refuse(number)
        logger.warning(
            "%s: a worker ended in mid-work; %d chunks are done again", self.label, len(lost)
        )
        self.waiting = sorted([*self.waiting, *lost])
        self.workers.renew()

    def _refuse(self, number: int) -> InputError:
        before = self.first + sum(map(len, self.chunks[:number]))
        last = before + len(self.chunks[number])
        which = f"part {last}" if last == before + 1 else f"parts {before + 1} to {last}"
        return InputError(
            f"{self.label}: {which} ended their worker {MOST_DEATHS} times, most likely for want "
            "of memory",
            remedy="Use fewer workers (`compute.n_jobs`) or give them more memory; the system's "
            "log says who ended them.",
        )
