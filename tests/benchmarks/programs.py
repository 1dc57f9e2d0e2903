"""A piece of Python beside a program of the field, each in a process of its own.

Time is that of the processor, user and system. Of a piece of Python it counts from behind its
imports; a program counts from its start. Peak memory is that of the whole process, interpreter and
packages included. Turns are taken in the order A B B A, so that a machine that others use slows
both alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# A new process inherits the peak of the one that starts it, so a bare one does.
START = """
import json, os, sys
null = os.open(os.devnull, os.O_RDWR)
quiet = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
program = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(program, 0)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
# What every piece of Python ends with; its `tell` gives what it found as JSON can say it.
END = """
seconds = time.process_time() - start
import json, re
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps([tell(), seconds, peak]))
"""

Record = dict[str, Any]


def run_program(*commands: list[str]) -> tuple[float, float]:
    """Processor seconds of commands, one after another, and the peak of the largest in MB."""
    seconds, peak = 0.0, 0.0
    for command in commands:
        started = [sys.executable, "-S", "-c", START, *map(str, command)]
        done = subprocess.run(started, env=ALONE, check=True, capture_output=True, text=True)
        status, own, most = json.loads(done.stdout)
        if status:
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {status}")
        seconds, peak = seconds + own, max(peak, most)
    return seconds, peak


def run_python(code: str, *arguments: str) -> tuple[Any, float, float]:
    """Result of a piece of Python, its processor seconds from `start` on, and its peak in MB."""
    command = [sys.executable, "-c", code + END, *map(str, arguments)]
    done = subprocess.run(command, env=ALONE, check=True, capture_output=True, text=True)
    result, seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return result, seconds, peak


def compare(
    ours: Callable[[], tuple[Any, float, float]],
    other: Callable[[], tuple[float, float]],
    agree: Callable[[Any], str],
    turns: int,
    **about: str,
) -> Record:
    """Run both, check that they agree, and time them in turns.

    Parameters
    ----------
    ours : callable
        As `run_python`.
    other : callable
        As `run_program`.
    agree : callable
        Takes our result when the other has run; raises where they differ, and says how near they
        are.
    turns : int
        Pairs of calls; half of them begin with the other.
    **about : str
        ``name``, ``size`` and ``alternative``, for the record.
    """
    theirs = [other()]
    result, *first = ours()
    agreement = agree(result)
    mine = [tuple(first)]
    for turn in range(1, turns):
        if turn % 2:
            mine.append(ours()[1:])
            theirs.append(other())
        else:
            theirs.append(other())
            mine.append(ours()[1:])
    times = np.array([[a[0], b[0]] for a, b in zip(mine, theirs, strict=True)])
    ratios = times[:, 0] / times[:, 1]
    return {
        **about,
        "ours_s": _rounded(np.median(times[:, 0])),
        "other_s": _rounded(np.median(times[:, 1])),
        "ratio": _rounded(np.median(ratios)),
        "spread": [_rounded(each) for each in np.quantile(ratios, [0.25, 0.75])],
        "peak_ours_mb": _rounded(max(peak for _, peak in mine)),
        "peak_other_mb": _rounded(max(peak for _, peak in theirs)),
        "agreement": agreement,
        "turns": turns,
    }


def _rounded(value: float) -> float:
    return float(f"{float(value):.3g}")


def show(records: list[Record]) -> None:
    """Print records, one a line."""
    for each in records:
        if "skipped" in each:
            print(f"{each['name']}: skipped ({each['skipped']})")
            continue
        low, high = each["spread"]
        print(
            f"{each['name']}, {each['size']}: {each['ours_s']} s against {each['other_s']} s of "
            f"{each['alternative']}, ratio {each['ratio']} ({low} to {high}, {each['turns']} "
            f"turns); peak {each['peak_ours_mb']:.0f} and {each['peak_other_mb']:.0f} MB; "
            f"{each['agreement']}"
        )
