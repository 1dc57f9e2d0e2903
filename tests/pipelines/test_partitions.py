"""Tables of a folder, one in memory at a time."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.partitions import (
    Lazily,
    blocks_in_turn,
    load_blocks,
)
from neurogenomics_kb.pipelines.integration.projection import Streamed, stream_projections


def stored(names: list[str], rows: int = 10):
    """Partitions that count how often each is loaded."""
    loaded: list[str] = []

    def loader(name: str):
        def load() -> pd.DataFrame:
            loaded.append(name)
            return pd.DataFrame({name: np.arange(float(rows))})

        return load

    return {name: loader(name) for name in names}, loaded


def test_a_table_is_loaded_when_it_is_asked_for_and_the_last_ones_stay():
    partitions, loaded = stored(["a", "b", "c"])
    size = int(partitions["a"]().memory_usage(deep=False).sum())
    loaded.clear()
    tables = Lazily(partitions, remembered=2 * size)
    assert list(tables) == ["a", "b", "c"]
    assert len(tables) == 3
    assert "b" in tables
    assert loaded == []
    for name in ("a", "b", "a", "c", "a", "b"):
        assert list(tables[name]) == [name]
    # b was the one that nobody had asked for the longest when c came.
    assert loaded == ["a", "b", "c", "b"]
    forgetful = Lazily(partitions, remembered=0)
    loaded.clear()
    assert forgetful["a"].equals(forgetful["a"])
    assert loaded == ["a", "a"]


def test_tables_in_memory_stay_what_they_are():
    table = pd.DataFrame({"x": [1.0]})
    assert Lazily({"a": table})["a"] is table


def test_blocks_come_in_the_order_of_the_experiment():
    partitions, loaded = stored(["brain", "gene", "other"])
    recipe = SimpleNamespace(blocks={"gene": None, "absent": None, "brain": None})
    turn = blocks_in_turn(recipe, partitions)
    assert list(turn) == ["gene", "brain"]
    assert loaded == []
    assert list(load_blocks(recipe, partitions)) == ["gene", "brain"]
    assert loaded == ["gene", "brain"]


def test_a_stream_makes_a_table_when_its_turn_comes(monkeypatch):
    made: list[str] = []

    def projections(recipe, cohort, blocks, folds, rows):
        for name in ("first", "second"):
            made.append(name)
            rows.append({"block": name})
            yield name, pd.DataFrame({name: [1.0]})

    monkeypatch.setattr(
        "neurogenomics_kb.pipelines.integration.projection._projections", projections
    )
    tables, summary = stream_projections(None, None, {}, None)
    assert isinstance(tables, Streamed)
    assert made == []
    seen = []
    for name, _ in tables.items():
        seen.append((name, list(made)))
    assert seen == [("first", ["first"]), ("second", ["first", "second"])]
    assert summary()["block"].tolist() == ["first", "second"]
