"""Where loops run: in this process, in processes of this machine, or on a Dask cluster.

The choice is made once, by ``compute`` in the project's parameters or by `use_backend` in Python,
and changes no result (`neurogenomics_kb.foundation.loops`).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from joblib import cpu_count
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from neurogenomics_kb.foundation.choices import Part, Parts
from neurogenomics_kb.foundation.errors import InputError


class Workers(Protocol):
    """What a backend offers to a loop.

    Attributes
    ----------
    die_together : bool
        Whether a worker that dies takes the chunks of the others with it.
    """

    die_together: bool

    def size(self) -> int:
        """Chunks to hand out at a time; 0 while there is nobody to work."""

    def open(self, payload: Any) -> None:
        """Give every worker what all chunks of the loop need."""

    def submit(self, tasks: bytes) -> Future:
        """Hand out one chunk."""

    def deaths(self, error: BaseException) -> int:
        """How many workers died over a chunk by this error; 0 if it says that the chunk failed."""

    def renew(self) -> None:
        """Replace what died, before chunks are handed out again."""

    def release(self) -> None:
        """Forget what `open` gave out."""

    def close(self) -> None:
        """End the workers, where they are this backend's own."""


class Options(BaseModel):
    """What every backend has."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Serial(Options):
    """Everything in this process."""

    backend: Literal["serial"] = "serial"


class Spread(Options):
    """Backends with workers.

    Attributes
    ----------
    worth_s : float
        A loop goes to workers when the rest of it would take longer here, in seconds; below that,
        starting them costs more than they give. 0: at once.
    """

    worth_s: float = Field(5.0, ge=0)


class Processes(Spread):
    """Processes of this machine.

    Attributes
    ----------
    n_jobs : int, optional
        How many; -1, or nothing: as many as this process may use cores, -2 one fewer.
    """

    backend: Literal["processes"] = "processes"
    n_jobs: int | None = None

    @model_validator(mode="after")
    def _check_count(self) -> Processes:
        if self.n_jobs == 0:
            raise ValueError("n_jobs 0 leaves nobody to work; write 1, or -1 for all cores")
        return self

    @property
    def count(self) -> int:
        """Number of processes."""
        n = -1 if self.n_jobs is None else self.n_jobs
        return n if n > 0 else max(1, cpu_count() + 1 + n)


class Slurm(Options):
    """Workers that are jobs of a Slurm cluster, by dask-jobqueue.

    Attributes
    ----------
    jobs : int
        Jobs to submit.
    processes : int
        Workers of a job, each with one core.
    memory : str
        Memory of a job, such as ``16GB``.
    walltime : str
        Time limit of a job. A worker that meets it costs its chunk, so let it be many chunks long.
    queue, account : str, optional
        Partition and account of the jobs.
    directives : list of str
        More ``#SBATCH`` lines, such as ``--requeue``.
    prologue : list of str
        Shell lines before a worker starts, such as ``module load …``.
    """

    jobs: int = Field(ge=1)
    processes: int = Field(1, ge=1)
    memory: str = "4GB"
    walltime: str = "04:00:00"
    queue: str | None = None
    account: str | None = None
    directives: list[str] = Field(default_factory=list)
    prologue: list[str] = Field(default_factory=list)


class Dask(Spread):
    """Workers of a Dask cluster; name one of `address`, `workers` and `slurm`.

    Attributes
    ----------
    address : str, optional
        Of a scheduler that runs already, such as ``tcp://head:8786``. Its workers need this package
        at the same version, and are best started with one thread each (``--nthreads 1``).
    workers : int, optional
        Workers on this machine.
    slurm : Slurm, optional
        Jobs of a Slurm cluster.
    folder : str, optional
        Folder that all workers see, for what the chunks of a loop share; without one it goes
        through the scheduler, which holds it in memory. Workers on this machine need none.
    wait_s : float
        How long to wait for the first worker.
    """

    backend: Literal["dask"] = "dask"
    address: str | None = None
    workers: int | None = Field(None, ge=1)
    slurm: Slurm | None = None
    folder: str | None = None
    wait_s: float = Field(300.0, gt=0)

    @model_validator(mode="after")
    def _check_one(self) -> Dask:
        named = [n for n in ("address", "workers", "slurm") if getattr(self, n) is not None]
        if len(named) != 1:
            raise ValueError(f"name one of address, workers and slurm, not {len(named)} of them")
        return self


_HERE = "neurogenomics_kb.foundation"
BACKENDS = Parts(
    "backend of loops",
    "backend",
    {
        "serial": Part(Serial, f"{_HERE}.backends:nobody"),
        "processes": Part(Processes, f"{_HERE}.loop_processes:ProcessWorkers"),
        "dask": Part(Dask, f"{_HERE}.loop_dask:DaskWorkers", lacking=f"{_HERE}.loop_dask:lacking"),
    },
)


def nobody(options: Serial) -> None:
    """No workers.

    Parameters
    ----------
    options : Serial
        There are none.
    """


def read_backend(given: Any, where: str) -> Options:
    """Options of a backend from a mapping.

    Parameters
    ----------
    given : mapping or Options
        As ``compute`` has it.
    where : str
        Where it stands, for messages.

    Raises
    ------
    InputError
        If there is no such backend, or a setting is wrong.
    """
    try:
        return BACKENDS.validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in BACKENDS)
        raise InputError(
            f"{first['msg'].removeprefix('Value error, ')}",
            file=where,
            column=field or "backend",
            remedy=f"Backends are {', '.join(BACKENDS)}; see docs/guide/parallel.md.",
        ) from None


class Active:
    """A backend in use; its workers start when a loop first wants them.

    Parameters
    ----------
    options : Options
        Which backend.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._workers: Workers | None = None

    @property
    def worth_s(self) -> float:
        """Seconds of rest from which workers are wanted."""
        return getattr(self.options, "worth_s", float("inf"))

    def workers(self) -> Workers | None:
        """The workers; None where there are none to be had.

        Raises
        ------
        InputError
            If the machine lacks what the backend needs.
        """
        if isinstance(self.options, Serial):
            return None
        if self._workers is None:
            reason = BACKENDS.why_not(self.options)
            if reason:
                raise InputError(reason, remedy="Install it, or choose another `compute.backend`.")
            self._workers = BACKENDS.build(self.options)
        return self._workers

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None


