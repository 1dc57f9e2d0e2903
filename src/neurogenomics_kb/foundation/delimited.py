"""Delimited text as it stands: what every reader of people's tables begins with.

A table is read whole or refused. Nothing is guessed from values here: cells are text, cut of the
blanks around them, and what a word such as ``None`` means is decided by who knows the column.
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing

logger = logging.getLogger(__name__)

DELIMITERS = ("\t", ";", ",")
NAMES = {"\t": "tab", ";": "semicolon", ",": "comma"}
# What `attrs` of a table hold: sentences on what was cut, and the rows left out.
NOTES, BLANK_ROWS = "notes", "blank_rows"
# What `str.strip` leaves and nobody sees: blanks and joiners without width, marks of direction,
# soft hyphens, and a byte order mark in the middle of a file.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
# What programs call a column of row names that they were not told to leave out.
_NAMELESS = re.compile(r"(Unnamed: ?\d+(_level_\d+)?|\.\.\.\d+)?")
_LETTER = re.compile(r"[^\W\d_]")
_COUNTER = re.compile(r"index|row|row_?(names?|number|id)|level_0|x\.?1?|v1", re.IGNORECASE)


def clean(text: str) -> str:
    """Text without the blanks around it, visible or not, and with one code for each letter.

    Examples
    --------
    >>> clean("Zu\\u0308rich ") == "Z\\u00fcrich"
    True
    """
    stripped = text.strip()
    if stripped.isascii():
        return stripped
    stripped = unicodedata.normalize("NFC", stripped)
    while stripped and (stripped[0] in _INVISIBLE or stripped[-1] in _INVISIBLE):
        stripped = stripped.strip(_INVISIBLE).strip()
    return stripped


def read_content(path: str | Path) -> str:
    """Text of a file, compressed by gzip or not, without its byte order mark.

    Parameters
    ----------
    path : str or Path
        File or folder to read.

    Raises
    ------
    InputError
        If it is missing, damaged, or not UTF-8.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise InputError(
            "the table is missing",
            file=path,
            remedy="Put it there, or correct the path in the catalog.",
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            f"cannot be read ({type(error).__name__}: {error})",
            file=path,
            remedy="Copy the file again.",
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"is not UTF-8 text (line {line})",
            file=path,
            remedy="Save it as UTF-8: `iconv -f LATIN1 -t UTF-8` for most, `-f UTF-16` for some.",
        ) from None
    if "\x00" in text:
        raise InputError(
            "holds null bytes, so it is no text", file=path, remedy="Save the table as UTF-8 text."
        )
    return text


