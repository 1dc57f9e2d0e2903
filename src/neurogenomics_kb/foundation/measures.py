"""Tables of measures as programs and spreadsheets write them: read whole, or refused.

Separators, blanks around cells and the spelling of gaps differ between programs; a number must not.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from neurogenomics_kb.foundation.delimited import (
    FEWEST_MEASURES,
    NAMELESS,
    count_of,
    counts_rows,
    find_delimiter,
    plain_names,
    read_content,
    read_rows,
    read_text_table,
    require_different_names,
)
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import GAPS

logger = logging.getLogger(__name__)

_ID_GAPS = ("", "n/a")


def read_measures(
    path: str | Path, *, gaps: Collection[str] = GAPS, ids: Iterable[str] | None = None
) -> pd.DataFrame:
    """A table with a header, separated by tabs, semicolons, commas or blanks.

    Cells are trimmed and blank rows left out. Columns without a name are left out where they are
    empty (a separator at the end of every line) or count the rows, the latter with a warning. The
    first column may lack a name: the ids then stand there.

    Parameters
    ----------
    path : str or Path
        UTF-8, also with a byte order mark or compressed by gzip.
    gaps : collection of str
        Cells that stand for a missing value, beside empty ones.
    ids : iterable of str, optional
        Columns that stay text beside the first one; by default the first that has a name.

    Returns
    -------
    DataFrame
        Columns of numbers where every cell is a number or a gap, otherwise of text and NaN.

    Raises
    ------
    InputError
        If the file is missing, no text, holds no row, a row has more or fewer cells than the
        header, a name occurs twice, or a column with content has no name.
    """
    path = Path(path)
    text = read_content(path)
    delimiter = find_delimiter(text, path, blanks=True)
    names = plain_names(text, delimiter) if _is_trimmed(text, delimiter) else None
    if names is None:
        rows = read_rows(path, text, delimiter, measures=True)
        for note in rows.notes:
            logger.warning(note)
        names = [name or f"Unnamed: {i}" for i, name in enumerate(rows.header)]
        text, delimiter = _written([names, *rows.cells]), "\t"
    require_different_names(names, path)
    first = next((n for n in names if not NAMELESS.fullmatch(n)), names[0])
    kept = {names[0], *([first] if ids is None else ids)} & set(names)
    # Somebody may be called NA; only what BIDS writes for a gap is one among ids.
    missing = {name: list(_ID_GAPS if name in kept else {"", *gaps}) for name in names}
    table = pd.read_csv(
        io.BytesIO(text.encode()), sep=delimiter, header=0, names=names, index_col=False,
        dtype=dict.fromkeys(kept, str), na_values=missing, keep_default_na=False, low_memory=False,
    )  # fmt: skip
    if table.empty:
        raise InputError("the table has no row", file=path, remedy="Write the table again.")
    return _without_nameless(table, path)


def read_run(path: str | Path, *, delimiter: str = "\t") -> pd.DataFrame:
    """Measures of one run, such as its time series, as pandas would decode them.

    Parameters
    ----------
    path : str or Path
        File to read.
    delimiter : str
        Sign between the cells. Default a tab.

    Returns
    -------
    DataFrame
        Columns of numbers as such; columns without a name are left out.

    Raises
    ------
    InputError
        As `read_text_table` does.
    """
    path = Path(path)
    text = read_content(path)
    names = plain_names(text, delimiter)
    if names is None:
        checked = read_text_table(path, delimiter=delimiter)
        names = list(checked)
        text = checked.to_csv(sep=delimiter, index=False)
    require_different_names(names, path)
    table = pd.read_csv(io.BytesIO(text.encode()), sep=delimiter, index_col=False, low_memory=False)
    if list(table.columns) != names:
        table.columns = pd.Index(names)
    nameless = [name for name in names if NAMELESS.fullmatch(name)]
    if nameless:
        held = count_of(len(nameless), "column")
        logger.warning("%s: %s without a name left out", path.name, held)
        table = table.drop(columns=nameless)
    return table


def _is_trimmed(text: str, delimiter: str) -> bool:
    """Whether no blanks stand around cells, and no row consists of delimiters."""
    if " " in text or not text.isascii():
        return False
    return re.search(rf"^{re.escape(delimiter)}+\r?$", text, re.MULTILINE) is None


def _written(rows: Iterable[Iterable[str]]) -> str:
    """Rows as text with tabs."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue()


def _without_nameless(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave out columns without name that hold nothing or count; refuse other ones.

    A first column that counts is left out if ids follow, and otherwise refused, since it may be
    either.

    Raises
    ------
    InputError
    """
    left_out = []
    for i, name in enumerate(table.columns):
        if not NAMELESS.fullmatch(str(name)):
            continue
        column = table[name]
        counts = counts_rows(column, FEWEST_MEASURES)
        if column.isna().all():
            left_out.append(name)
        elif counts and (i > 0 or _is_text(table.iloc[:, 1:2])):
            logger.warning("%s: a column without name counts the rows and is left out", path)
            left_out.append(name)
        elif i > 0 or counts:
            raise InputError(
                f"column {i + 1} of {table.shape[1]} has no name",
                file=path,
                remedy="Name it, or take it out of the table.",
            )
    return table.drop(columns=left_out)


def _is_text(columns: pd.DataFrame) -> bool:
    """Whether the one column of a frame holds something else than numbers."""
    if columns.shape[1] != 1:
        return False
    column = columns.iloc[:, 0]
    return bool((pd.to_numeric(column, errors="coerce").isna() & column.notna()).any())
