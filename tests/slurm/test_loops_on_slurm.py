"""Loops whose workers are jobs of a Slurm cluster, of this machine alone."""

from __future__ import annotations

import os

import pytest

from tests.foundation import loop_work as work
from tests.foundation.test_loops import run, same
from tests.slurm.cluster import Cluster, missing_programs
from tests.small_project import ROOT

pytest.importorskip("dask_jobqueue")
LACKING = missing_programs()
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(LACKING), reason=f"Slurm is not installed here: there is no {', '.join(LACKING)}"
    ),
]


def test_results_are_those_of_one_process_with_a_worker_killed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where jobs write their logs
    (tmp_path / "deaths").mkdir()
    with Cluster(tmp_path / "alone") as cluster:
        monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
        slurm = {
            "jobs": 2,
            "memory": "1GB",
            "walltime": "00:10:00",
            "prologue": [f"export PYTHONPATH={ROOT}/src:{ROOT}"],
        }
        more = (str(tmp_path / "deaths"), 1, os.getpid())
        found = run(
            work.statistic_and_death, more, backend="dask", slurm=slurm, worth_s=0,
            folder=str(tmp_path),
        )  # fmt: skip
        assert same(run(), found)
        assert len(list((tmp_path / "deaths").iterdir())) == 3
        # The jobs end with the loops.
        assert cluster.ask("squeue", "-h", "-o", "%T") in ("", "COMPLETING")