def parse_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells, as they stand, of rows that are not empty.

    Raises
    ------
    csv.Error
        If quotes do not pair, or pair over lines that are rows of their own.
    """
    lines = list(io.StringIO(text, newline=""))
    rows = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    width, before = None, 0
    try:
        for cells in rows:
            if cells:
                width = len(cells) - 1 if width is None else width
                spanned = lines[before : rows.line_num]
                if len(spanned) > 1 and all(line.count(delimiter) == width for line in spanned):
                    raise csv.Error("a quote opens in a row and closes in another")
                yield rows.line_num, cells
            before = rows.line_num
    except csv.Error as error:
        raise csv.Error(f"line {before + 1}: {error}") from None


def find_delimiter(text: str, file: str | Path) -> str:
    """Delimiter of a table, by its header and, where that has two kinds, by its rows.

    Parameters
    ----------
    text : str
        Text of the file.
    file : str or Path
        For messages.

    Returns
    -------
    str
        Tab, semicolon or comma; tab for a table of one column.

    Raises
    ------
    InputError
        If several fit.
    """
    header = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", header)
    found = [d for d in DELIMITERS if d in bare]
    if len(found) < 2:
        return found[0] if found else "\t"
    if "\t" in found:
        return "\t"  # commas and semicolons occur in names of columns, tabs do not
    fitting = [d for d in found if _is_even(text, d)]
    if len(fitting) != 1:
        raise InputError(
            "the header has commas and semicolons, and which of them parts the columns is not "
            "told by the rows",
            file=file,
            remedy="Write the table with tabs.",
        )
    return fitting[0]


def _is_even(text: str, delimiter: str) -> bool:
    """Whether all rows have as many cells as the first."""
    try:
        return len({len(cells) for _, cells in parse_rows(text, delimiter)}) == 1
    except csv.Error:
        return False


def read_text_table(path: str | Path, *, delimiter: str | None = None) -> pd.DataFrame:
    """Table of text, delimited by tabs, commas or semicolons.

    Parameters
    ----------
    path : str or Path
        UTF-8, also with a byte order mark or compressed by gzip; lines end in any of the ways.
    delimiter : str, optional
        Found by the header if it is not given.

    Returns
    -------
    DataFrame
        Cells as text without blanks around them, NaN where nothing stands; ``NA``, ``None`` and
        the like are text. Columns without a name and rows in which nothing stands are left out.
        ``attrs`` hold ``notes``, sentences on what was cut off or left out, and ``blank_rows``, a
        count; neither where there was nothing.

    Raises
    ------
    InputError
        If the file is missing, no UTF-8 text, empty, or has a column twice; if a row has more or
        fewer cells than the header; if a quote does not close. Rows are named by their line.
    """
    path = Path(path)
    text = read_content(path)
    delimiter = find_delimiter(text, path) if delimiter is None else delimiter
    try:
        raw = list(parse_rows(text, delimiter))
    except csv.Error as error:
        raise InputError(
            f"cannot be read as a table: quotes do not pair ({error})",
            file=path,
            remedy="Correct or remove the quotes.",
        ) from None
    rows = [(line, [clean(cell) for cell in cells]) for line, cells in raw]
    if not rows or not any(rows[0][1]):
        raise InputError("has no header", file=path, remedy="Give the columns names.")
    header = rows[0][1]
    width = max(i + 1 for i, name in enumerate(header) if name)
    filled = [row for row in rows[1:] if any(row[1])]
    _refuse_uneven(filled, len(header), width, path, delimiter)
    width = max([width, *(_last(cells) for _, cells in filled if len(cells) > width)])
    header = header[:width]
    cells = zip(*(cells[:width] + [""] * (width - len(cells)) for _, cells in filled), strict=True)
    table = pd.DataFrame(dict(enumerate(cells)) or {i: [] for i in range(width)}, dtype=object)
    table = table.mask(table == "")
    notes = []
    trimmed = count_trimmed(raw[1:], rows[1:])
    if trimmed:
        notes.append(f"{path.name}: blanks around the text of {_count(trimmed, 'cell')} cut off.")
    blank = len(rows) - 1 - len(filled)
    if blank:
        notes.append(f"{path.name}: {_count(blank, 'blank row')} left out.")
        table.attrs[BLANK_ROWS] = blank
    return _named(table, header, notes, path)


def read_number_table(path: str | Path, *, delimiter: str = "\t") -> pd.DataFrame:
    """Table of measures, such as the time series of one run, as pandas would decode it.

    Parameters
    ----------
    path : str or Path
        File or folder to read.
    delimiter : str
        Sign between the cells. Default \t.

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
    header = text[: text.find("\n")] if "\n" in text else text
    names = [clean(name) for name in header.split(delimiter)]
    content = text.encode()
    # Quotes may hide delimiters, and single returns the ends of lines: the slow way sees them. Most
    # tables of runs have neither, and are as even as they look.
    plain = b'"' not in content and content.count(b"\r") == content.count(b"\r\n")
    if not (plain and all(names) and has_even_lines(content, delimiter)):
        checked = read_text_table(path, delimiter=delimiter)
        names = list(checked)
        content = checked.to_csv(sep=delimiter, index=False).encode()
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{len(repeated)} column names come twice",
            file=path,
            column=repeated[0],
            remedy="Rename them; which one is meant cannot be guessed.",
        )
    table = pd.read_csv(io.BytesIO(content), sep=delimiter, index_col=False, low_memory=False)
    if list(table.columns) != names:
        table.columns = pd.Index(names)
    nameless = [name for name in names if _NAMELESS.fullmatch(name)]
    if nameless:
        logger.warning("%s: %s without a name left out", path.name, _count(len(nameless), "column"))
        table = table.drop(columns=nameless)
    return table


