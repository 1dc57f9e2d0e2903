"""Workers of loops that are those of a Dask cluster.

The client is never Dask's default: what scikit-learn or joblib loop over inside stays where it is.
"""

from __future__ import annotations

import logging
import tempfile
from concurrent.futures import CancelledError, Future
from importlib.util import find_spec
from typing import Any

from neurogenomics_kb.foundation.backends import Dask, Slurm
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.packing import SharedFile, opened, pack, unpack
from neurogenomics_kb.foundation.threads import ONE_THREAD

# How often Dask itself hands out a chunk again whose worker died.
TIMES_AGAIN = 2


def lacking(options: Dask) -> str | None:
    """Which packages are not installed.

    Parameters
    ----------
    options : Dask
        A Slurm cluster needs one more.
    """
    wanted = ["distributed", *(["dask_jobqueue"] if options.slurm else [])]
    missing = [name for name in wanted if find_spec(name) is None]
    if not missing:
        return None
    return f"the package {missing[0]} is not installed; it comes with the extra `dask`"


class DaskWorkers:
    """Workers of a scheduler.

    Parameters
    ----------
    options : Dask
        Which.

    Raises
    ------
    InputError
        If the scheduler cannot be reached, or no worker comes in time.
    """

    die_together = False

    def __init__(self, options: Dask) -> None:
        from distributed import Client

        # Its schedulers and workers write a line for everything that they do.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        self.options = options
        self._cluster = _cluster_of(options)
        where = options.address if self._cluster is None else self._cluster
        try:
            self.client = Client(where, set_as_default=False, timeout=min(options.wait_s, 30))
            self.client.wait_for_workers(1, timeout=options.wait_s)
        except (OSError, TimeoutError) as error:
            self._close_cluster()
            raise InputError(
                f"no worker of {options.address or 'the Dask cluster'} came within "
                f"{options.wait_s:g} s: {error}",
                remedy="Check that the scheduler and its workers run, or choose another backend.",
            ) from None
        self._executor = self.client.get_executor(pure=False)
        folder = options.folder or (tempfile.gettempdir() if options.workers else None)
        self._files = None if folder is None else SharedFile(folder)
        self._shared: Any = None

    def size(self) -> int:
        """Chunks to hand out at a time: one is worked on and one waits, in every thread."""
        return 2 * sum(self.client.nthreads().values())

    def open(self, payload: Any) -> None:
        """Give what all chunks need to a file, or to the scheduler.

        The scheduler can give it to a worker that comes later or takes the place of a dead one;
        data that lay only with workers would be lost with them.
        """
        if self._files is not None:
            self._shared = self._files.write(payload)
        else:
            self._shared = self.client.submit(_hold, pack(payload), pure=False)

    def submit(self, tasks: bytes) -> Future:
        """Hand out one chunk."""
        return self._executor.submit(_work, self._shared, tasks)

    def deaths(self, error: BaseException) -> int:
        """All that Dask allows a chunk, or one where Dask gave a chunk up."""
        from distributed import KilledWorker

        return TIMES_AGAIN + 1 if isinstance(error, KilledWorker) else int(_is_given_up(error))

    def renew(self) -> None:
        """Wait for a worker."""
        self.client.wait_for_workers(1, timeout=self.options.wait_s)

    def release(self) -> None:
        """Forget what was given out."""
        self._shared = None
        if self._files is not None:
            self._files.delete()

    def close(self) -> None:
        """Leave the scheduler; end a cluster of our own."""
        self.client.close()
        self._close_cluster()

    def _close_cluster(self) -> None:
        if self._cluster is not None:
            self._cluster.close()


def _is_given_up(error: BaseException) -> bool:
    return isinstance(error, CancelledError) or type(error).__name__ == "FutureCancelledError"


def _cluster_of(options: Dask) -> Any:
    """A cluster of our own; None where a scheduler runs already."""
    if options.address is not None:
        return None
    import dask

    again = {
        "distributed.scheduler.allowed-failures": TIMES_AGAIN,
        "distributed.nanny.pre-spawn-environ": {**ONE_THREAD, "MALLOC_TRIM_THRESHOLD_": "65536"},
    }
    with dask.config.set(again):
        if options.slurm is not None:
            return _slurm_cluster(options.slurm)
        from distributed import LocalCluster

        return LocalCluster(
            n_workers=options.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )


def _slurm_cluster(slurm: Slurm) -> Any:
    from dask_jobqueue import SLURMCluster

    cluster = SLURMCluster(
        queue=slurm.queue,
        account=slurm.account,
        cores=slurm.processes,
        processes=slurm.processes,
        memory=slurm.memory,
        walltime=slurm.walltime,
        job_extra_directives=slurm.directives,
        job_script_prologue=[
            *slurm.prologue, *(f"export {name}={value}" for name, value in ONE_THREAD.items()),
        ],
        scheduler_options={"dashboard_address": None},
    )  # fmt: skip
    cluster.scale(jobs=slurm.jobs)
    return cluster


def _hold(payload: bytes) -> bytes:
    return payload


def _work(shared: str | bytes, tasks: bytes) -> tuple[bytes, float]:
    from neurogenomics_kb.foundation.loops import work_packed

    return work_packed(opened(shared) if isinstance(shared, str) else unpack(shared), tasks)
