"""Delimited text as it stands: what every reader of tables begins with.

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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import open_file, refuse_swollen

logger = logging.getLogger(__name__)

# Bytes read at once.
CHUNK = 1 << 24
DELIMITERS = ("\t", ";", ",")
# Any number of blanks between cells, where a reader allows it.
BLANKS = " "
# Shorter columns of measures count the rows by chance.
FEWEST_MEASURES = 3
# What `attrs` of a table hold: sentences on what was cut, and the rows left out.
NOTES, BLANK_ROWS = "notes", "blank_rows"
# What `str.strip` leaves and nobody sees: blanks and joiners without width, marks of direction,
# soft hyphens, and a byte order mark in the middle of a file.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
# What programs call a column of row names that they were not told to leave out.
NAMELESS = re.compile(r"(Unnamed: ?\d+(_level_\d+)?|\.\.\.\d+)?")
_LETTER = re.compile(r"[^\W\d_]")
_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma"}
_BEHIND_QUOTE = re.compile(r'" +(?=[\t;,\r\n]|\Z)')
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
        data = _bytes_of(path)
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
            remedy="Save what is not text in UTF-8 as such: `iconv -f LATIN1 -t UTF-8` for most, "
            "`-f UTF-16` for some.",
        ) from None
    if "\x00" in text:
        raise InputError(
            "holds null bytes, so it is binary data and no text",
            file=path,
            remedy="Save the table as UTF-8 text.",
        )
    return text


def _bytes_of(path: Path) -> bytearray:
    """Content of a file, unpacked; up to the first null byte, where it is no text."""
    data = bytearray()
    with open_file(path) as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        while part := source.read(CHUNK):
            data += part
            if b"\0" in part:
                break
            if packed:
                refuse_swollen(path, len(data))
    return data


def _parse_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows as `split_rows` gives them.

    Raises
    ------
    csv.Error
        If quotes do not pair, or pair over lines that are rows of their own.
    """
    lines = list(io.StringIO(text, newline=""))
    if delimiter == BLANKS:
        lines = [f"{BLANKS.join(line.split())}\n" for line in lines]
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


