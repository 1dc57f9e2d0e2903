"""Shards: what is stored is not computed again, and a stop loses one shard."""

from __future__ import annotations

import logging

import pytest

from neurogenomics_kb.calibration.shards import run_shards


def test_shards_are_stored_and_read_again(tmp_path, caplog):
    asked = []

    def one(seed):
        asked.append(seed)
        return {"a": seed / 7, "b": 1.0}

    with caplog.at_level(logging.INFO):
        whole = run_shards(one, cohorts=60, folder=tmp_path, recipe="r")
    assert "minutes for 60 cohorts" in caplog.text
    assert asked == list(range(60))
    assert whole["a"].tolist() == pytest.approx([s / 7 for s in range(60)])
    again = run_shards(one, cohorts=60, folder=tmp_path, recipe="r")
    assert len(asked) == 60
    assert again["a"].tolist() == pytest.approx(whole["a"].tolist())
    assert run_shards(one, cohorts=60, folder=tmp_path, recipe="other").equals(
        run_shards(one, cohorts=60)
    )
    assert len(asked) == 180


def test_a_stop_loses_one_shard(tmp_path):
    def stops(seed):
        if seed == 40:
            raise KeyboardInterrupt
        return {"a": float(seed)}

    with pytest.raises(KeyboardInterrupt):
        run_shards(stops, cohorts=60, folder=tmp_path, recipe="r")
    asked = []

    def goes_on(seed):
        asked.append(seed)
        return {"a": float(seed)}

    found = run_shards(goes_on, cohorts=60, folder=tmp_path, recipe="r")
    assert asked == list(range(25, 60))
    assert found["a"].tolist() == list(range(60))
    assert not list(tmp_path.glob("*.part"))
