"""Tables of text in which every row has one field per column: read by column, not by row."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

_SPACED = re.compile(r"[^\S\t\n]")
# White space of ASCII but tabs and line feeds.
_BLANKS = " \r\v\f\x1c\x1d\x1e\x1f"
_FEED = ord("\n")


def is_spaced(text: str) -> bool:
    """Whether there is white space other than tabs and line feeds."""
    if text.isascii():
        return any(blank in text for blank in _BLANKS)
    return _SPACED.search(text) is not None


def line_begins(data: np.ndarray) -> np.ndarray:
    """First character of every line.

    Parameters
    ----------
    data : ndarray of uint8
        Text as bytes.
    """
    return data[np.append(0, np.flatnonzero(data[:-1] == _FEED) + 1)] if len(data) else data


def are_even(data: np.ndarray, separator: str, width: int) -> bool:
    """Whether every row has one field per column, by the order of separators and line feeds.

    Parameters
    ----------
    data : ndarray of uint8
        Text as bytes.
    separator : str
        One character.
    width : int
        Number of columns.
    """
    if (data == 0).any() or (data == ord("\r")).any():
        return False  # which the reader takes for ends
    marks = data[(data == ord(separator)) | (data == _FEED)]
    if len(data) and data[-1] != _FEED:
        marks = np.append(marks, np.uint8(_FEED))
    if width < 2 or len(marks) % width:
        return False
    ends = marks.reshape(-1, width) == _FEED
    return not ends[:, :-1].any() and bool(ends[:, -1].all())


def read_columns(data: bytes, separator: str, names: list[str], wanted: list[str]) -> pd.DataFrame:
    """Columns of rows that are even, as text.

    Parameters
    ----------
    data : bytes
        Text without a line of names, in UTF-8.
    separator : str
        One character.
    names : list of str
        Name of every column.
    wanted : list of str
        Columns to read.
    """
    table = csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=names, use_threads=False),
        csv.ParseOptions(delimiter=separator, quote_char=False),
        csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
        ),
    )
    return table.combine_chunks().to_pandas()
