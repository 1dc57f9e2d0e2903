"""The shipped demo is what the shipped parameters give, byte for byte."""

from __future__ import annotations

import filecmp

import pytest

from tests.conftest import ROOT, Project


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("simulation") / "project")
    done = project.kedro("run", "--pipeline=simulation", NGKB_DEMO_DIR=str(project.path / "again"))
    assert done.returncode == 0, done.stderr[-2000:]
    return project.path / "again"


def test_demo_is_reproduced_byte_for_byte(again):
    shipped = ROOT / "data/01_raw/demo"
    files = sorted(p.relative_to(shipped) for p in shipped.rglob("*") if p.is_file())
    assert len(files) > 780
    made = sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert made == files
    different = [str(f) for f in files if not filecmp.cmp(shipped / f, again / f, shallow=False)]
    assert different == []


def test_demo_is_small():
    size = sum(p.stat().st_size for p in (ROOT / "data/01_raw/demo").rglob("*") if p.is_file())
    assert size < 20_000_000
