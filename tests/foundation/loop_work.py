"""What the tests of loops let workers do; importable by them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import parallel_loop


def statistic(seed, X, scale):
    """Depends on every value, on its order in memory and on the number of threads."""
    rng = np.random.default_rng(seed)
    rows = X[rng.permutation(len(X))]
    return scale * np.linalg.svd(rows.T @ X, compute_uv=False), rows.sum(axis=0)


def statistic_and_death(seed, X, scale, folder, deaths, parent):
    """As `statistic`, but the first workers that come to one of the seeds are killed."""
    if seed % 7 == 3 and os.getpid() != parent:
        for number in range(deaths):
            marker = Path(folder) / f"{seed}-{number}"
            try:
                marker.touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
    return statistic(seed, X, scale)


def fail_at(task, number):
    if task == number:
        raise InputError(f"task {task} cannot be done", remedy="Leave it out.")
    return task


def where(task):
    time.sleep(0.05)
    return os.getpid()


def threads(task):
    return sorted({pool["num_threads"] for pool in threadpool_info()}), os.environ.get(
        "OMP_NUM_THREADS"
    )


def try_to_change(task, X):
    try:
        X[0] = task
    except ValueError:
        return "refused"
    return "changed"


def inner(task):
    """A loop in a worker."""
    return os.getpid(), parallel_loop(where, range(3))


def layout(task, X):
    return X.strides, X.flags.writeable, X.sum()
