"""Nothing reports on its use, however the product is started and wherever its project lies."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = """
from pathlib import Path
from kedro_telemetry.plugin import _check_for_telemetry_consent
from mlflow.telemetry.utils import is_telemetry_disabled
print(_check_for_telemetry_consent(Path.cwd()), is_telemetry_disabled())
"""
STARTS = {
    "kedro": "from kedro.framework.cli.utils import load_entry_points\n"
             "[point() for point in load_entry_points('init')]",
    "ngkb": "import neurogenomics_kb.project.commands",
    "python": "import neurogenomics_kb",
}  # fmt: skip
ASKED = ("DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY",
         "PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS")  # fmt: skip


@pytest.mark.parametrize("start", [*STARTS, "nothing of ours"])
def test_kedro_and_mlflow_are_told_not_to_report(start, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ASKED}
    said = subprocess.run(
        [sys.executable, "-c", STARTS.get(start, "") + ASK], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # Without us both would report: the question can be answered in two ways.
    expected = "False True" if start in STARTS else "None False"
    assert said.stdout.strip().splitlines()[-1] == expected
