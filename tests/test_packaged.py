"""The wheel: cards and configuration inside, a project made of it, runs without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.start import start_project
from tests.conftest import ROOT

BUILT_OF = ("src", "conf", "kb", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md",
            "LICENSE", ".telemetry", ".gitignore")  # fmt: skip
ALONE = {"PYTHONPATH", "NGKB_TRACEBACK", "MLFLOW_TRACKING_URI"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder with the installed wheel, and a way to give orders with it elsewhere."""
    top = tmp_path_factory.mktemp("packaged")
    copy, site = top / "copy", top / "site"
    copy.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in BUILT_OF:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, copy / name)
    # What is of one machine stays there.
    for private in ("conf/local/credentials.yml", "kb/results/local/secret.yaml"):
        (copy / private).parent.mkdir(parents=True, exist_ok=True)
        (copy / private).write_text("secret: 1\n")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(top)]
    subprocess.run([*build, str(copy)], check=True, capture_output=True, text=True)
    shutil.rmtree(copy)
    [wheel] = top.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True)
    environment = {k: v for k, v in os.environ.items() if k not in ALONE}

    def order(*words, folder):
        return subprocess.run(
            [sys.executable, *words], cwd=folder, capture_output=True, text=True,
            env={**environment, "PYTHONPATH": str(site), "MPLBACKEND": "agg"},
        )  # fmt: skip

    return site, order


@pytest.fixture(scope="module")
def study(installed, tmp_path_factory):
    """A project made by the installed package."""
    _, order = installed
    folder = tmp_path_factory.mktemp("somewhere") / "study"
    made = order("-m", "neurogenomics_kb.project.commands", "init", "study", folder=folder.parent)
    assert made.returncode == 0, made.stderr
    return folder


def test_nothing_of_one_machine_is_in_the_wheel(installed):
    site, _ = installed
    packed = site / "neurogenomics_kb/_project"
    assert (packed / "kb/model_cards").is_dir()
    assert (packed / "conf/base/catalog").is_dir()
    assert not list(packed.rglob("local"))
    assert not [p for p in packed.rglob("*") if p.is_file() and "secret: 1" in p.read_text()]


def test_a_folder_without_a_project_is_one_line(installed, tmp_path):
    _, order = installed
    done = order("-m", "neurogenomics_kb", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "ngkb init FOLDER" in done.stderr
    assert not list(tmp_path.iterdir())


def test_its_cards_are_valid_and_what_is_not_here_is_said(installed, study):
    _, order = installed
    done = order("-m", "neurogenomics_kb.project.commands", "validate", folder=study)
    assert done.returncode == 0, done.stdout
    assert "cards are valid" in done.stdout
    assert "not looked for" in done.stdout


def test_it_runs_without_a_checkout_and_without_reporting_on_its_use(installed, study):
    _, order = installed
    (study / ".telemetry").unlink()
    done = order("-m", "neurogenomics_kb", "--pipeline=simulation", folder=study)
    assert done.returncode == 0, done.stderr
    assert (study / "data/01_raw/demo/participants.tsv").is_file()
    assert "usage data" not in done.stdout + done.stderr


@pytest.mark.slow
def test_it_runs_to_a_report_and_a_card(installed, study):
    _, order = installed
    for pipeline in ("simulation", "integration"):
        done = order("-m", "neurogenomics_kb", f"--pipeline={pipeline}", folder=study)
        assert done.returncode == 0, done.stderr
    assert list((study / "data/08_reporting/demo").rglob("report.html"))
    [card] = (study / "kb/results/local").glob("*.yaml")
    assert "+code." in yaml.safe_load(card.read_text())["code_version"]


def test_a_project_is_made_in_new_folders_only(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("")
    (tmp_path / "file").write_text("")
    for taken in ("there", "file"):
        with pytest.raises(InputError, match="something lies there"):
            start_project(tmp_path / taken)
    made = start_project(tmp_path / "of a checkout")
    assert {"conf", "kb", "src", "data", "pyproject.toml", ".telemetry"} <= {
        p.name for p in made.iterdir()
    }
    assert not list((made / "kb").rglob("local"))
