"""The documentation builds strictly, and what it says can be typed and found."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.conftest import ROOT

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
TEXT = "\n".join(page.read_text() for page in PAGES)
# Written by a reader who follows a guide; tests/docs/test_commands.py and test_cohort_guides.py do.
CLONED = "conf/experiments/my_first_run.yml"
ADDED = "my_cohort"


def test_site_builds_strictly(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    html = (tmp_path / "site/index.html").read_text()
    assert "fonts.googleapis" not in html


def test_run_configurations_and_environments_exist():
    for file in set(re.findall(r"conf/experiments/\w+\.yml", TEXT)) - {CLONED}:
        assert (ROOT / file).exists(), file
    for name in set(re.findall(r"--env (\w+)", TEXT)) - {ADDED}:
        assert (ROOT / "conf" / name / "globals.yml").exists(), name


def test_files_that_are_named_exist():
    named = set(re.findall(r"`((?:src|conf|kb|docs|scripts|tests)/[\w./-]+)`", TEXT)) - {CLONED}
    assert named
    for path in named:
        made = ADDED in path or "/local/" in path  # by a reader, or by a run
        assert made or (ROOT / path).exists(), path
