"""The documentation builds strictly, and what it says can be typed and found."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from neurogenomics_kb.kb import kb
from tests.conftest import ROOT

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
TEXT = "\n".join(page.read_text() for page in PAGES)
COMMANDS = sorted(set(re.findall(r"^(kedro kb [^\n#`]+)", TEXT, flags=re.M)))


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


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_knowledge_base_work(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(kb, shlex.split(command)[2:])
    assert done.exit_code == 0, done.output


def test_enough_commands_are_shown():
    assert len(COMMANDS) >= 6


def test_run_configurations_and_environments_exist():
    for file in set(re.findall(r"conf/experiments/\w+\.yml", TEXT)):
        assert (ROOT / file).exists(), file
    for name in set(re.findall(r"--env (\w+)", TEXT)):
        assert (ROOT / "conf" / name / "globals.yml").exists(), name


def test_files_that_are_named_exist():
    named = set(re.findall(r"`((?:src|conf|kb|docs|scripts|tests)/[\w./-]+)`", TEXT))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_cards_that_are_named_exist():
    strategies = yaml.safe_load(
        (ROOT / "kb/integration_cards/embedding_strategies.yaml").read_text()
    )
    for card_id in set(re.findall(r"\b(?:smri|genetics|fmri|behaviour)_\w+_v\d+\b", TEXT)):
        assert card_id in strategies, card_id


def test_sources_of_the_cards_that_are_files_exist():
    for file in (ROOT / "kb").rglob("*.yaml"):
        for path in re.findall(r"\b((?:docs|src)/[\w./-]+\.\w+)", file.read_text()):
            assert (ROOT / path).exists(), (file.name, path)
