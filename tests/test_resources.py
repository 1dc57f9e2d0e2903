"""Hooks that send loops to a backend, and that meter nodes."""

from __future__ import annotations

import json
import logging
import os
import time

import numpy as np
import pytest
import yaml
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from neurogenomics_kb.foundation.backends import active_backend, read_backend
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import parallel_loop
from neurogenomics_kb.project.compute import COMPUTE, Compute
from neurogenomics_kb.project.resources import Resources
from tests.conftest import ROOT
from tests.foundation import loop_work


def fill(megabytes):
    return float(np.ones(int(megabytes * 1e6 / 8)).sum())


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def loop(n):
    return sum(pid != os.getpid() for pid in parallel_loop(loop_work.where, range(int(n))))


def burn(n):
    return int(n), parallel_loop(spin, range(4))[0]


def spin(task):
    start = time.process_time()
    while time.process_time() - start < 0.3:
        pass
    return task


def fail(x):
    raise InputError("no", remedy="None.")


def run(nodes, tmp_path, compute=None, hooks=None):
    manager = _create_hook_manager()
    for hook in hooks or (Compute(), Resources()):
        manager.register(hook)
    given = {"a": MemoryDataset(400), "b": MemoryDataset(0.5), "c": MemoryDataset(4)}
    if compute is not None:
        given[f"params:{COMPUTE}"] = MemoryDataset(compute)
    catalog = DataCatalog(given)
    catalog["reporting.resources"] = JSONDataset(filepath=str(tmp_path / "x/resources.json"))
    for node in nodes:
        for name in node.outputs:
            catalog[name] = MemoryDataset()
    pipeline = Pipeline(nodes)
    manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
    try:
        SequentialRunner().run(pipeline, catalog, manager)
    except Exception as error:
        manager.hook.on_pipeline_error(
            error=error, run_params={}, pipeline=pipeline, catalog=catalog
        )
        raise
    manager.hook.after_pipeline_run(
        run_params={}, run_result={}, pipeline=pipeline, catalog=catalog
    )
    return rows_in(tmp_path)


def rows_in(tmp_path):
    return {row["node"]: row for row in json.loads((tmp_path / "x/resources.json").read_text())}


def test_time_and_peak_of_every_node(tmp_path, caplog):
    nodes = [Node(fill, "a", "filled", name="fill"), Node(sleep, "b", "slept", name="sleep")]
    with caplog.at_level(logging.INFO):
        rows = run(nodes, tmp_path)
    assert set(rows) == {"fill", "sleep"}
    assert set(rows["fill"]) == {"node", "wall_s", "cpu_s", "peak_mb"}
    assert rows["sleep"]["wall_s"] >= 0.5
    assert rows["sleep"]["cpu_s"] < 0.5
    # The peak of one node is not that of the one before.
    assert 380 < rows["fill"]["peak_mb"] - rows["sleep"]["peak_mb"] < 450
    assert "of processor time, at most" in caplog.text
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["resources.json"]


def test_nodes_that_a_run_leaves_out_keep_their_row(tmp_path):
    nodes = [Node(fill, "c", "filled", name="fill"), Node(sleep, "b", "slept", name="sleep")]
    run(nodes, tmp_path)
    before = rows_in(tmp_path)["fill"]
    after = run(nodes[1:], tmp_path)
    assert after["fill"] == before
    assert set(after) == {"fill", "sleep"}


def test_a_run_that_failed_leaves_what_was_measured(tmp_path):
    nodes = [Node(fill, "c", "filled", name="fill"), Node(fail, "filled", "never", name="fail")]
    with pytest.raises(InputError):
        run(nodes, tmp_path, {"backend": "processes", "n_jobs": 2})
    assert set(rows_in(tmp_path)) == {"fill", "fail"}
    assert active_backend().workers() is None


def test_loops_of_a_run_go_where_compute_says(tmp_path):
    nodes = [Node(loop, "c", "elsewhere", name="loop"), Node(burn, "c", ["n", "t"], name="burn")]
    alone = run(nodes, tmp_path, {"backend": "serial"})
    rows = run(nodes, tmp_path, {"backend": "processes", "n_jobs": 2, "worth_s": 0})
    # Processor time and memory of workers are the node's.
    assert rows["burn"]["cpu_s"] >= 1.2
    assert rows["burn"]["peak_mb"] > alone["burn"]["peak_mb"] + 30
    assert active_backend().workers() is None


def test_a_misspelt_backend_ends_the_run_in_its_first_second(tmp_path):
    with pytest.raises(InputError, match=r"parameters 'compute'.*column 'n_job'"):
        run([Node(sleep, "b", "slept")], tmp_path, {"backend": "processes", "n_job": 2})


def test_the_projects_own_backend_gives_way_to_another():
    """An environment names what it wants; what base says must not remain beside it."""
    own = yaml.safe_load((ROOT / "conf/base/parameters/compute.yml").read_text())[COMPUTE]
    for other in (
        {"backend": "serial"},
        {"backend": "processes", "n_jobs": 3, "worth_s": 1},
        {"backend": "dask", "workers": 2},
    ):
        assert read_backend({**own, **other}, "compute").backend == other["backend"]
