"""Nodes beside one another give what nodes after one another give."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from neurogenomics_kb.project.hooks import RESUMED_TAG

TABLES = (".csv", ".parquet", ".npz")
FOUR_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "4")


def tables_of(project):
    """Content of every table that a run made, by its place, but for how long rivals took.

    A cache keeps what took long, which is not the same in two runs; the list of releases has hashes
    of what names its run.
    """
    folder, others = project.path / "data", {"01_raw", "cache", "releases.csv"}
    made = (f for f in sorted(folder.rglob("*")) if f.suffix in TABLES and not others & {*f.parts})
    return {
        str(file.relative_to(folder)): (
            pd.read_csv(file, dtype=str).drop(columns="seconds").to_csv().encode()
            if file.name == "rivals.csv"
            else file.read_bytes()
        )
        for file in made
    }


def tracked(project):
    """What the last run left with MLflow: parameters, metrics and artifacts by name."""
    database = project.path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        (run,) = connection.execute(
            "select run_uuid from runs order by start_time desc limit 1"
        ).fetchone()
        metrics = connection.execute(
            "select key, value from latest_metrics where run_uuid = ?", (run,)
        ).fetchall()
        status = connection.execute("select status from runs where run_uuid = ?", (run,))
        ended = status.fetchone()
    artifacts = {
        str(file).split(run, 1)[1] for file in project.path.rglob(f"{run}/**/*") if file.is_file()
    }
    return ended, dict(metrics), artifacts


def remove_made(project):
    """Let the next run make everything anew."""
    for folder in (project.path / "data").iterdir():
        if folder.name != "01_raw":
            shutil.rmtree(folder)


def released(project):
    """The list for whoever checks outputs, without hashes of what names its run."""
    listed = pd.read_csv(project.path / "data/08_reporting/demo/demo_gene_brain/releases.csv")
    return listed[["output", "type", "status"]].to_csv()


def resumed(project):
    """How many runs say that they found another's card."""
    with closing(sqlite3.connect(project.path / "mlflow.db")) as connection:
        [number] = connection.execute(
            "select count(*) from tags where key = ?", (RESUMED_TAG,)
        ).fetchone()
    return number


@pytest.mark.slow
def test_every_table_is_the_same_byte_for_byte(project):
    project.run()
    alone, tracked_alone, list_alone = tables_of(project), tracked(project), released(project)
    reporting = project.path / "data/08_reporting/demo/demo_gene_brain"
    nodes = {row["node"] for row in json.loads((reporting / "resources.json").read_text())}
    remove_made(project)
    project.run("--runner=ParallelRunner")
    beside = tables_of(project)
    assert len(alone) > 30
    assert list(beside) == list(alone)
    assert [name for name in alone if alone[name] != beside[name]] == []
    # Every table, figure and metric reaches the tracking server from those processes too.
    assert tracked(project) == tracked_alone
    assert len(tracked_alone[2]) > 20
    # What the processes measured is in one file.
    assert {row["node"] for row in json.loads((reporting / "resources.json").read_text())} == nodes
    assert len(nodes) > 50
    # And everybody who checks outputs sees the same list; nothing was resumed.
    assert released(project) == list_alone
    assert resumed(project) == 0
    # More threads in the products, and workers for every loop.
    remove_made(project)
    project.run("--params=compute.n_jobs=2,compute.worth_s=0", **FOUR_THREADS)
    beside = tables_of(project)
    assert [name for name in alone if alone[name] != beside[name]] == []
