"""Workers of loops that are processes of this machine."""

from __future__ import annotations

import tempfile
from concurrent.futures import Future
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

from neurogenomics_kb.foundation.backends import Processes
from neurogenomics_kb.foundation.packing import SharedFile, opened
from neurogenomics_kb.foundation.threads import ONE_THREAD

# Starting processes takes seconds, so they are kept for the next loop, and end by themselves when
# none comes.
IDLE_S = 60
_pools: dict[int, ProcessPoolExecutor] = {}


class ProcessWorkers:
    """A pool of processes; one that lost a process is replaced.

    Parameters
    ----------
    options : Processes
        How many.
    """

    die_together = True

    def __init__(self, options: Processes) -> None:
        self.n = options.count
        self._shared = SharedFile(tempfile.gettempdir())
        self._file = ""

    def size(self) -> int:
        """Chunks to hand out at a time."""
        return self.n

    def open(self, payload: Any) -> None:
        """Write what all chunks need to a file, which workers map into their memory."""
        self._file = self._shared.write(payload)

    def submit(self, tasks: bytes) -> Future:
        """Hand out one chunk."""
        return self._pool().submit(_work, self._file, tasks)

    def deaths(self, error: BaseException) -> int:
        """One where a process died."""
        return int(isinstance(error, BrokenProcessPool | ShutdownExecutorError))

    def renew(self) -> None:
        """Put the broken pool away; the next chunk starts another."""
        pool = _pools.pop(self.n, None)
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)

    def release(self) -> None:
        """Delete the file."""
        self._shared.delete()

    def close(self) -> None:
        """Leave the processes to the next loop; they end by themselves."""

    def _pool(self) -> ProcessPoolExecutor:
        if self.n not in _pools:
            _pools[self.n] = ProcessPoolExecutor(self.n, timeout=IDLE_S, env=ONE_THREAD)
        return _pools[self.n]


def _work(file: str, tasks: bytes) -> tuple[bytes, float]:
    from neurogenomics_kb.foundation.loops import work_packed

    return work_packed(opened(file), tasks)
