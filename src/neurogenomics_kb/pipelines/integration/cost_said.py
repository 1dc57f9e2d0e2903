"""Say what a run will cost, once its people are known and before anything is computed."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.foundation.threads import one_thread
from neurogenomics_kb.pipelines.integration.cost import GB, Cost, Speed, Workload, predict_cost
from neurogenomics_kb.registry.recipe import Recipe

logger = logging.getLogger(__name__)

STORED = Path(__file__).with_name("cost.json")
# Shorter runs end before anybody has read what they cost.
WORTH_SAYING = 120.0
WORKERS = 32


def announce_cost(recipe: Recipe, blocks: Mapping[str, pd.DataFrame]) -> None:
    """Log stages, hours and gigabytes of a run that is going to be long.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    blocks : mapping of str to DataFrame
        Raw features of every block.
    """
    coefficients = read_coefficients()
    if coefficients is None or not blocks:
        return
    workload = workload_of(recipe, blocks)
    # The machine is measured only where it matters.
    measured = Speed(**coefficients["speed"])
    if predict_cost(workload, coefficients, measured).seconds < WORTH_SAYING:
        return
    for line in describe_cost(predict_cost(workload, coefficients, measure_speed())):
        logger.info(line)


def describe_cost(cost: Cost, cores: int | None = None, workers: int = WORKERS) -> list[str]:
    """Lines of the log: size, stages, and the whole on one core, some cores, many workers.

    Parameters
    ----------
    cost : Cost
        Predicted.
    cores : int, optional
        Of the machine; by default those of the one at hand.
    workers : int
        Of a cluster.
    """
    w, cores = cost.workload, cores or os.cpu_count() or 1
    columns = " + ".join(f"{c:,}" for c in w.columns)
    lines = [
        f"cost: {w.people:,} people, {columns} columns, {w.permutations:,} permutations are "
        "expected to take, from here, in hours of processor and GB:"
    ]
    lines += [
        f"cost: {stage.name:<24}{stage.seconds / 3600:8.2f} h {stage.gigabytes:7.1f} GB"
        for stage in cost.stages
        if stage.name != "tables"
    ]
    whole = [(1, "core")] + [(cores, "cores")] * (cores > 1) + [(workers, "workers")]
    lines.append(
        "cost: in all "
        + ", ".join(
            f"{cost.wall(n) / 3600:.2f} h and {cost.memory(n):.1f} GB on {n} {what}"
            for n, what in whole
        )
    )
    return lines


def measure_speed(size: int = 1024, megabytes: int = 64, repeats: int = 3) -> Speed:
    """Speed of one thread of the machine at hand, the best of a few tries, in half a second.

    Parameters
    ----------
    size : int
        Rows and columns of the matrices that are multiplied.
    megabytes : int
        Size of what is copied.
    repeats : int
        Tries.
    """
    A = np.ones((size, size))
    source = np.ones(megabytes * 125_000)
    target = np.empty_like(source)
    product, copy = [], []
    with one_thread():
        for _ in range(repeats):
            start = time.process_time()
            np.dot(A, A)
            product.append(time.process_time() - start)
            start = time.process_time()
            np.copyto(target, source)
            copy.append(time.process_time() - start)
    # Read and written.
    return Speed(2 * size**3 / GB / min(product), 2 * source.nbytes / GB / max(min(copy), 1e-6))


def workload_of(recipe: Recipe, blocks: Mapping[str, pd.DataFrame]) -> Workload:
    """Size of a run whose people and blocks are known.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    blocks : mapping of str to DataFrame
        Raw features of every block.
    """
    experiment = recipe.experiment
    attributed = experiment.attribution_block or next(iter(blocks))
    units = 0
    if "logo" in experiment.analyses and attributed in blocks:
        units = len(units_of(blocks[attributed].columns))
    columns = tuple(frame.shape[1] for frame in blocks.values())
    wanted = tuple(
        getattr(recipe.blocks[name].projector, "dim", None) or frame.shape[1]
        for name, frame in blocks.items()
    )
    return Workload.of(
        len(next(iter(blocks.values()))),
        columns,
        wanted=wanted,
        subjects_per_dimension=experiment.subjects_per_dimension,
        units=units,
        folds=experiment.folds.n_splits or 2,
        permutations=experiment.n_permutations,
        bootstraps=experiment.n_bootstraps,
    )


def read_coefficients(path: Path = STORED) -> dict[str, Any] | None:
    """Stored coefficients; None where nothing was measured."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
