"""What shards will cost, from what shards or a probe took before on the same kind of items."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.shards import share_number
from neurogenomics_kb.pipelines.work import Work
from neurogenomics_kb.project.shards import MEASURED, Cohort, works_of

# A shard that meets a slower machine than the one that was measured should not be cut off.
SPARE_TIME, SPARE_MEMORY = 1.5, 1.3
SHORTEST_MINUTES = 10
UNMEASURED_GB = 4


@dataclass(frozen=True)
class Rate:
    """What one computation took.

    Parameters
    ----------
    seconds : float
        Processor time (s) by unit of size: an item, or a base.
    items : int
        Items that this was measured on.
    """

    seconds: float
    items: int


@dataclass(frozen=True)
class Line:
    """What one computation will cost.

    Parameters
    ----------
    what : str
        The computation.
    items, missing : int
        All items, and those that are not in the cache.
    seconds : float or None
        Processor time (s) of those that are missing; None where nothing was measured.
    measured : int
        Items that this rests on.
    """

    what: str
    items: int
    missing: int
    seconds: float | None
    measured: int


@dataclass(frozen=True)
class Estimate:
    """What shards will cost.

    Parameters
    ----------
    lines : list of Line
        By computation.
    shards : int
        How many they are.
    start : float
        Time (s) that every shard takes before its first item.
    longest : float or None
        Time (s) of the longest shard; None where something was not measured.
    peak_gb : float or None
        Largest memory of a process so far (10^9 bytes).
    cache_gb : float or None
        Size of the cache when it is complete.
    """

    lines: list[Line]
    shards: int
    start: float
    longest: float | None
    peak_gb: float | None
    cache_gb: float | None

    @property
    def hours(self) -> float | None:
        """Processor hours of all shards; None where something was not measured."""
        if self.longest is None:
            return None
        return (sum(line.seconds for line in self.lines) + self.shards * self.start) / 3600

    @property
    def minutes(self) -> int | None:
        """Time limit (min) of a shard, with some to spare."""
        if self.longest is None:
            return None
        return max(SHORTEST_MINUTES, 10 * math.ceil(SPARE_TIME * self.longest / 600))

    @property
    def memory_gb(self) -> int:
        """Memory (GB) to ask for."""
        if self.peak_gb is None:
            return UNMEASURED_GB
        return max(1, math.ceil(SPARE_MEMORY * self.peak_gb + 0.2))


def estimate_shards(cohort: Cohort, shards: int, start: float) -> Estimate:
    """Cost of what is missing.

    Parameters
    ----------
    cohort : Cohort
        From `open_cohort`.
    shards : int
        Number of shards.
    start : float
        Time (s) that a shard takes before its first item.
    """
    works, known = works_of(cohort, None), read_measured(cohort.cache)
    found = [(work, work.missing()) for work in works]
    lines = [_line(work, missing, known) for work, missing in found]
    longest = None
    if all(line.seconds is not None for line in lines):
        loads = [0.0] * shards
        for (work, missing), line in zip(found, lines, strict=True):
            for place in missing:
                seconds = known[line.what][0].seconds * work.sizes[place]
                loads[share_number(work.names[place], shards) - 1] += seconds
        longest = start + max(loads)
    peaks = [peak for _, peak in known.values()]
    return Estimate(
        lines, shards, start, longest, max(peaks) if peaks else None, _cache_gb(cohort.cache, found)
    )


def _line(work: Work, missing: list[int], known: dict[str, tuple[Rate, float]]) -> Line:
    seconds, measured = (0.0, 0) if not missing else (None, 0)
    if work.what in known:
        rate = known[work.what][0]
        seconds, measured = rate.seconds * sum(work.sizes[i] for i in missing), rate.items
    return Line(work.what, len(work.sizes), len(missing), seconds, measured)


def read_measured(folder: Path) -> dict[str, tuple[Rate, float]]:
    """Rate of every computation that shards or probes were measured on, and their largest memory.

    Parameters
    ----------
    folder : Path
        Cache of the modality.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(Path(folder, MEASURED).glob("*.json")):
        for row in json.loads(file.read_text(encoding="utf-8"))["done"]:
            if row["size"] > 0:
                rows.setdefault(row["what"], []).append(row)
    return {
        what: (
            Rate(
                sum(r["processor"] for r in measured) / sum(r["size"] for r in measured),
                sum(r["computed"] for r in measured),
            ),
            max(r["peak_gb"] for r in measured),
        )
        for what, measured in rows.items()
    }


def _cache_gb(folder: Path, found: list[tuple[Work, list[int]]]) -> float | None:
    """Size of the complete cache (10^9 bytes), if it grows as it did."""
    items = sum(len(work.sizes) for work, _ in found)
    stored = items - sum(len(missing) for _, missing in found)
    if not stored:
        return None
    size = sum(file.stat().st_size for file in Path(folder).rglob("*.npz"))
    return size * items / stored / 1e9


def say(estimate: Estimate, price: float | None = None, unit: str = "", source: str = "",
        overhead: float = 0.0) -> list[str]:  # fmt: skip
    """Lines of text about a cost.

    Parameters
    ----------
    estimate : Estimate
        From `estimate_shards`.
    price : float, optional
        Of a machine's hour; without it hours are told and no money.
    unit, source : str
        Currency, and where and when the price was read.
    overhead : float
        Time (s) that is paid for by shard beside computing: starting a machine, fetching data.
    """
    lines = []
    for line in estimate.lines:
        told = f"{line.what}: {line.items:,} items, {line.missing:,} to compute"
        if line.seconds is None:
            told += "; not measured yet: add --probe 4"
        elif line.missing:
            each = line.seconds / line.missing
            told += f", {each:.3g} s each (measured on {line.measured:,})"
        lines.append(told)
    if estimate.hours is None:
        return lines
    hours = estimate.hours + estimate.shards * overhead / 3600
    lines.append(
        f"{hours:.2g} hours in all, {(estimate.longest + overhead) / 60:.2g} minutes the longest "
        f"of {estimate.shards} shards (each starts for {(estimate.start + overhead) / 60:.2g})"
    )
    if estimate.peak_gb is not None:
        lines.append(f"memory so far {estimate.peak_gb:.2g} GB a process")
    if estimate.cache_gb is not None:
        lines.append(f"cache when complete {estimate.cache_gb:.2g} GB")
    if price is not None:
        lines.append(f"{hours * price:.2f} {unit} at {price:g} {unit} an hour ({source})")
    return lines
