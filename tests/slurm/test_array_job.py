"""The array job that ``ngkb jobs slurm`` prints, on a cluster of this machine alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from neurogenomics_kb.project.shards import open_cohort
from tests.slurm.cluster import Cluster, missing_programs
from tests.small_project import ROOT, link_project

LACKING = missing_programs()
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(LACKING), reason=f"Slurm is not installed here: there is no {', '.join(LACKING)}"
    ),
]
SHARDS = 2
CACHE = "data/02_intermediate/demo/fmri/cache"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("slurm") / "alone") as cluster:
        yield cluster


def ngkb(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "neurogenomics_kb.project.commands", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def wait_for(ready, what: str, seconds: float = 300, pause: float = 0.02):
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, what
        time.sleep(pause)
    return found


def task_process(number: int, folder: Path) -> int | None:
    """Process of ``ngkb embed`` that does a task of the array in a folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            here = (entry / "cwd").resolve() == folder
        except OSError:
            continue
        if here and f"{number}/{SHARDS}".encode() in command and b"embed" in command:
            return int(entry.name)
    return None


def test_a_killed_task_is_put_back_and_features_are_those_of_one_process(
    cluster, tmp_path, monkeypatch
):
    project = link_project(tmp_path / "project", subjects=300)
    refused = ngkb(project, "embed", "fmri", "--merge", str(SHARDS))
    assert refused.returncode == 1
    assert f"ngkb embed fmri --shard 2/{SHARDS}" in refused.stdout
    printed = ngkb(project, "jobs", "slurm", "fmri", "--shards", str(SHARDS), "--memory", "2")
    assert printed.returncode == 0, printed.stderr
    # The command of this checkout, whichever is installed.
    script = printed.stdout.replace(
        "\nngkb embed", f"\n{sys.executable} -m neurogenomics_kb.project.commands embed"
    )
    (project / "job.sh").write_text(script)
    environment = {**cluster.environment, "PYTHONPATH": str(ROOT / "src")}
    sent = subprocess.run(
        ["sbatch", "--parsable", "--hold", "job.sh"],
        cwd=project, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    job = sent.stdout.strip()
    # The first alone, so that what is in the cache when it is killed is its own.
    cluster.ask("scontrol", "release", f"{job}_1")
    victim = wait_for(lambda: task_process(1, project.resolve()), "the first task did not start")
    wait_for(lambda: len(list((project / CACHE).rglob("*.npz"))) > 5, "nothing was computed")
    os.kill(victim, signal.SIGKILL)
    cluster.ask("scontrol", "release", f"{job}_2")
    state = "scontrol", "show", "job", f"{job}_1"
    wait_for(lambda: "Restarts=1" in cluster.ask(*state), "the task was not put back", pause=0.5)
    wait_for(lambda: not cluster.ask("squeue", "-h"), "the array did not end", pause=0.5)
    told = (project / f"ngkb-fmri-{job}_1.log").read_text()
    # The second time it finds what the first had put down.
    found, computed = re.search(r", (\d+) found, (\d+) computed", told).groups()
    assert int(found) > 5
    assert int(computed) > 0
    assert "Killed" in told

    merged = ngkb(project, "embed", "fmri", "--merge", str(SHARDS))
    assert merged.returncode == 0, merged.stdout + merged.stderr
    assert not list(project.glob("ml*"))
    monkeypatch.chdir(project)
    undivided = open_cohort("fmri", config=without_cache(tmp_path))
    whole = undivided.demand("fmri.features")
    monkeypatch.setattr("neurogenomics_kb.brain.connectivity.connect_run", None)
    features = open_cohort("fmri").demand("fmri.features")
    pd.testing.assert_frame_equal(features, whole, check_exact=True)
    assert len(features) > 250


def without_cache(folder: Path) -> Path:
    """File of a run that keeps nothing and finds nothing."""
    file = folder / "alone.yml"
    file.write_text("run:\n  params:\n    fmri:\n      connectivity: {cache: null}\n")
    return file
