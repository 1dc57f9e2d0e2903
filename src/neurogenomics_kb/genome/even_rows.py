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

# What the reader raises, which counts the fields of every row.
UnevenRows = pa.ArrowInvalid


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


def read_columns(data: bytes, separator: str, names: list[str], wanted: list[str]) -> pd.DataFrame:
    """Columns of rows that have one field per column, as text.

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

    Raises
    ------
    UnevenRows
        If a row has more fields or fewer, or there are line ends other than a line feed.
    """
    if b"\r" in data or b"\0" in data:
        raise UnevenRows("the text holds carriage returns or nulls")
    table = csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=names, use_threads=False),
        csv.ParseOptions(delimiter=separator, quote_char=False),
        csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
        ),
    )
    return table.combine_chunks().to_pandas()
