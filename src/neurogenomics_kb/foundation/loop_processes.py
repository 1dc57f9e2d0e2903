"""Workers of loops that are processes of this machine."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

from neurogenomics_kb.foundation.backends import Processes
from neurogenomics_kb.foundation.packing import pack_to, unpack_file
from neurogenomics_kb.foundation.threads import ONE_THREAD

# Starting processes takes seconds, so they are kept for the next loop, and end by themselves when
# none comes.
IDLE_S = 60
_pools: dict[int, ProcessPoolExecutor] = {}
# What a worker has open: the file of one loop, so that it is read once and not for every chunk.
_opened: dict[str, Any] = {}


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
        self._folder: Path | None = None

    def size(self) -> int:
        """Chunks to hand out at a time."""
        return self.n

    def open(self, payload: Any) -> None:
        """Write what all chunks need to a file, which workers map into their memory."""
        self._folder = Path(tempfile.mkdtemp(prefix="ngkb-loop-"))
        pack_to(payload, self._folder / "shared")

    def submit(self, tasks: bytes) -> Future:
        """Hand out one chunk."""
        return self._pool().submit(_work, str(self._folder / "shared"), tasks)

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
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        """Leave the processes to the next loop; they end by themselves."""

    def _pool(self) -> ProcessPoolExecutor:
        if self.n not in _pools:
            _pools[self.n] = ProcessPoolExecutor(self.n, timeout=IDLE_S, env=ONE_THREAD)
        return _pools[self.n]


def _work(file: str, tasks: bytes) -> tuple[bytes, float]:
    from neurogenomics_kb.foundation.loops import work_packed

    if file not in _opened:
        _opened.clear()
        _opened[file] = unpack_file(file)
    return work_packed(_opened[file], tasks)