def _rows_of(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Rows; blanks may stand behind a closing quote, as they may before an opening one."""
    try:
        return list(_parse_rows(text, delimiter))
    except csv.Error:
        bare = _BEHIND_QUOTE.sub('"', text)
        if bare == text:
            raise
        return list(_parse_rows(bare, delimiter))


def split_rows(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Line number and cells, as they stand, of rows that are not empty.

    Parameters
    ----------
    path : Path
        The file, for messages.
    text : str
        Its text.
    delimiter : str
        As `find_delimiter` gives it; `BLANKS` stands for any number of blanks.

    Raises
    ------
    InputError
        If quotes do not pair.
    """
    try:
        return _rows_of(text, delimiter)
    except csv.Error as error:
        raise InputError(
            f"cannot be read as a table: quotes do not pair ({error})",
            file=path,
            remedy="Correct or remove the quotes.",
        ) from None


def find_delimiter(text: str, file: str | Path, *, blanks: bool = False) -> str:
    """Delimiter of a table, by its header and, where that has two kinds, by its rows.

    Parameters
    ----------
    text : str
        Text of the file.
    file : str or Path
        For messages.
    blanks : bool
        Whether blanks part the cells where the header has nothing else. Default False.

    Returns
    -------
    str
        Tab, semicolon, comma or `BLANKS`; tab for a table of one column.

    Raises
    ------
    InputError
        If several fit.
    """
    header = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", header)
    found = [d for d in DELIMITERS if d in bare]
    if not found:
        return BLANKS if blanks and len(header.split()) > 1 else "\t"
    if len(found) == 1:
        return found[0]
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
        return len({len(cells) for _, cells in _rows_of(text, delimiter)}) == 1
    except csv.Error:
        return False


@dataclass(frozen=True)
class Rows:
    """A table as text, before it is known what its columns are.

    Attributes
    ----------
    header : list of str
        Names of the columns, "" for those without one.
    cells : list of list of str
        As many per row as the header has, without blanks around them, "" where nothing stands.
    notes : list of str
        Sentences on what was cut off or left out.
    blank : int
        Rows in which nothing stands; they are left out.
    """

    header: list[str]
    cells: list[list[str]]
    notes: list[str]
    blank: int


def read_rows(path: Path, text: str, delimiter: str, *, measures: bool = False) -> Rows:
    """Rows of a table, each with the cells that its header has.

    Parameters
    ----------
    path : Path
        The file, for messages.
    text : str
        Its text.
    delimiter : str
        As `find_delimiter` gives it.
    measures : bool
        Whether rows are subjects with a measure in every column, so that no cell may stand beyond
        the last name. Default False: such cells make columns without a name.

    Raises
    ------
    InputError
        If there is no header, a row has more or fewer cells than it, or a quote does not close.
    """
    raw = split_rows(path, text, delimiter)
    rows = [(line, [clean(cell) for cell in cells]) for line, cells in raw]
    if not rows or not any(rows[0][1]):
        raise InputError("has no header", file=path, remedy="Give the columns names.")
    header = rows[0][1]
    width = max(i + 1 for i, name in enumerate(header) if name)
    filled = [row for row in rows[1:] if any(row[1])]
    if measures:
        header = header[:width]
    _refuse_uneven(filled, len(header), width, path, delimiter, measures)
    width = max([width, *(_last(cells) for _, cells in filled if len(cells) > width)])
    cells = [cells[:width] + [""] * (width - len(cells)) for _, cells in filled]
    notes = []
    trimmed = _count_trimmed(raw[1:], rows[1:])
    if trimmed:
        notes.append(f"{path.name}: blanks around the text of {count_of(trimmed, 'cell')} cut off.")
    blank = len(rows) - 1 - len(filled)
    if blank:
        notes.append(f"{path.name}: {count_of(blank, 'blank row')} left out.")
    return Rows(header[:width], cells, notes, blank)


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
    rows = read_rows(path, text, delimiter)
    columns = dict(enumerate(zip(*rows.cells, strict=True)))
    width = range(len(rows.header))
    table = pd.DataFrame(columns or {i: [] for i in width}, dtype=object)
    table = table.mask(table == "")
    if rows.blank:
        table.attrs[BLANK_ROWS] = rows.blank
    return _named(table, rows, path)


def require_different_names(names: Sequence[str], path: Path) -> None:
    """Refuse a header in which a name comes twice.

    Raises
    ------
    InputError
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{len(repeated)} column names come twice",
            file=path,
            column=repeated[0],
            remedy="Rename them; which one is meant cannot be guessed.",
        )


def plain_names(text: str, delimiter: str) -> list[str] | None:
    """Names of the columns of a table that needs no mending; None where its rows must be read.

    Quotes may hide delimiters, and single returns the ends of lines: reading the rows sees them.
    Most tables that programs write have neither, and are as even as they look.

    Parameters
    ----------
    text : str
        Text of the file.
    delimiter : str
        As `find_delimiter` gives it.
    """
    names = [clean(name) for name in text.split("\n", 1)[0].split(delimiter)]
    content = text.encode()
    plain = b'"' not in content and content.count(b"\r") == content.count(b"\r\n")
    return names if plain and all(names) and _has_even_lines(content, delimiter) else None


def _has_even_lines(content: bytes, delimiter: str) -> bool:
    """Whether all lines have as many delimiters as the first, the last one ended or not."""
    symbols = np.frombuffer(content.rstrip(b"\r\n") + b"\n", np.uint8)
    ends = np.flatnonzero(symbols == ord("\n"))
    before = np.searchsorted(np.flatnonzero(symbols == ord(delimiter)), ends)
    width = before[0]
    return bool(np.array_equal(before, width * np.arange(1, len(ends) + 1)))


def notes_of(table: pd.DataFrame) -> list[str]:
    """What was left out of a table when it was read, as sentences."""
    return list(table.attrs.get(NOTES, []))


def _count_trimmed(raw: Iterable[tuple], rows: Iterable[tuple]) -> int:
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


def _refuse_uneven(
    rows: list[tuple[int, list[str]]],
    length: int,
    width: int,
    path: Path,
    delimiter: str,
    measures: bool,
) -> None:
    """Rows must have the header's cells; empty ones beyond its last name do not count.

    One cell more or fewer would move each value to another column.
    """
    odd = [
        (number, line, cells)
        for number, (line, cells) in enumerate(rows, start=1)
        if len(cells) != length and not (width <= len(cells) and _last(cells) <= length)
    ]
    if not odd:
        return
    number, line, cells = odd[0]
    if measures:
        raise InputError(
            f"row {number} has {len(cells)} cells and the header {length}",
            file=path,
            subjects=len(odd),
            of=len(rows),
            remedy=f"It is line {line}. Write the table again with one cell per column, gaps as "
            "n/a.",
        )
    raise InputError(
        f"line {line} has {len(cells)} cells, and the header {length}",
        file=path,
        remedy=(
            f"Quote cells that hold a {_NAMES.get(delimiter, delimiter)}, or name the columns."
            if _last(cells) > length
            else "The row is cut off, or lacks delimiters: write the table again."
        ),
    )


def _named(table: pd.DataFrame, rows: Rows, path: Path) -> pd.DataFrame:
    """Table with the names of its columns; those without one are left out."""
    nameless = [i for i, name in enumerate(rows.header) if NAMELESS.fullmatch(name)]
    held = [i for i in nameless if table[i].notna().any()]
    notes = list(rows.notes)
    if held:
        notes.append(f"{path.name}: {count_of(len(held), 'column')} without a name left out.")
    table = table.drop(columns=nameless)
    names = [rows.header[i] for i in table.columns]
    require_different_names(names, path)
    table.columns = pd.Index(names, dtype=object)
    for note in notes:
        logger.warning(note)
    if notes:
        table.attrs[NOTES] = notes
    return table


def count_of(n: int, what: str) -> str:
    """A number of things in words.

    Examples
    --------
    >>> count_of(1, "cell"), count_of(2, "cell")
    ('1 cell', '2 cells')
    """
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def without_counters(
    table: pd.DataFrame,
    keep: Sequence[str] = (),
    *,
    measures: bool = False,
    file: str | Path | None = None,
) -> pd.DataFrame:
    """Table without columns that only number its rows.

    Parameters
    ----------
    table : DataFrame
        As a reader gives it.
    keep : sequence of str
        Columns of ids, which may count.
    measures : bool
        Whether all other columns hold measures: none of them counts whatever it is called, apart
        from very short ones by chance. Default False: only columns that are named like row numbers
        are left out.
    file : str or Path, optional
        What to call the table in the warning.
    """
    fewest = FEWEST_MEASURES if measures else 2
    found = [
        name
        for name in table
        if name not in keep
        and (measures or _COUNTER.fullmatch(name))
        and counts_rows(table[name], fewest)
    ]
    if not found:
        return table
    said = "counts the rows and is" if len(found) == 1 else "only count the rows and are"
    note = f"{count_of(len(found), 'column')} ({listing(found)}) {said} left out."
    note = note if file is None else f"{file}: {note}"
    logger.warning(note)
    table = table.drop(columns=found)
    table.attrs[NOTES] = [*notes_of(table), note]
    return table


def counts_rows(values: pd.Series, fewest: int = 2) -> bool:
    """Whether values are 0, 1, 2, … or 1, 2, 3, … in the order of the rows.

    Parameters
    ----------
    values : Series
        Numbers, also as text.
    fewest : int
        Shorter columns count by chance. Default 2.
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    if len(numbers) < fewest or not np.isfinite(numbers).all():
        return False
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())
