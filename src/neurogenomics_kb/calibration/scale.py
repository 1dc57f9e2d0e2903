"""``python -m neurogenomics_kb.calibration.scale``: measure runs, fit the cost model, its page.

``measure`` simulates a cohort of each size, sends it through ``kedro run --env scale`` in a copy of
the project, and stores what every node took; ``fit`` fits the coefficients to runs that are not
there to check; ``page`` writes the tables of docs/scale.md. Each does what follows it, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurogenomics_kb.calibration.scale_page import page_with, render_scale
from neurogenomics_kb.calibration.slopes import fit_costs, workload_of_run
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.cost import Workload
from neurogenomics_kb.pipelines.integration.cost_said import (
    STORED,
    measure_speed,
    read_coefficients,
)
from neurogenomics_kb.simulate.scale import ScaleSettings, write_scale

RUNS = Path("docs/benchmarks/slopes.json")
PAGE = Path("docs/scale.md")
COPIED = ("conf", "kb", "src", "pyproject.toml")
EXPERIMENT = "scale_gene_brain"
# Dimensions on the strategy cards of that experiment, and its folds.
WANTED, FOLDS = (512, 512), 5
# Subjects for each dimension, as experiments ask by default.
BOUND = 10.0


def measure(
    settings: ScaleSettings, permutations: int, *, check: bool, dimensions: int | None = None
) -> dict[str, Any]:
    """Run one cohort and return what every node took.

    Parameters
    ----------
    settings : ScaleSettings
        Of the simulated cohort.
    permutations : int
        Of every test.
    check : bool
        Whether the run is there to check the model, which is then not fitted to it.
    dimensions : int, optional
        Of each block after its projection; by default those that so many people allow.

    Raises
    ------
    InputError
        If the run fails or leaves no times behind.
    """
    speed = measure_speed()
    bound = BOUND
    if dimensions is not None:
        train = settings.people * (1 - 1 / FOLDS)
        bound = train / len(WANTED) / (dimensions + 0.5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scale(folder / "cohort", settings)
        nodes = run_in_copy(folder, permutations, bound)
    workload = Workload.of(
        settings.people,
        (settings.genes * settings.dims, settings.regions),
        wanted=WANTED,
        subjects_per_dimension=bound,
        units=settings.genes,
        folds=FOLDS,
        permutations=permutations,
    )
    return {
        "workload": vars(workload),
        "speed": vars(speed),
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "check": check,
        "nodes": nodes,
    }


def run_in_copy(folder: Path, permutations: int, bound: float = BOUND) -> list[dict[str, Any]]:
    """Send the cohort in `folder` through a copy of the project beside it."""
    project = folder / "project"
    project.mkdir()
    for part in map(Path, COPIED):
        copy = shutil.copytree if part.is_dir() else shutil.copy
        copy(part, project / part)
    shutil.rmtree(project / "kb/results", ignore_errors=True)
    own = {
        "NGKB_SCALE_DIR": str(folder / "cohort"),
        "PYTHONPATH": str(project / "src"),
        "MPLBACKEND": "agg",
        # Threads that wait spend processor time, too.
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("kedro")), "run", "--pipeline=integration",
         "--env=scale", f"--params=experiment.n_permutations={permutations},"
         f"experiment.subjects_per_dimension={bound}"],
        cwd=project, env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    found = project / f"data/08_reporting/scale/{EXPERIMENT}/resources.json"
    if done.returncode or not found.is_file():
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise InputError(
            f"the run ended without the times of its nodes: {last[0]}",
            file=found.name,
            remedy="Run it by hand with the environment scale.",
        )
    return json.loads(found.read_text(encoding="utf-8"))


def machine() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(models, 'a processor without a name')}, {os.cpu_count()} cores"


def read_runs(path: Path = RUNS) -> list[dict[str, Any]]:
    """Stored runs."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def store(run: dict[str, Any], path: Path = RUNS) -> None:
    """Store a run in the place of an older one of its size."""
    others = [r for r in read_runs(path) if workload_of_run(r) != workload_of_run(run)]
    runs = sorted([*others, run], key=lambda r: str(workload_of_run(r)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


def fit(runs: list[dict[str, Any]]) -> None:
    """Store the coefficients that the runs give."""
    fitted = [run for run in runs if not run["check"]]
    coefficients = {**fit_costs(fitted), "runs": len(fitted), "machine": fitted[0]["machine"]}
    STORED.write_text(json.dumps(coefficients, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure, fit, write the page."""
    parser = argparse.ArgumentParser(prog="neurogenomics_kb.calibration.scale", description=__doc__)
    parser.add_argument("action", choices=["measure", "fit", "page"])
    parser.add_argument("--people", type=int, nargs="+", default=[5_000, 10_000])
    parser.add_argument("--dims", type=int, nargs="+", default=[128, 256], help="per gene")
    parser.add_argument("--permutations", type=int, nargs="+", default=[50, 200])
    parser.add_argument(
        "--dimensions",
        type=int,
        help="of each block after its projection, whatever so many people allow",
    )
    parser.add_argument("--genes", type=int, default=38)
    parser.add_argument("--regions", type=int, default=512)
    parser.add_argument("--check", action="store_true", help="runs that nothing is fitted to")
    chosen = parser.parse_args()
    if chosen.action == "measure":
        for people, dims, permutations in itertools.product(
            chosen.people, chosen.dims, chosen.permutations
        ):
            print(f"{people:,} people, {chosen.genes} × {dims}, {permutations} permutations",
                  flush=True)  # fmt: skip
            settings = ScaleSettings(
                people=people, genes=chosen.genes, dims=dims, regions=chosen.regions
            )
            store(measure(settings, permutations, check=chosen.check, dimensions=chosen.dimensions))
    if chosen.action != "page" and any(not run["check"] for run in read_runs()):
        fit(read_runs())
    made = render_scale(read_runs(), read_coefficients())
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
