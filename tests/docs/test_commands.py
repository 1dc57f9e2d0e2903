"""Every command that the documentation prints is executed, in copies of the project.

`make test` itself is what runs these tests; runs of the pipeline that no other test makes are slow.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.brain.tiny_models import save_brainlm
from tests.conftest import ROOT, Project
from tests.genome.tiny_models import CADUCEUS, save_caduceus

WALK = "docs/guide/first_evidence.md"
# Typed in their order by tests/docs/test_cohort_guides.py.
COHORT_GUIDES = ("docs/guide/add-a-cohort.md", "docs/data/ukb_data_map.md")
VENV = Path(sys.prefix)
# Make takes this environment as installed whatever the dates of the copied files; otherwise it
# would install the copy into it.
INSTALLED = f"{VENV}/pyvenv.cfg"
MAKE = f"VENV={shlex.quote(str(VENV))} STAMP={shlex.quote(INSTALLED)} -o {shlex.quote(INSTALLED)}"
SERVERS = {"make ui": 5000, "make viz": 4141}
RESUME = "--only-missing-outputs"
BUILDS = ["make run", "make docs"]


def commands_of(page: Path) -> list[str]:
    """Command lines of the shell blocks of a page, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.S)
    lines = [line for block in blocks for line in block.strip().splitlines()]
    return [re.sub(r"\s+# .*$", "", line).strip() for line in lines]


PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
ALL = list(dict.fromkeys(c for page in PAGES for c in commands_of(page)))
STEPS = commands_of(ROOT / WALK)
WALKED = [*STEPS, *(c for page in COHORT_GUIDES for c in commands_of(ROOT / page))]
ASKING = [
    c for c in ALL if c.startswith(("kedro kb", "ngkb", "python scripts")) and c not in WALKED
]
RUNS = [c for c in ALL if "kedro run" in c and c not in WALKED]


class Checkout(Project):
    """A copy with documentation and results, in which shell commands are typed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for name in ("docs", "kb/results", "kb/decisions"):
            shutil.copytree(
                ROOT / name, path / name, ignore=shutil.ignore_patterns("*.png", "local")
            )
        (path / "docs/images").mkdir(exist_ok=True)
        for name in ("mkdocs.yml", "Makefile", "requirements.lock", "README.md"):
            shutil.copy(ROOT / name, path / name)
        (path / "tests").symlink_to(ROOT / "tests")
        for image in (ROOT / "docs/images").glob("*"):
            shutil.copy(image, path / "docs/images" / image.name)

    def shell(self, command: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a line as it is printed."""
        if command.startswith("make "):
            command = f"{command} {MAKE}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.path,
            env={**self.environment, "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("checkout") / "neurogenomics")


@pytest.fixture(scope="module")
def newcomer(checkout):
    """The guide's five steps, typed one after another."""
    checkout.said = {command: checkout.shell(command).stdout for command in STEPS}
    return checkout


def test_every_command_is_one_that_some_test_executes():
    others = {"make test", *SERVERS, *BUILDS}
    assert set(ALL) == {*WALKED, *ASKING, *RUNS} | (others & set(ALL))
    assert len(STEPS) >= 6
    assert len(ASKING) >= 8
    assert len(RUNS) >= 10


def test_newcomer_reads_the_card_and_the_recipe(newcomer):
    assert "id: permutation_cca_winkler2020" in newcomer.said[STEPS[0]]
    assert "cards are valid" in newcomer.said["kedro kb validate"]


def test_newcomer_finds_the_new_result_on_the_site(newcomer):
    results = list((newcomer.path / "kb/results/local").glob("demo-my_first_run-*.yaml"))
    assert len(results) == 1
    name = results[0].stem
    assert name in newcomer.said["kedro kb list result"]
    site = newcomer.path / "site"
    assert "Canonical correlations" in (site / f"catalogue/result/{name}/index.html").read_text()
    for page in (
        "catalogue/embedding_strategy/smri_free_surfer_pca512_v1",
        "catalogue/model/kmer_spectrum_k4",
        "catalogue/dataset/demo",
        "catalogue/experiment/my_first_run",
        "decisions/2025-11-integration-plan",
    ):
        assert name in (site / page / "index.html").read_text(), page
    assert name in (site / "search/search_index.json").read_text()


@pytest.mark.parametrize("command", ASKING)
def test_questions_to_the_knowledge_base_are_answered(newcomer, command):
    assert newcomer.shell(command).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNS)
def test_runs_of_the_pipeline_end_well(checkout, command, request, tmp_path):
    for cohort in ("aomic", "hbn", "devfmri"):
        if f"--env {cohort}" in command:
            folder = request.getfixturevalue(f"{cohort}_dir")
            command = command.replace("/path/to/folder", shlex.quote(str(folder)))
    environment = {}
    if "_fm.yml" in command:
        # Published weights cannot be had everywhere; random ones of the same architecture can.
        save_caduceus(tmp_path / CADUCEUS)
        environment["NGKB_MODEL_DIR"] = str(tmp_path)
    if "brain_encoders.yml" in command:
        series = next((ROOT / "data/01_raw/demo/timeseries").glob("*.tsv"))
        parcels = len(series.read_text(encoding="utf-8").splitlines()[0].split("\t"))
        save_brainlm(tmp_path / "vandijklab/brainlm/vitmae_111M", parcels)
        environment["NGKB_MODEL_DIR"] = str(tmp_path)
    if RESUME in command:
        # Only a run of the same recipe may be finished, and the one before was of another.
        checkout.shell(command.replace(RESUME, ""))
    checkout.shell(command, **environment)


@pytest.mark.slow
@pytest.mark.parametrize("command", BUILDS)
def test_builds_end_well(newcomer, command):
    newcomer.shell(command)


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in SERVERS if c in ALL])
def test_servers_answer(newcomer, command):
    process = subprocess.Popen(
        ["bash", "-c", f"{command} {MAKE}"],
        cwd=newcomer.path,
        env={**newcomer.environment, "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"},
        start_new_session=True,
    )
    try:
        assert wait_for(f"http://127.0.0.1:{SERVERS[command]}/")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_for(address: str, seconds: float = 120) -> bool:
    """Whether a server answers in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return urllib.request.urlopen(address, timeout=5).status == 200
        except OSError:
            time.sleep(1)
    return False
