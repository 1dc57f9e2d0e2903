"""One loop for work that consists of many parts: permutations, folds, fits, recordings.

The cut of the work into chunks is fixed, every draw has a seed of its own, one thread of the
numerical libraries works in each process, and results come in order: so they depend neither on the
number nor on the kind of workers. Workers compute and return; files, tracking and disclosure belong
to the process that loops.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.backends import Workers, active_backend, enter_worker
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.packing import pack, unpack
from neurogenomics_kb.foundation.progress import Progress
from neurogenomics_kb.foundation.threads import one_thread

logger = logging.getLogger(__name__)

# Workers that a chunk may take with it for certain. Where one that dies takes the others along, a
# chunk that was lost as often as SUSPECT goes out alone: it is the one, or was beside it each time.
MOST_DEATHS, SUSPECT = 3, 2
# Multiplications of a chunk, and tasks of one however small they are.
CHUNK_OF_WORK, MOST_IN_CHUNK = 4e9, 500
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


def chunk_of(multiplications: float) -> int:
    """Tasks to work on together, so that a chunk takes about a fifth of a second.

    By the size of the work and never by a clock, so that the cut is the same on every machine.

    Parameters
    ----------
    multiplications : float
        Of numbers, in one task.
    """
    return max(1, int(CHUNK_OF_WORK / max(float(multiplications), CHUNK_OF_WORK / MOST_IN_CHUNK)))


def parallel_loop(
    function: Callable[..., Any],
    tasks: Iterable[Any],
    *,
    shared: tuple = (),
    chunk: int = 1,
    total: int | None = None,
    label: str = "",
    n_jobs: int | None = None,
) -> list[Any]:
    """What a function gives for every task, in the order of the tasks.

    Parameters
    ----------
    function : callable
        ``function(task, *shared)``. It must not change what it is given.
    tasks : iterable
        What differs from call to call. Tasks of a generator are made when a worker is free for
        them, so that large ones are never in memory together.
    shared : tuple
        What all calls need, such as large arrays: it goes to the workers once.
    chunk : int
        Tasks that are worked on together, so that a chunk takes a good part of a second; fixed by
        the caller, never by the number of workers.
    total : int, optional
        Number of tasks, where they have no length.
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
    settings = {"chunk": chunk, "total": total, "label": label, "n_jobs": n_jobs}
    return list(iterate_loop(function, tasks, shared=shared, **settings))


def iterate_loop(
    function: Callable[..., Any],
    tasks: Iterable[Any],
    *,
    shared: tuple = (),
    chunk: int = 1,
    total: int | None = None,
    label: str = "",
    n_jobs: int | None = None,
) -> Iterator[Any]:
    """As `parallel_loop`, results as they come, so that not all of them are in memory.

    Parameters
    ----------
    function : callable
        ``function(task, *shared)``. It must not change what it is given.
    tasks : iterable
        What differs from call to call.
    shared : tuple
        What all calls need.
    chunk : int
        Tasks that are worked on together.
    total : int, optional
        Number of tasks, where they have no length.
    label : str
        What is done, for the log.
    n_jobs : int, optional
        So many processes in place of the backend in use.

    Yields
    ------
    object
        In the order of the tasks.
    """
    total = len(tasks) if isinstance(tasks, Sized) else total
    if total is None:
        raise TypeError("the tasks have no length; give their number as total")
    backend, progress = active_backend(n_jobs), Progress(label, total)
    left, workers = -(-total // chunk), None
    chunks = _cut(tasks, chunk)
    while left:
        # Nothing is known before the first chunk; afterwards the rest is worth workers or is not.
        if backend.worth_s == 0 or progress.rest_s() > backend.worth_s:
            workers = backend.workers()
            break
        results = _work(function, next(chunks), shared)
        progress.add(len(results))
        left -= 1
        yield from results
    if workers is not None:
        loop = _Loop(workers, chunks, left, label or function.__name__, progress)
        yield from loop.results((function, shared))


def _cut(tasks: Iterable[Any], chunk: int) -> Iterator[list[Any]]:
    """Tasks in lists of one size."""
    tasks = iter(tasks)
    while some := list(islice(tasks, chunk)):
        yield some


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
    chunks : iterator of list
        Tasks; a chunk is made when a worker is free for it.
    left : int
        Number of chunks.
    label : str
        What is done.
    progress : Progress
        Knows what was done before, and is told what is done.
    """

    def __init__(
        self,
        workers: Workers,
        chunks: Iterator[list],
        left: int,
        label: str,
        progress: Progress,
    ) -> None:
        self.workers, self.label, self.progress = workers, label, progress
        self.fresh, self.left = enumerate(chunks), left
        self.done_before = progress.done
        # Packed chunks that are out or wait for another worker, and where they come from.
        self.packed: dict[int, bytes] = {}
        self.sizes: dict[int, int] = {}
        self.again: list[int] = []
        self.out: dict[Future, int] = {}
        self.lost: Counter[int] = Counter()
        self.deaths: Counter[int] = Counter()

    def results(self, payload: tuple) -> Iterator[Any]:
        """Results of all chunks, in order."""
        self.workers.open(payload)
        found: dict[int, list] = {}
        try:
            for number in range(self.left):
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
        while len(self.out) < size:
            suspects = [c for c in self.again if self.lost[c] >= SUSPECT]
            alone = any(self.lost[c] >= SUSPECT for c in self.out.values())
            if alone or (suspects and self.out):
                return
            number = self._next(suspects or self.again, next_one + AHEAD * size)
            if number is None:
                return
            try:
                self.out[self.workers.submit(self.packed[number])] = number
            except Exception as error:
                self.again.append(number)
                if not self.workers.deaths(error):
                    raise
                self.workers.renew()  # it was idle workers that died
                return

    def _next(self, again: list[int], limit: int) -> int | None:
        """The next chunk below a limit: one that was lost, or a fresh one."""
        if again:
            number = min(again)
            self.again.remove(number)
            return number
        if len(self.sizes) >= min(limit, self.left):
            return None
        number, tasks = next(self.fresh)
        self.packed[number], self.sizes[number] = pack(tasks), len(tasks)
        return number

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
                continue
            results, seconds = future.result()
            found[number] = unpack(bytearray(results))
            del self.packed[number]
            SPENT.cpu_s += seconds
            self.progress.add(len(found[number]))
        if lost:
            self._lose(lost)
        return found

    def _deaths_of(self, future: Future) -> int:
        """How many workers a chunk ended, if it did."""
        try:
            error = future.exception()
        except CancelledError as cancelled:
            error = cancelled
        return 0 if error is None else self.workers.deaths(error)

    def _lose(self, lost: dict[int, int]) -> None:
        """Hand lost chunks out once more, unless one ended too many workers."""
        certain = len(lost) == 1 or not self.workers.die_together
        for number, deaths in sorted(lost.items()):
            self.lost[number] += self.workers.die_together
            self.deaths[number] += certain * deaths
            if self.deaths[number] >= MOST_DEATHS:
                raise self._refuse(number)
        logger.warning(
            "%s: a worker ended in mid-work; chunks done again: %d", self.label, len(lost)
        )
        self.again += lost
        self.workers.renew()

    def _refuse(self, number: int) -> InputError:
        before = self.done_before + sum(self.sizes[n] for n in range(number))
        last = before + self.sizes[number]
        which = f"part {last}" if last == before + 1 else f"parts {before + 1} to {last}"
        return InputError(
            f"{self.label}: {which} ended their worker {MOST_DEATHS} times, most likely for want "
            "of memory",
            remedy="Use fewer workers (`compute.n_jobs`) or give them more memory; the system's "
            "log says who ended them.",
        )
