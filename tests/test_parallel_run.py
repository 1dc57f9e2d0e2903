"""Nodes beside one another give what nodes after one another give."""

from __future__ import annotations

import json
import shutil

import pytest

TABLES = (".csv", ".parquet", ".npz")


def tables_of(project):
    """Content of every table that a run made, by its place."""
    folder = project.path / "data"
    made = (f for f in sorted(folder.rglob("*")) if f.suffix in TABLES and "01_raw" not in f.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in made}


@pytest.mark.slow
def test_every_table_is_the_same_byte_for_byte(project):
    project.run()
    alone = tables_of(project)
    reporting = project.path / "data/08_reporting/demo/demo_gene_brain"
    nodes = {row["node"] for row in json.loads((reporting / "resources.json").read_text())}
    for folder in (project.path / "data").iterdir():
        if folder.name != "01_raw":
            shutil.rmtree(folder)
    project.run("--runner=ParallelRunner")
    beside = tables_of(project)
    assert len(alone) > 30
    assert list(beside) == list(alone)
    assert [name for name in alone if alone[name] != beside[name]] == []
    # What the processes measured is in one file.
    assert {row["node"] for row in json.loads((reporting / "resources.json").read_text())} == nodes
    assert len(nodes) > 50
