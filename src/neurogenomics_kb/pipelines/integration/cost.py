"""What a run will cost, by stage: predicted from its size before it starts.

The time of a stage is a sum of a few terms, such as N p² for a cross-product matrix or B N k² for
permutations, times coefficients that were measured and stand in ``cost.json``; see
`calibration.scale`. Terms of arithmetic scale with the machine's matrix product, those of moving
data with its memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neurogenomics_kb.stats.transformers.projection import cap_dimension

# Components of a fold that attribution keeps at least, and how many times the wanted ones.
KEPT, TIMES = 512, 4
GB = 1e9
# Memory of a worker process beside what it shares.
WORKER_GB = 0.3


@dataclass(frozen=True)
class Workload:
    """Size of a run.

    Attributes
    ----------
    people : int
    columns, dims : tuple of int
        Of every block, before and after its projection.
    units : int
        Units of the block that attribution is about; 0 without attribution.
    folds, permutations, bootstraps : int
    """

    people: int
    columns: tuple[int, ...]
    dims: tuple[int, ...]
    units: int
    folds: int
    permutations: int
    bootstraps: int = 100

    @classmethod
    def of(
        cls,
        people: int,
        columns: tuple[int, ...],
        *,
        wanted: tuple[int, ...],
        subjects_per_dimension: float = 10.0,
        **others: Any,
    ) -> Workload:
        """Size with the dimensions that a training fold of so many people allows.

        Parameters
        ----------
        people : int
            Analysed people.
        columns : tuple of int
            Of every block.
        wanted : tuple of int
            Dimensions on the strategy cards.
        subjects_per_dimension : float
            Of the experiment.
        **others
            ``units``, ``folds``, ``permutations``, ``bootstraps``.
        """
        train = int(people * (1 - 1 / max(others["folds"], 2)))
        dims = tuple(
            min(
                cap_dimension(
                    dim, n=train, n_blocks=len(columns),
                    subjects_per_dimension=subjects_per_dimension,
                ),
                width,
            )
            for dim, width in zip(wanted, columns, strict=True)
        )  # fmt: skip
        return cls(people, columns, dims, **others)

    @property
    def cells(self) -> int:
        """Numbers in all blocks."""
        return self.people * sum(self.columns)

    @property
    def kept(self) -> int:
        """Components that stand for the attributed block."""
        return min(max(KEPT, TIMES * max(self.dims)), self.people, max(self.columns))


@dataclass(frozen=True)
class Speed:
    """A machine's: 10⁹ operations a second of a matrix product, and GB a second of copying."""

    gflops: float
    gbps: float


# Amounts in 10⁹ operations (flops), 10⁹ bytes (bytes) or as they are.
Term = tuple[str, Callable[[Workload], float]]
TERMS: dict[str, Term] = {
    "once": ("fixed", lambda w: 1.0),
    "cells": ("bytes", lambda w: 8 * w.cells / GB),
    "people": ("bytes", lambda w: 8 * w.people / GB),
    "cross products": (
        "flops",
        lambda w: sum(2 * w.people * p * min(w.people, p) for p in w.columns) * w.folds / GB,
    ),
    "decompositions": (
        "flops", lambda w: sum(min(w.people, p) ** 3 for p in w.columns) * w.folds / GB,
    ),
    "projections": (
        "flops",
        lambda w: sum(2 * w.people * p * k for p, k in zip(w.columns, w.dims, strict=True))
        * w.folds / GB,
    ),
    "axes": ("flops", lambda w: sum(2 * w.people * k * k for k in w.dims) * w.folds / GB),
    "permuted products": ("flops", lambda w: w.permutations * _pairs(w) / GB),
    "permuted roots": (
        "flops", lambda w: w.permutations * max(w.dims) ** 3 / GB,
    ),
    "permuted people": ("bytes", lambda w: 8 * w.permutations * w.people / GB),
    "resampled products": ("flops", lambda w: w.bootstraps * _pairs(w) / GB),
    "decompositions of units": ("flops", lambda w: w.units * w.folds * w.kept**3 / GB),
    "projections of units": (
        "flops", lambda w: 2 * w.units * w.folds * w.people * w.kept * max(w.dims) / GB,
    ),
    "permuted units": ("bytes", lambda w: 8 * w.units * w.permutations * w.people / GB),
}  # fmt: skip