def has_even_lines(content: bytes, delimiter: str) -> bool:
    """Whether all lines have as many delimiters as the first, the last one ended or not."""
    symbols = np.frombuffer(content.rstrip(b"\r\n") + b"\n", np.uint8)
    ends = np.flatnonzero(symbols == ord("\n"))
    before = np.searchsorted(np.flatnonzero(symbols == ord(delimiter)), ends)
    width = before[0]
    return bool(np.array_equal(before, width * np.arange(1, len(ends) + 1)))


def notes_of(table: pd.DataFrame) -> list[str]:
    """What was left out of a table when it was read, as sentences."""
    return list(table.attrs.get(NOTES, []))


def count_trimmed(raw: Iterable[tuple], rows: Iterable[tuple]) -> int:
    """Cells with text, no number, that had blanks around it."""
    pairs = (
        (a, b)
        for (_, x), (_, y) in zip(raw, rows, strict=True)
        if x != y
        for a, b in zip(x, y, strict=True)
    )
    return sum(len(a) != len(b) and _LETTER.search(b) is not None for a, b in pairs)


def _last(cells: Sequence[str]) -> int:
    """Number of cells up to the last one that holds something."""
    return max((i + 1 for i, cell in enumerate(cells) if cell), default=0)


def _refuse_uneven(rows, length: int, width: int, path: Path, delimiter: str) -> None:
    """Rows must have the header's cells; empty ones beyond its last name do not count."""
    for line, cells in rows:
        if len(cells) == length or (width <= len(cells) and _last(cells) <= length):
            continue
        more = _last(cells) > length
        raise InputError(
            f"line {line} has {len(cells)} cells, and the header {length}",
            file=path,
            remedy=(
                f"Quote cells that hold a {NAMES.get(delimiter, delimiter)}, or name the columns."
                if more
                else "The row is cut off, or lacks delimiters: write the table again."
            ),
        )


def _named(table: pd.DataFrame, header: list[str], notes: list[str], path: Path) -> pd.DataFrame:
    """Table with the names of its columns; those without one are left out."""
    nameless = [i for i, name in enumerate(header) if _NAMELESS.fullmatch(name)]
    held = [i for i in nameless if table[i].notna().any()]
    if held:
        notes.append(f"{path.name}: {_count(len(held), 'column')} without a name left out.")
    table = table.drop(columns=nameless)
    names = [header[i] for i in table.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{len(repeated)} column names come twice",
            file=path,
            column=repeated[0],
            remedy="Rename them; which one is meant cannot be guessed.",
        )
    table.columns = pd.Index(names, dtype=object)
    for note in notes:
        logger.warning(note)
    if notes:
        table.attrs[NOTES] = notes
    return table


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def without_counters(table: pd.DataFrame, keep: Sequence[str] = ()) -> pd.DataFrame:
    """Table without columns that are named like row numbers and are such.

    Parameters
    ----------
    table : DataFrame
        As `read_text_table` gives it.
    keep : sequence of str
        Columns of ids, which may count.
    """
    found = [
        name
        for name in table
        if name not in keep and _COUNTER.fullmatch(name) and counts_rows(table[name])
    ]
    if not found:
        return table
    note = f"{_count(len(found), 'column')} that only number the rows left out ({listing(found)})."
    logger.warning(note)
    table = table.drop(columns=found)
    table.attrs[NOTES] = [*notes_of(table), note]
    return table


def counts_rows(values: Sequence) -> bool:
    """Whether values are 0, 1, 2, … or 1, 2, 3, … in the order of the rows, two or more."""
    found = [str(value) for value in values]
    return len(found) > 1 and any(
        found == [str(start + k) for k in range(len(found))] for start in (0, 1)
    )