# Without configuration everything runs here, as scikit-learn's n_jobs=None does.
_SERIAL = Active(Serial())
_STACK: list[Active] = []
_inside = False


@contextmanager
def use_backend(backend: str | Options, **settings: Any) -> Iterator[Options]:
    """Run the loops inside on a backend.

    Parameters
    ----------
    backend : str or Options
        Name, or options as they are.
    **settings
        Of a backend that is given by its name.

    Yields
    ------
    Options

    Raises
    ------
    InputError
        If there is no such backend, or a setting is wrong.

    Examples
    --------
    >>> with use_backend("processes", n_jobs=2) as options:
    ...     options.count
    2
    """
    given = {"backend": backend, **settings} if isinstance(backend, str) else backend
    active = Active(read_backend(given, "use_backend"))
    _STACK.append(active)
    try:
        yield active.options
    finally:
        _STACK.remove(active)
        active.close()


def active_backend(n_jobs: int | None = None) -> Active:
    """The backend that a loop here runs on.

    A worker starts none of its own, nor does a process of Kedro's ParallelRunner, which is one of
    several already.

    Parameters
    ----------
    n_jobs : int, optional
        So many processes in place of the backend in use.
    """
    if _inside or multiprocessing.parent_process() is not None:
        return _SERIAL
    if n_jobs is not None:
        options = Processes(n_jobs=n_jobs)
        return _SERIAL if options.count == 1 else Active(options)
    active = _STACK[-1] if _STACK else _SERIAL
    alone = isinstance(active.options, Processes) and active.options.count == 1
    return _SERIAL if alone else active


def enter_worker() -> None:
    """Remember that this process is a worker."""
    global _inside
    _inside = True
