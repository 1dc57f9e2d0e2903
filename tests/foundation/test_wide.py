"""Tables of thousands of columns: by row group, some columns alone."""

import pickle

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from neurogenomics_kb.foundation import wide
from neurogenomics_kb.foundation.wide import StoredTable, read_table, write_table

RNG = np.random.default_rng(0)


def people(n: int, dtype=np.float64) -> pd.DataFrame:
    values = RNG.normal(size=(n, 6)).astype(dtype)
    values[n // 2, 1] = np.nan
    index = pd.Index([f"s{i}" for i in range(n)], name="subject_id")
    return pd.DataFrame(values, index=index, columns=list("abcdef"))


def visits(n: int) -> pd.DataFrame:
    pairs = [(f"s{i}", wave) for i in range(n) for wave in ("1", "2")]
    index = pd.MultiIndex.from_tuples(pairs, names=["subject_id", "wave_id"])
    return pd.DataFrame(RNG.normal(size=(2 * n, 3)), index=index, columns=list("abc"))


def mixed(n: int) -> pd.DataFrame:
    return people(n).assign(site=["x", "y"] * (n // 2), count=np.arange(n))


@pytest.mark.parametrize("rows", [3, 1000])
@pytest.mark.parametrize("table", [people(20), people(20, np.float32), visits(9), mixed(20)])
def test_what_was_written_is_read(tmp_path, monkeypatch, table, rows):
    monkeypatch.setattr(wide, "GROUP", rows * table.shape[1])
    file = tmp_path / "table.parquet"
    write_table(table, file)
    assert (pq.ParquetFile(file).num_row_groups > 1) == (rows == 3)
    pd.testing.assert_frame_equal(read_table(file), table)
    pd.testing.assert_frame_equal(read_table(file), pd.read_parquet(file))
    for wanted in (["c", "a"], ["b"]):
        pd.testing.assert_frame_equal(read_table(file, wanted), table[wanted])
    stored = StoredTable(file)
    assert list(stored.columns) == list(table.columns)
    assert stored.shape == table.shape
    assert not stored.empty
    pd.testing.assert_frame_equal(wide.columns_of(stored, ["c", "b"]), table[["c", "b"]])
    pd.testing.assert_frame_equal(wide.in_memory(stored), wide.in_memory(table))
    # Like a data frame, for whoever loads it in a notebook.
    assert len(stored) == len(table)
    assert "c" in stored
    assert stored.index.equals(table.index)
    assert stored["c"].equals(table["c"])
    assert stored.loc[table.index[1], "a"].tolist() == table.loc[table.index[1], "a"].tolist()
    assert pickle.loads(pickle.dumps(stored)).shape == table.shape


def test_a_table_of_what_was_not_collected(tmp_path):
    file = tmp_path / "empty.parquet"
    write_table(pd.DataFrame(index=pd.Index([], name="subject_id")), file)
    assert StoredTable(file).empty
    assert StoredTable(file).shape[1] == 0


def test_reading_by_row_group_holds_the_table_once(tmp_path, monkeypatch):
    import tracemalloc

    table = pd.DataFrame(RNG.normal(size=(4000, 500)), index=pd.Index(range(4000), name="i"))
    table.columns = [f"c{i}" for i in range(500)]
    monkeypatch.setattr(wide, "GROUP", 250 * 500)
    file = tmp_path / "table.parquet"
    write_table(table, file)
    tracemalloc.start()
    read_table(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * table.to_numpy().nbytes
