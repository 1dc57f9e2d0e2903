"""Fixtures that run the project as a user does, in a copy that tests may spoil."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items):
    """Whole runs first, so that no worker ends with the longest file alone."""
    items.sort(key=lambda item: item.path.parent != ROOT / "tests")


class Project:
    """A copy of the project: configuration, cards, code and the demo cohort.

    Parameters
    ----------
    path : Path
        Where to put it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("conf", "src", "scripts"):
            shutil.copytree(
                ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        shutil.copytree(
            ROOT / "kb", path / "kb", ignore=shutil.ignore_patterns("results", "decisions", "local")
        )
        shutil.copytree(ROOT / "data/01_raw/demo", path / "data/01_raw/demo")
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(ROOT / name, path / name)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the commands: the copy's code, no inherited Kedro settings."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KEDRO_", "MLFLOW_"))}
        return {**kept, "PYTHONPATH": str(self.path / "src"), "DO_NOT_TRACK": "1", "COLUMNS": "80"}

    def command(self, *arguments: str) -> list[str]:
        """Kedro command line."""
        return [sys.executable, "-m", "kedro", *arguments]

    def kedro(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a Kedro command and capture what it prints."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.path,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run the integration; fail with its output if it fails."""
        done = self.kedro("run", "--pipeline=integration", *arguments, **environment)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def changed(self, **experiment) -> tuple[str, str]:
        """Options that change some fields of the default experiment."""
        file = self.path / "changed.yml"
        file.write_text(yaml.safe_dump({"run": {"params": {"experiment": experiment}}}))
        return "--config", str(file)

    def outputs(self, cohort: str = "demo", experiment: str = "demo_gene_brain") -> Path:
        """Folder of the model outputs of an experiment."""
        return self.path / "data/07_model_output" / cohort / experiment

    @property
    def results(self) -> list[Path]:
        """Result cards of the runs, oldest first."""
        return sorted(
            (self.path / "kb/results/local").glob("*.yaml"), key=lambda p: p.stat().st_mtime
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A copy of the project for the tests of one module."""
    return Project(tmp_path_factory.mktemp("project") / "neurogenomics")


def public_cohort(variable: str, beside: str, file: str, what: str) -> Path:
    """Folder of a public cohort that an environment variable names, or skip.

    Beside a checkout that has the shared data folder, that one is used.
    """
    named = os.environ.get(variable)
    folder = Path(named) if named else ROOT.parent / "shared/data" / beside
    if not (folder / file).is_file():
        pytest.skip(f"{what} is not here: set {variable}")
    return folder


@pytest.fixture(scope="session")
def aomic_dir() -> Path:
    """Folder of the AOMIC-PIOP2 tables, from the environment variable NGKB_AOMIC_DIR."""
    what = "AOMIC-PIOP2 (OpenNeuro ds002790)"
    return public_cohort("NGKB_AOMIC_DIR", "aomic_piop2", "participants.tsv", what)


@pytest.fixture(scope="session")
def hbn_dir() -> Path:
    """Folder of the participants of HBN-EEG, from the environment variable NGKB_HBN_DIR."""
    file = "participants_all_releases.tsv"
    return public_cohort("NGKB_HBN_DIR", "hbn", file, "HBN-EEG (docs/data/hbn.md)")


@pytest.fixture(scope="session")
def devfmri_dir() -> Path:
    """Folder of the participants of ds000228, from the environment variable NGKB_DEVFMRI_DIR."""
    what = "OpenNeuro ds000228"
    return public_cohort("NGKB_DEVFMRI_DIR", "dev_fmri_ds000228", "participants.tsv", what)
