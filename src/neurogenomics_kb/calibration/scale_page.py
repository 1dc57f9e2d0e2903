"""Tables of ``docs/scale.md``, from measured runs and the coefficients that were fitted to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurogenomics_kb.calibration.slopes import Run, by_stage, errors, exponents, workload_of_run
from neurogenomics_kb.pipelines.integration.cost import Speed, Workload, predict_cost

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
# Gene and brain columns of UK Biobank's size, and what is wanted of them.
COLUMNS, WANTED, GENES = (9_728, 512), (512, 512), 38
ASKED = (50_000, 500_000)
PERMUTATIONS, CORES, WORKERS = 1_000, 8, 32


def render_scale(runs: Sequence[Run], coefficients: Mapping[str, Any] | None) -> str:
    """The measured part of the page.

    Parameters
    ----------
    runs : sequence of mapping
        As they are stored; those with ``check`` were not fitted to.
    coefficients : mapping or None
        Of the cost model.
    """
    if not runs or coefficients is None:
        return "Nothing is stored yet; `python -m neurogenomics_kb.calibration.scale` measures.\n"
    parts = [*measured_runs(runs), *steepness(runs)]
    for run in runs:
        if run.get("check"):
            parts += beside(run, coefficients)
    parts += asked(coefficients)
    return "\n".join(parts) + "\n"


def sizes(w: Workload) -> str:
    """People, columns, and dimensions after the projection."""
    columns, dims = (" + ".join(f"{c:,}" for c in each) for each in (w.columns, w.dims))
    return f"{w.people:,} × {columns}, to {dims}"


def measured_runs(runs: Sequence[Run]) -> list[str]:
    """One line a run."""
    lines = [
        "## Measured", "",
        "| run | permutations | processor (h) | most memory (GB) | longest stages (h) | used |",
        "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for run in runs:
        w, stages = workload_of_run(run), by_stage(run["nodes"])
        longest = sorted(stages, key=lambda name: -stages[name][0])[:3]
        told = ", ".join(f"{name} {stages[name][0] / 3600:.2f}" for name in longest)
        lines.append(
            f"| {sizes(w)} | {w.permutations:,} | {sum(s for s, _ in stages.values()) / 3600:.2f} "
            f"| {max(m for _, m in stages.values()):.1f} | {told} | "
            f"{'to check' if run.get('check') else 'to fit'} |"
        )
    return [*lines, "", f"Measured on {'; '.join(measured_on(runs))}.", ""]


def measured_on(runs: Sequence[Run]) -> list[str]:
    """Every machine, how fast it was, and when."""
    found = []
    for machine in sorted({run["machine"] for run in runs}):
        own = [run for run in runs if run["machine"] == machine]
        flops, copied, days = (
            sorted({value(run) for run in own})
            for value in (
                lambda run: round(run["speed"]["gflops"]),
                lambda run: round(run["speed"]["gbps"]),
                lambda run: run["date"],
            )
        )
        found.append(
            f"{machine} (a core {_from_to(flops)} GFlop/s and {_from_to(copied)} GB/s), "
            f"{_from_to(days)}"
        )
    return found


def _from_to(values: Sequence[Any]) -> str:
    """One value, or the first and the last."""
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def steepness(runs: Sequence[Run]) -> list[str]:
    """Exponents in N."""
    found = exponents(runs)
    if not found:
        return []
    small, large, _ = next(iter(found.values()))
    return [
        "## How each stage grows with N", "",
        f"Exponent of the processor time between {small:,} and {large:,} people, all else equal; 1 "
        "is linear.", "",
        "| stage | exponent |", "| --- | --- |",
        *[f"| {stage} | {value:.2f} |" for stage, (_, _, value) in found.items()],
        "",
    ]  # fmt: skip


def beside(run: Run, coefficients: Mapping[str, Any]) -> list[str]:
    """Prediction and measurement of a run that nothing was fitted to."""
    w = workload_of_run(run)
    lines = [
        f"## Predicted and measured: {sizes(w)}, {w.permutations:,} permutations", "",
        "| stage | predicted (h) | measured (h) | error | predicted (GB) | measured (GB) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, predicted, measured, gigabytes, held in errors(run, coefficients):
        error = f"{predicted / measured - 1:+.0%}" if measured > 0 else ""
        lines.append(
            f"| {name} | {predicted / 3600:.3f} | {measured / 3600:.3f} | {error} | "
            f"{gigabytes:.1f} | {held:.1f} |"
        )
    return [*lines, ""]


def asked(coefficients: Mapping[str, Any]) -> list[str]:
    """What cohorts of a biobank's size cost."""
    lines = [
        "## What biobanks cost", "",
        f"{' + '.join(f'{c:,}' for c in COLUMNS)} columns, {PERMUTATIONS:,} permutations, on the "
        f"measured machine. Hours of one core; then of {CORES} cores and {WORKERS} workers, where "
        "what can be spread is spread evenly.", "",
        "| people | stage | 1 core (h) | memory (GB) |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    speed = Speed(**coefficients["speed"])
    wholes = []
    for people in ASKED:
        workload = Workload.of(
            people, COLUMNS, wanted=WANTED, units=GENES, folds=5, permutations=PERMUTATIONS
        )
        cost = predict_cost(workload, coefficients, speed)
        lines += [
            f"| {people:,} | {s.name} | {s.seconds / 3600:.2f} | {s.gigabytes:.1f} |"
            for s in cost.stages
        ]
        wholes.append(
            f"| {people:,} | "
            + " | ".join(
                f"{cost.wall(n) / 3600:.1f} h, {cost.memory(n):.0f} GB" for n in (1, CORES, WORKERS)
            )
            + " |"
        )
    return [
        *lines, "",
        f"| people | 1 core | {CORES} cores | {WORKERS} workers |", "| --- | --- | --- | --- |",
        *wholes, "",
    ]  # fmt: skip


def page_with(text: str, made: str) -> str:
    """Page whose part between the markers is what was made."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n{END}{rest.split(END)[1]}"
