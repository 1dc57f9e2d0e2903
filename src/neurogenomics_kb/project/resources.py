"""Hook: time and memory of every node, in the log and beside the report.

`resources.json` holds one entry per node: ``wall_s`` from its first input to its last output,
``cpu_s`` of this process and of the workers of its loops, and ``peak_mb``, the most memory that
this process held and the most that the workers of the node's loops held beside what they share.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog

from neurogenomics_kb.foundation.loops import SPENT
from neurogenomics_kb.foundation.whole_files import write_json_whole
from neurogenomics_kb.project.files import file_of

logger = logging.getLogger(__name__)

RESOURCES = "reporting.resources"
SAMPLED_S = 0.25
MB = 1e6


@dataclass
class Meter:
    """Time and memory of this process and its workers since it was made.

    Attributes
    ----------
    wanted : set of str
        Outputs of the node that are not saved yet.
    """

    wanted: set[str]
    wall: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=lambda: processor_s())
    workers: int = 0
    spent: float = field(default_factory=lambda: SPENT.cpu_s)

    def __post_init__(self) -> None:
        forget_peak()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLED_S):
            self.workers = max(self.workers, memory_of_workers())

    def read(self) -> dict[str, float]:
        """Seconds and megabytes so far; the meter stops."""
        self._stop.set()
        self._thread.join()
        # Those that wait for another loop are not this node's.
        workers = self.workers if SPENT.cpu_s > self.spent else 0
        return {
            "wall_s": round(time.monotonic() - self.wall, 3),
            "cpu_s": round(processor_s() - self.cpu, 3),
            "peak_mb": round((peak() + workers) / MB, 1),
        }


class Resources:
    """Meter every node; the main process puts what all processes wrote into one file."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}
        self._path: Path | None = None

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Find the file; what a killed run left of it goes."""
        self._path = path_of(catalog)
        if self._path is not None:
            lines_of(self._path).unlink(missing_ok=True)

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, node: Any) -> None:
        """Start with the first input."""
        self._start(node)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Any, catalog: DataCatalog) -> None:
        """Start where there is no input; a process of ParallelRunner finds the file here."""
        self._path = path_of(catalog)
        self._start(node)

    @hook_impl(trylast=True)
    def after_node_run(self, node: Any) -> None:
        """End where there is no output."""
        if not node.outputs:
            self._end(node.name)

    @hook_impl(trylast=True)
    def after_dataset_saved(self, dataset_name: str, node: Any) -> None:
        """End with the last output."""
        meter = self._meters.get(node.name)
        if meter is not None:
            meter.wanted.discard(dataset_name)
            if not meter.wanted:
                self._end(node.name)

    @hook_impl
    def on_node_error(self, node: Any) -> None:
        """A node that failed is told in the log too: want of memory may be the reason."""
        self._end(node.name)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Write the file."""
        self._collect()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Write the file: what was done until then."""
        self._collect()

    def _start(self, node: Any) -> None:
        if node.name not in self._meters:
            self._meters[node.name] = Meter(set(node.outputs))

    def _end(self, name: str) -> None:
        meter = self._meters.pop(name, None)
        if meter is None:
            return
        found = meter.read()
        logger.info("%s: %.1f s, %.1f s of processor time, at most %.0f MB", name, *found.values())
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with lines_of(self._path).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"node": name, **found}) + "\n")

    def _collect(self) -> None:
        for meter in self._meters.values():
            meter.read()
        self._meters.clear()
        if self._path is None or not lines_of(self._path).exists():
            return
        # Nodes that this run left out keep what an earlier one measured.
        known = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else []
        rows = {row["node"]: row for row in known}
        for line in lines_of(self._path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.pop(row["node"], None)
            rows[row["node"]] = row
        write_json_whole(self._path, [*rows.values()])
        lines_of(self._path).unlink()


def path_of(catalog: DataCatalog) -> Path | None:
    """Where the catalog has the file, if it does."""
    dataset = catalog.get(RESOURCES)
    return None if dataset is None else file_of(dataset)


def lines_of(path: Path) -> Path:
    """Where the processes of a run write, a line each time, until it ends."""
    return path.with_name(f".{path.name}.lines")


def processor_s() -> float:
    """Processor time of this process and of the workers of its loops."""
    times = os.times()
    return times.user + times.system + SPENT.cpu_s


def forget_peak() -> None:
    """Let the system count the peak of this process anew, where it can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the peak is then that since the start of the process


def peak() -> int:
    """Most memory that this process held, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_of_workers() -> int:
    """What the processes below this one hold, without what is mapped from files, in bytes."""
    total, waiting = 0, children_of("self")
    while waiting:
        pid = waiting.pop()
        if command_of(pid) == command_of("self"):
            continue  # about to become another program, it has all of this one's memory in common
        try:
            resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
        except OSError:
            continue  # it has ended
        total += (int(resident) - int(shared)) * resource.getpagesize()
        waiting += children_of(pid)
    return total


def command_of(pid: str) -> bytes:
    """Command line of a process; empty of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children_of(pid: str) -> list[str]:
    """Process ids of a process's children."""
    found: list[str] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += file.read_text().split()
        except OSError:
            continue  # the thread has ended
    return found