def _pairs(w: Workload) -> float:
    """Operations of one product for every pair of blocks."""
    pairs = itertools.combinations(w.dims, 2)
    return sum(2 * w.people * a * b for a, b in pairs) or 2 * w.people * w.dims[0]


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes
    ----------
    nodes : tuple of str
        Names, or beginnings of names that end in a dot.
    terms : tuple of str
        What its processor time consists of.
    spread : bool
        Whether further cores and workers shorten it.
    """

    nodes: tuple[str, ...]
    terms: tuple[str, ...]
    spread: bool = True


ALGEBRA = ("once", "cells", "cross products", "decompositions", "projections", "axes")
STAGES: dict[str, Stage] = {
    "projection": Stage(("integration.project_blocks",), ALGEBRA),
    "canonical correlations": Stage(
        ("integration.infer_canonical_correlations",),
        (*ALGEBRA, "permuted products", "permuted roots", "resampled products"),
    ),
    "held-out correlations": Stage(
        ("integration.hold_out_canonical_correlations",),
        ("once", "axes", "permuted products", "permuted roots"),
    ),
    "assumptions": Stage(
        ("integration.check_assumptions",),
        (*ALGEBRA, "permuted products", "permuted roots"),
    ),
    "prediction": Stage(
        ("integration.predict_outcome", "integration.score_models", "integration.judge_models",
         "integration.compare_curved"),
        ("once", "cells", "people", "axes", "permuted people"),
    ),
    "attribution": Stage(
        ("integration.attribute_block",),
        ("once", "cells", "cross products", "decompositions", "decompositions of units",
         "projections of units", "permuted units"),
    ),
    "associations": Stage(
        ("integration.associate_axes",), ("once", "people", "axes", "permuted people"), False,
    ),
    "audit": Stage(
        ("integration.audit_confounding", "integration.judge_audit"),
        (*ALGEBRA, "permuted people", "permuted products"),
    ),
    "report": Stage(("reporting.",), ("once", "people"), False),
    # Whatever has no place above: reading, checking and joining tables.
    "tables": Stage((), ("once", "people", "cells"), False),
}  # fmt: skip
# What memory consists of, in every stage.
MEMORY: dict[str, Callable[[Workload], float]] = {
    "once": lambda w: 1.0,
    "cells": lambda w: 8 * w.cells / GB,
    "squares": lambda w: 8 * sum(min(w.people, p) ** 2 for p in w.columns) / GB,
    "scores": lambda w: 8 * w.people * sum(w.dims) * w.folds / GB,
}


def stage_of(node: str) -> str:
    """Stage that a node belongs to.

    Examples
    --------
    >>> stage_of("integration.project_blocks"), stage_of("smri.build_features")
    ('projection', 'tables')
    """
    for name, stage in STAGES.items():
        if any(node == own or (own.endswith(".") and node.startswith(own)) for own in stage.nodes):
            return name
    return "tables"


@dataclass(frozen=True)
class StageCost:
    """Predicted for one stage: processor seconds, GB, and whether workers shorten it."""

    name: str
    seconds: float
    gigabytes: float
    spread: bool


@dataclass(frozen=True)
class Cost:
    """Predicted for a run."""

    workload: Workload
    stages: tuple[StageCost, ...]

    @property
    def seconds(self) -> float:
        """Processor seconds of all stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def gigabytes(self) -> float:
        """The most that a stage holds."""
        return max(stage.gigabytes for stage in self.stages)

    def wall(self, workers: int) -> float:
        """Seconds on so many cores or workers, where what can be spread is spread evenly."""
        return sum(s.seconds / (workers if s.spread else 1) for s in self.stages)

    def memory(self, workers: int) -> float:
        """GB with so many worker processes."""
        return self.gigabytes + (WORKER_GB * workers if workers > 1 else 0.0)


def predict_cost(workload: Workload, coefficients: Mapping[str, Any], speed: Speed) -> Cost:
    """What a run of some size costs.

    Parameters
    ----------
    workload : Workload
        Its size.
    coefficients : mapping
        As ``cost.json`` has them: ``speed`` of the machine that they were measured on, ``seconds``
        and ``gigabytes`` of every stage by term.
    speed : Speed
        Of the machine at hand.

    Returns
    -------
    Cost
    """
    measured = Speed(**coefficients["speed"])
    slower = {
        "fixed": 1.0,
        "flops": measured.gflops / speed.gflops,
        "bytes": measured.gbps / speed.gbps,
    }
    stages = []
    for name, stage in STAGES.items():
        own = coefficients["seconds"].get(name, {})
        held = coefficients["gigabytes"].get(name, {})
        seconds = sum(
            c * TERMS[term][1](workload) * slower[TERMS[term][0]] for term, c in own.items()
        )
        gigabytes = sum(c * MEMORY[term](workload) for term, c in held.items())
        stages.append(StageCost(name, float(seconds), float(gigabytes), stage.spread))
    return Cost(workload, tuple(stages))
