"""A short version: one kill of each kind, one race, some files; the long one is ``make chaos``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.broken import broken_files, import_first
from tests.chaos.disk import can_mount, full_disks, lost_rights, unmount, without_powers
from tests.chaos.ground import Ground
from tests.chaos.hostile import HOSTILE, feed, hostile_files
from tests.chaos.kills import aimed_kills, random_kills
from tests.chaos.races import races
from tests.conftest import Project

AIMED = ["neurogenomics_kb.registry.publish.refresh_decision:1", "mlflow.log_artifact+:5"]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    return Ground.learnt(tmp_path_factory.mktemp("chaos") / "project")


def survive(attempts):
    """All of them, however many fall."""
    fell = {attempt.what: attempt.faults for attempt in attempts if attempt.faults}
    assert not fell


def test_hostile_files_of_every_reader_are_refused(tmp_path):
    first = {reader: i for i, (reader, *_) in reversed([*enumerate(HOSTILE)])}
    survive(hostile_files(tmp_path, first.values()))


@pytest.mark.slow
def test_all_hostile_files_are_refused(tmp_path):
    survive(hostile_files(tmp_path))


def test_what_harms_is_seen(tmp_path):
    """The watch over readers that do what none may, or read everything, sees it."""

    def runs(path):
        os.system("true")

    def writes(path):
        Path("/tmp/of-nobody").write_text("x")

    def endures(path):
        bytearray(2 * 10**9)

    for read, words in ((runs, "os.system was called"), (writes, "opened for writing"),
                        (endures, "MB"), (str, "read without a word")):  # fmt: skip
        found = feed(read, tmp_path / "x", tmp_path, "it")
        assert any(words in fault for fault in found.faults), (read, found)


@pytest.mark.parametrize("n", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_broken_tables_and_yaml_are_one_line(tmp_path, n):
    import_first()
    survive(broken_files(Project(tmp_path / "project"), n, seed=n))


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_resumed(tmp_path):
    if not can_mount(tmp_path / "disk"):
        pytest.skip("only root may mount a disk of limited size")
    try:
        ground = Ground.learnt(tmp_path / "disk/project")
        survive(full_disks(ground, tmp_path / "disk", 2, seed=1))
    finally:
        unmount(tmp_path / "disk")


@pytest.mark.slow
def test_a_lost_right_is_one_line_and_resumed(tmp_path):
    before = without_powers()
    if before is None:
        pytest.skip("root writes anywhere, and there is no setpriv")
    survive(lost_rights(Ground.learnt(tmp_path / "project", before), 3))


def test_a_run_killed_while_it_publishes_is_completed(ground):
    for attempt in aimed_kills(ground, AIMED[:1]):
        assert attempt.faults == [], attempt.what


@pytest.mark.slow
def test_runs_killed_anywhere_are_completed(ground):
    for attempt in [*aimed_kills(ground, AIMED[1:]), *random_kills(ground, 2, seed=1)]:
        assert attempt.faults == [], attempt.what


@pytest.mark.slow
def test_two_runs_at_once_publish_what_each_would_alone(ground):
    for attempt in races(ground, 2, seed=1):
        assert attempt.faults == [], attempt.what
