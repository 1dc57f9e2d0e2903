"""`ngkb embed` and `ngkb jobs` in a folder of the project, as a user calls them."""

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
from click.testing import CliRunner

from neurogenomics_kb.project.commands import kb
from neurogenomics_kb.project.jobs.estimate import estimate_shards, read_measured
from neurogenomics_kb.project.shards import open_cohort
from tests.small_project import ROOT, link_project

CACHE = Path("data/02_intermediate/demo/fmri/cache")
PEOPLE = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return link_project(tmp_path_factory.mktemp("shards") / "project", PEOPLE)


@pytest.fixture
def ask(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for file in CACHE.rglob("*"):
        if file.is_file():
            file.unlink()
    return lambda *words: CliRunner().invoke(kb, [str(word) for word in words])


def entries():
    return sorted(CACHE.rglob("*.npz"))


def start(folder, shard):
    """A shard as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "neurogenomics_kb.project.commands", "embed", "fmri", "--shard",
         shard],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def test_a_merge_refuses_holes_and_names_their_commands(ask):
    empty = ask("embed", "fmri", "--merge", 3)
    assert empty.exit_code == 1
    found = re.findall(r"ngkb embed fmri --shard (\d)/3   # (\d+)", empty.output)
    assert [number for number, _ in found] == ["1", "2", "3"]
    total = int(re.search(r"(\d+) items are missing, of 3 of 3 shards", empty.output)[1])
    assert sum(int(count) for _, count in found) == total > PEOPLE / 2
    for number, count in found[:2]:
        done = ask("embed", "fmri", "--shard", f"{number}/3")
        assert done.exit_code == 0, done.output
        assert f"{count} in shard {number}/3, 0 found, {count} computed" in done.output
    rest = ask("embed", "fmri", "--check", 3)
    assert rest.exit_code == 1
    assert "of 1 of 3 shards" in rest.output
    assert ask("embed", "fmri", "--shard", "3/3").exit_code == 0
    merged = ask("embed", "fmri", "--merge", 3)
    assert merged.exit_code == 0
    assert "All 3 shards are in the cache" in merged.output
    # Another number of shards is another cut of the same items.
    assert ask("embed", "fmri", "--merge", 5).exit_code == 0
    assert not list(Path().glob("ml*"))


def test_damage_is_a_hole_of_one_shard(ask):
    ask("embed", "fmri", "--shard", "1/1")
    file = entries()[3]
    file.write_bytes(file.read_bytes()[:50])
    refused = ask("embed", "fmri", "--merge", 4)
    assert refused.exit_code == 1
    command = re.search(r"1 item is missing, of 1 of 4 shards:\n  ngkb (.*?)   # 1", refused.output)
    assert ", 1 computed" in ask(*command[1].split()).output
    assert ask("embed", "fmri", "--merge", 4).exit_code == 0


@pytest.mark.slow
def test_two_at_once_and_a_killed_one_give_what_one_process_gives(ask, folder, monkeypatch):
    alone = folder / "alone.yml"
    alone.write_text("run:\n  params:\n    fmri:\n      connectivity: {cache: null}\n")
    whole = open_cohort("fmri", config=alone).demand("fmri.features")
    assert entries() == []
    first, same, other = (start(folder, shard) for shard in ("1/2", "1/2", "2/2"))
    end = time.monotonic() + 120
    while not entries():
        assert time.monotonic() < end
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    for process in (same, other):
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert ask("embed", "fmri", "--merge", 2).exit_code == 0
    monkeypatch.setattr("neurogenomics_kb.brain.connectivity.connect_run", None)
    features = open_cohort("fmri").demand("fmri.features")
    pd.testing.assert_frame_equal(features, whole, check_exact=True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("embed", "fmri"), "either --shard I/N or --merge N"),
        (("embed", "fmri", "--shard", "5/4"), "no shard 5 of 4"),
        (("embed", "fmri", "--shard", "1/2", "--config", "no.yml"), "no.yml: the file is missing"),
        (("embed", "smri", "--merge", "2", "--env", "nowhere"), "nowhere"),
        (("embed", "dmri", "--merge", "2"), "'dmri' is not one of"),
        (("embed", "genomics", "--shard", "1/2", "--prepared"), "kedro run --pipeline=genomics"),
        (("jobs", "slurm", "fmri", "--shards", "2", "--price", "1"), "--price-source"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(ask, words, told):
    done = ask(*words)
    assert done.exit_code in (1, 2)
    assert told in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_cohort_without_work_says_so(ask):
    done = ask("embed", "smri", "--shard", "1/2")
    assert done.exit_code == 0
    assert "nothing to share out" in done.output


def test_no_cache_no_shard(ask, folder):
    (folder / "alone.yml").write_text(
        "run:\n  params:\n    fmri:\n      connectivity: {cache: null}\n"
        "      embedding: {cache: null}\n"
    )
    done = ask("embed", "fmri", "--shard", "1/2", "--config", "alone.yml")
    assert done.exit_code == 1
    assert "there is no cache" in done.output


def test_a_job_knows_its_cost_from_a_probe(ask):
    unknown = ask("jobs", "slurm", "fmri", "--shards", 4)
    assert "not measured yet: add --probe" in unknown.stdout
    assert "#SBATCH --time" not in unknown.stdout
    done = ask("jobs", "slurm", "fmri", "--shards", 4, "--probe", 5, "--partition", "long")
    assert done.exit_code == 0, done.output
    assert len(entries()) == 5
    script = done.stdout
    for line in (
        "#SBATCH --array=1-4", "#SBATCH --requeue", "#SBATCH --cpus-per-task=1",
        "#SBATCH --time=00:10:00", "#SBATCH --partition=long", "OMP_NUM_THREADS=1",
        'ngkb embed fmri --shard "$SLURM_ARRAY_TASK_ID/4"',
    ):  # fmt: skip
        assert line in script
    told = re.search(r"(\d+) items, (\d+) to compute, ([\d.e-]+) s each \(measured on 5\)", script)
    assert int(told[1]) - int(told[2]) == 5
    assert syntax_of(script) == 0


def test_an_estimate_adds_up(ask):
    ask("jobs", "local", "fmri", "--shards", 3, "--probe", 4)
    cohort = open_cohort("fmri")
    rate, peak = read_measured(cohort.cache)["runs connected"]
    cost = estimate_shards(cohort, 3, start=10.0)
    line = cost.lines[0]
    assert rate.items == line.measured == 4
    assert line.seconds == pytest.approx(rate.seconds * line.missing)
    assert cost.hours == pytest.approx((line.seconds + 30) / 3600)
    assert 10 + line.seconds / 3 <= cost.longest < 10 + line.seconds
    assert cost.peak_gb == peak > 0.05
    size = sum(file.stat().st_size for file in entries())
    assert cost.cache_gb == pytest.approx(size / 4 * line.items / 1e9)


def test_jobs_of_other_kinds(ask):
    local = ask("jobs", "local", "fmri", "--shards", 6, "--cores", 3, "--env", "demo").stdout
    assert "seq 1 6 | xargs -P 3 -I{} ngkb embed fmri --env demo --shard {}/6" in local
    assert local.rstrip().endswith("ngkb embed fmri --env demo --merge 6")
    price = ("--price", 0.16, "--price-source", "rate card, 2026-11")
    cloud = ask("jobs", "dx", "fmri", "--shards", 6, "--probe", 2, *price).stdout
    assert "for shard in $(seq 1 6); do" in cloud
    assert "--instance-type mem1_ssd1_v2_x2 --priority low" in cloud
    assert "ngkb embed fmri --shard $shard/6" in cloud
    cost = float(re.search(r"# ([\d.]+) GBP at 0.16 GBP an hour \(rate card, 2026-11\)", cloud)[1])
    assert 0.16 * 6 * 5 / 60 <= cost < 0.16  # five minutes of each machine before it computes
    without = ask("jobs", "dx", "fmri", "--shards", 6).stdout
    assert "GBP" not in without
    assert {syntax_of(local), syntax_of(cloud), syntax_of(without)} == {0}


def syntax_of(script):
    """Exit code of the shell's look at a script."""
    return subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode
