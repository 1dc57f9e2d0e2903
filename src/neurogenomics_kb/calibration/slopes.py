"""Coefficients of the cost model, fitted to measured runs; how steep each stage is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from neurogenomics_kb.pipelines.integration.cost import (
    MEMORY,
    STAGES,
    TERMS,
    Speed,
    Workload,
    predict_cost,
    stage_of,
)

Run = Mapping[str, Any]
# Shorter stages are not worth an error of their own.
SHORTEST_S, SMALLEST_GB = 1.0, 0.05


def workload_of_run(run: Run) -> Workload:
    """Size of a stored run."""
    sizes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in run["workload"].items()
    }
    return Workload(**sizes)


def by_stage(nodes: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Processor seconds and the largest GB of every stage, from those of nodes.

    Parameters
    ----------
    nodes : sequence of mapping
        ``node, wall_s, cpu_s, peak_mb``, as ``resources.json`` has them.
    """
    seconds: dict[str, float] = defaultdict(float)
    memory: dict[str, float] = defaultdict(float)
    for each in nodes:
        stage = stage_of(each["node"])
        seconds[stage] += each["cpu_s"]
        memory[stage] = max(memory[stage], each["peak_mb"] / 1000)
    return {stage: (seconds[stage], memory[stage]) for stage in STAGES}


def fit_costs(runs: Sequence[Run]) -> dict[str, Any]:
    """Coefficients of all stages, none negative, smallest in relative error.

    Parameters
    ----------
    runs : sequence of mapping
        ``workload, speed, nodes`` each; times are brought to the speed of the first one's machine.

    Returns
    -------
    dict
        ``speed, seconds, gigabytes``, as `predict_cost` reads them.
    """
    reference = Speed(**runs[0]["speed"])
    workloads = [workload_of_run(run) for run in runs]
    found = [by_stage(run["nodes"]) for run in runs]
    seconds, gigabytes = {}, {}
    for name, stage in STAGES.items():
        # A run on a faster machine has fewer seconds of each term.
        amounts = np.array(
            [
                [TERMS[t][1](w) * scale_of(TERMS[t][0], Speed(**r["speed"]), reference)
                 for t in stage.terms]
                for w, r in zip(workloads, runs, strict=True)
            ]
        )  # fmt: skip
        spent = np.array([each[name][0] for each in found])
        seconds[name] = relative_nnls(stage.terms, amounts, spent, SHORTEST_S)
        held = np.array([[term(w) for term in MEMORY.values()] for w in workloads])
        memory = np.array([each[name][1] for each in found])
        gigabytes[name] = relative_nnls(tuple(MEMORY), held, memory, SMALLEST_GB)
    return {"speed": vars(reference), "seconds": seconds, "gigabytes": gigabytes}


def scale_of(kind: str, own: Speed, reference: Speed) -> float:
    """How much longer an amount takes on a run's machine than on the reference."""
    if kind == "fixed":
        return 1.0
    return reference.gflops / own.gflops if kind == "flops" else reference.gbps / own.gbps


def relative_nnls(
    names: Sequence[str], amounts: np.ndarray, observed: np.ndarray, least: float
) -> dict[str, float]:
    """Coefficients by name that minimise the sum of squared relative errors.

    Parameters
    ----------
    names : sequence of str
        Of the columns.
    amounts : ndarray (n_runs, n_terms)
        Of every term in every run.
    observed : ndarray (n_runs,)
        What each run took.
    least : float
        Errors of what is smaller are relative to this.
    """
    weight = 1 / np.maximum(observed, least)
    # Columns of one size, or the solver takes the small ones for nothing.
    A = amounts * weight[:, None]
    size = np.linalg.norm(A, axis=0)
    size[size == 0] = 1.0
    found, _ = nnls(A / size, observed * weight)
    return {n: float(f"{c:.6g}") for n, c in zip(names, found / size, strict=True) if c > 0}


def exponents(runs: Sequence[Run]) -> dict[str, tuple[int, int, float]]:
    """Exponent of every stage in N between the smallest and the largest of comparable runs.

    Runs are comparable where columns, dimensions, permutations and units are the same.

    Returns
    -------
    dict
        Stage to smallest N, largest N, exponent; only stages of a second and more.
    """
    groups: dict[tuple, list[tuple[int, dict[str, tuple[float, float]]]]] = defaultdict(list)
    for run in runs:
        w = workload_of_run(run)
        key = (w.columns, w.dims, w.permutations, w.units, w.folds, w.bootstraps)
        groups[key].append((w.people, by_stage(run["nodes"])))
    longest = max(groups.values(), key=lambda each: (len({n for n, _ in each}), max(each)[0]))
    longest.sort(key=lambda each: each[0])
    (small, first), (large, last) = longest[0], longest[-1]
    if small == large:
        return {}
    return {
        stage: (small, large, float(np.log(last[stage][0] / first[stage][0])
                                    / np.log(large / small)))
        for stage in STAGES
        if first[stage][0] >= SHORTEST_S
    }  # fmt: skip


def errors(
    run: Run, coefficients: Mapping[str, Any]
) -> list[tuple[str, float, float, float, float]]:
    """Stage, predicted and measured seconds, predicted and measured GB; the whole comes last."""
    cost = predict_cost(workload_of_run(run), coefficients, Speed(**run["speed"]))
    measured = by_stage(run["nodes"])
    rows = [
        (stage.name, stage.seconds, measured[stage.name][0], stage.gigabytes,
         measured[stage.name][1])
        for stage in cost.stages
    ]  # fmt: skip
    whole = sum(each[0] for each in measured.values())
    most = max(each[1] for each in measured.values())
    return [*rows, ("in all", cost.seconds, whole, cost.gigabytes, most)]
