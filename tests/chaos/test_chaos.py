"""A short version: one kill of each kind, one race; the long one is ``make chaos``."""

from __future__ import annotations

import pytest

from tests.chaos.ground import Ground
from tests.chaos.kills import aimed_kills, random_kills
from tests.chaos.races import races

AIMED = ["neurogenomics_kb.registry.publish.refresh_decision:1", "mlflow.log_artifact+:5"]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    ground = Ground(tmp_path_factory.mktemp("chaos") / "project")
    ground.learn()
    return ground


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
