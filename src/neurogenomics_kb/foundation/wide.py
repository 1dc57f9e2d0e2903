"""Tables of people with thousands of columns: written and read by row group, some columns alone.

A conversion between a data frame and a Parquet file holds the table twice. By row group it holds
the table once and a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import MB, refuse_no_file

# Bytes of a number.
CELL = 8
# Numbers in a row group: 64 MB.
GROUP = 2**23


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table, a large one by row group.

    Parameters
    ----------
    table : DataFrame (n, p)
        Rows with a named index.
    path : Path
        Parquet file.
    """
    rows = max(1, GROUP // max(table.shape[1], 1))
    if len(table) <= rows:
        table.to_parquet(path)
        return
    schema = pa.Schema.from_pandas(table.iloc[:rows], preserve_index=True)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(table), rows):
            part = table.iloc[start : start + rows]
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=True))


def read_outside(path: str | Path) -> pd.DataFrame:
    """A table that another program wrote.

    Parameters
    ----------
    path : str or Path
        Parquet file.

    Raises
    ------
    InputError
        If it is no file, or its metadata announce more than fits into memory. How much smaller a
        file is says nothing: of rare variants, zeros shrink by thousands.
    Exception
        As of ``pandas.read_parquet``, where it is damaged.
    """
    refuse_no_file(path)
    told = pq.read_metadata(path)
    size, free = told.num_rows * told.num_columns * CELL, psutil.virtual_memory().available
    if size > free:
        raise InputError(
            f"{told.num_rows:,} rows of {told.num_columns:,} columns take {size / MB:,.0f} MB, "
            f"and {free / MB:,.0f} MB of memory are free",
            file=path,
            remedy="Give the columns that are needed, or a machine with more memory.",
        )
    return pd.read_parquet(path)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, or some of its columns; numbers of one type by row group.

    Parameters
    ----------
    path : Path
        Parquet file that `write_table` or pandas wrote.
    columns : sequence of str, optional
        Wanted columns in the wanted order; all by default. The index comes along.
    """
    columns = None if columns is None else list(columns)
    with pq.ParquetFile(path) as file:
        stored = file.schema_arrow
        index = _index_columns(stored)
        wanted = [n for n in stored.names if n not in index] if columns is None else columns
        kinds = {stored.field(name).type for name in wanted}
        several = file.num_row_groups > 1 and index
        if not several or len(kinds) != 1 or not pa.types.is_floating(next(iter(kinds))):
            return pd.read_parquet(path, columns=columns)
        values = np.empty(
            (file.metadata.num_rows, len(wanted)), next(iter(kinds)).to_pandas_dtype()
        )
        labels, at = [], 0
        for number in range(file.num_row_groups):
            part = file.read_row_group(number, columns=[*wanted, *index], use_pandas_metadata=True)
            frame = part.to_pandas()
            values[at : at + len(frame)] = frame[wanted].to_numpy()
            labels.append(frame.index)
            at += len(frame)
            # Arrow keeps what it read for the next time, as much again as the table.
            del part, frame
            pa.default_memory_pool().release_unused()
    names = labels[0].append(labels[1:])
    return pd.DataFrame(values, index=names, columns=wanted, copy=False)


def _index_columns(schema: pa.Schema) -> list[str]:
    """Columns that hold the index of a data frame; none where it was a count of rows."""
    told = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in told if isinstance(name, str)]


class StoredTable:
    """A table in a file, of which columns are read when they are wanted.

    Whatever else a DataFrame can do is done by the whole table, which is read for it: in a notebook
    ``catalog.load("smri.features")`` is used like one. Where a DataFrame itself is needed,
    `in_memory` gives it.

    Parameters
    ----------
    path : Path
        Parquet file.

    Attributes
    ----------
    columns : Index
    shape : tuple of int
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with pq.ParquetFile(self.path) as file:
            index = _index_columns(file.schema_arrow)
            names = [name for name in file.schema_arrow.names if name not in index]
            self.columns, self.shape = pd.Index(names), (file.metadata.num_rows, len(names))

    @property
    def empty(self) -> bool:
        """Whether there is no row or no column."""
        return 0 in self.shape

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Some columns, or all."""
        return read_table(self.path, columns)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __getitem__(self, key: Any) -> Any:
        return self.read()[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "path":
            raise AttributeError(name)
        return getattr(self.read(), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.read(), dtype=dtype)

    def __repr__(self) -> str:
        return f"{self.path.name}: {self.shape[0]:,} rows × {self.shape[1]:,} columns"


def rows_of(table: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Rows in an order, each of which the table has; the table itself where that is its own."""
    return table if table.index.equals(index) else table.loc[index]


def columns_of(table: pd.DataFrame | StoredTable, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table in memory or in a file."""
    return table.read(columns) if isinstance(table, StoredTable) else table[list(columns)]


def in_memory(table: pd.DataFrame | StoredTable) -> pd.DataFrame:
    """The whole table."""
    return table.read() if isinstance(table, StoredTable) else table
