"""`--env scale` from the simulating script to report, card and the times of its nodes."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from neurogenomics_kb.calibration.slopes import by_stage
from tests.conftest import ROOT, Project

pytestmark = pytest.mark.slow


def simulate(project: Project, *arguments: str) -> subprocess.CompletedProcess:
    """Type the script's command line in the project's folder."""
    return subprocess.run(
        [sys.executable, "scripts/simulate_scale.py", *arguments],
        cwd=project.path, env=project.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(project: Project) -> Project:
    folder = project.path / "data/01_raw/scale/600"
    sizes = ["--people", "600", "--genes", "6", "--dims", "16", "--regions", "48"]
    done = simulate(project, str(folder), *sizes)
    assert done.returncode == 0, done.stderr
    assert "600 people, 96 gene and 48 brain columns" in done.stdout
    again = simulate(project, str(folder), *sizes)
    assert again.returncode == 1
    assert "not empty" in again.stderr
    project.run("--env", "scale", NGKB_SCALE_DIR=str(folder))
    return project


def test_it_ends_in_a_report_and_a_card(run):
    reporting = run.path / "data/08_reporting/scale/scale_gene_brain"
    assert (reporting / "report.html").stat().st_size > 10_000
    card = yaml.safe_load((reporting / "result_card.yaml").read_text())
    assert card["cohort"] == "scale"
    assert run.results
    cca = pd.read_csv(run.outputs("scale", "scale_gene_brain") / "cca.csv")
    first = cca[cca["component"] == 1].iloc[0]
    assert first["p_adjusted"] < 0.05  # the planted axis


def test_every_check_of_the_audit_is_told_or_said_not_to_be(run):
    outputs = run.outputs("scale", "scale_gene_brain")
    verdict = json.loads((outputs / "audit_verdict.json").read_text())
    audit = pd.read_csv(outputs / "audit.csv")
    assert len(audit) > 30
    assert {sentence["level"] for sentence in verdict}


def test_times_of_all_nodes_belong_to_stages(run):
    path = run.path / "data/08_reporting/scale/scale_gene_brain/resources.json"
    stages = by_stage(json.loads(path.read_text()))
    for name in ("projection", "canonical correlations", "prediction", "attribution", "audit",
                 "tables", "report"):  # fmt: skip
        seconds, gigabytes = stages[name]
        assert seconds > 0, name
        assert 0.05 < gigabytes < 5, name


def test_make_scale_names_this_script_and_environment():
    recipe = (ROOT / "Makefile").read_text().split("\nscale: install")[1].split("\n\n")[0]
    assert "$(BIN)/python scripts/simulate_scale.py" in recipe
    assert "--pipeline=integration --env scale" in recipe
