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

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.delimited import clean
from neurogenomics_kb.foundation.errors import InputError, listing

logger = logging.getLogger(__name__)

# In this order: a header with tabs is one of tabs, whatever else its names hold.
SEPARATORS = {"\t": "\t", ";": ";", ",": ",", " ": r"\s+"}
GAPS = (
    "", "n/a", "N/A", "NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "<NA>", "#N/A",
)  # fmt: skip
ID_GAPS = ("", "n/a")
NAMELESS = re.compile(r"(Unnamed: \d+(_level_\d+)?)?")
# Short tables count by chance.
FEWEST_COUNTED = 3


def read_text_table(
    path: Path, *, gaps: Collection[str] = GAPS, text: Iterable[str] | None = None
) -> pd.DataFrame:
    """A table with a header, separated by tabs, semicolons, commas or blanks.

    Cells are trimmed. Columns without name are left out where they are empty (a separator at the
    end of every line) or count the rows, the latter with a warning.

    Parameters
    ----------
    path : Path
        File or folder to read.
    gaps : collection of str
        Cells that stand for a missing value, beside empty ones.
    text : iterable of str, optional
        Columns that stay text, for ids; the first one by default.

    Returns
    -------
    DataFrame
        Columns of numbers where every cell is a number or a gap, otherwise of text and None.

    Raises
    ------
    InputError
        If the file is no text, holds no row, a row has more or fewer cells than the header, a name
        occurs twice, or a column with content has no name.
    """
    content = read_lines(path)
    header_line = content.split("\n", 1)[0]
    separator = next((s for s in SEPARATORS if s in header_line.strip(" ")), "\t")
    content = trim_cells(content, separator)
    header = split_line(content.split("\n", 1)[0], separator)
    while len(header) > 1 and not header[-1]:  # a separator at the end of the line
        header.pop()
    content = cut_rows(content, len(header), separator, path)
    names = [name if name else f"Unnamed: {i}" for i, name in enumerate(header)]
    repeated = pd.Index(names)[pd.Index(names).duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"{len(repeated)} columns occur more than once, first '{repeated[0]}'",
            file=path,
            column=str(repeated[0]),
            remedy="Keep one column of each name.",
        )
    first = next((n for n in names if not NAMELESS.fullmatch(n)), names[0])
    kept = {names[0], *([first] if text is None else text)} & set(names)
    # Somebody may be called NA; only what BIDS writes for a gap is one among ids.
    missing = {name: list(ID_GAPS if name in kept else gaps) for name in names}
    table = pd.read_csv(
        io.StringIO(content), sep=SEPARATORS[separator], header=0, names=names, index_col=False,
        dtype=dict.fromkeys(kept, str), na_values=missing, keep_default_na=False,
    )  # fmt: skip
    return without_nameless(table, path)


def read_lines(path: Path, *, header: bool = True) -> str:
    """Text of a file with one kind of line end, blank lines and a byte-order mark left out.

    Parameters
    ----------
    path : Path
        File or folder to read.
    header : bool
        The first line is a header, and rows must follow.

    Raises
    ------
    InputError
        If it is not UTF-8, or holds no line beside a header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            "the file is not text in UTF-8",
            file=path,
            remedy="Save the table as text (tab, comma or semicolon) in UTF-8.",
        ) from None
    if "\0" in text:
        raise InputError("the file holds binary data", file=path, remedy="Give a text table.")
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 1 + header:
        raise InputError("the table has no row", file=path, remedy="Write the table again.")
    return "\n".join(lines) + "\n"


def trim_cells(content: str, separator: str) -> str:
    """Lines without blanks around their cells."""
    content = content.replace("\xa0", " ")
    if separator == " ":
        return "\n".join(line.strip() for line in content.split("\n"))
    if '"' not in content:
        if " " not in content:
            return content
        inner = re.sub(f" *{re.escape(separator)} *", separator, content)
        return re.sub(r"^ +| +$", "", inner, flags=re.MULTILINE)
    written = io.StringIO()
    rows = csv.reader(io.StringIO(content), delimiter=separator, skipinitialspace=True)
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows(
        [cell.strip() for cell in row] for row in rows
    )
    return written.getvalue()


def split_line(line: str, separator: str) -> list[str]:
    """Trimmed cells of a line."""
    if separator == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def cut_rows(content: str, width: int, separator: str, path: Path) -> str:
    """Rows without the separators that some programs write at their end.

    A row with more values than the header would push each of them one column on, one with fewer is
    cut off; both are refused.

    Raises
    ------
    InputError
    """
    lines = content.rstrip("\n").split("\n")
    if separator == " ":
        counts = [len(line.split()) for line in lines]
    elif '"' in content:
        counts = [len(row) for row in csv.reader(io.StringIO(content), delimiter=separator)]
    else:
        counts = [line.count(separator) + 1 for line in lines]
    if all(count == width for count in counts):
        return content
    for i, count in enumerate(counts):
        extra = max(count - width, 0)
        if extra and separator != " " and lines[i].endswith(separator * extra):
            lines[i], counts[i] = lines[i][:-extra], width
    odd = [i for i, count in enumerate(counts) if count != width]
    if odd:
        raise InputError(
            f"row {odd[0]} has {counts[odd[0]]} cells and the header {width}",
            file=path,
            subjects=len(odd),
            of=len(counts) - 1,
            remedy="Write the table again with one cell per column, gaps as n/a.",
        )
    return "\n".join(lines) + "\n"


def without_nameless(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave out columns without name that hold nothing or count; refuse other ones.

    The first column may lack a name: the ids then stand there. One that counts is left out if ids
    follow, and otherwise refused, since it may be either.

    Raises
    ------
    InputError
    """
    left_out = []
    for i, name in enumerate(table.columns):
        if not NAMELESS.fullmatch(str(name)):
            continue
        column = table[name]
        if column.isna().all():
            left_out.append(name)
        elif counts_rows(column) and (i > 0 or is_text(table.iloc[:, 1:2])):
            logger.warning("%s: a column without name counts the rows and is left out", path)
            left_out.append(name)
        elif i > 0 or counts_rows(column):
            raise InputError(
                f"column {i + 1} of {table.shape[1]} has no name",
                file=path,
                remedy="Name it, or take it out of the table.",
            )
    return table.drop(columns=left_out)


def counts_rows(column: pd.Series) -> bool:
    """Whether a column holds 0, 1, 2, … or 1, 2, 3, …, one for each row."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if len(numbers) < FEWEST_COUNTED or not np.isfinite(numbers).all():
        return False
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())


def without_counters(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave out columns behind the ids that count the rows: no measure does."""
    counters = [name for name in table.columns[1:] if counts_rows(table[name])]
    if counters:
        logger.warning("%s: %s counts the rows and is left out", path, listing(counters))
    return table.drop(columns=counters)


def is_text(columns: pd.DataFrame) -> bool:
    """Whether the one column of a frame holds something else than numbers."""
    if columns.shape[1] != 1:
        return False
    column = columns.iloc[:, 0]
    return bool((pd.to_numeric(column, errors="coerce").isna() & column.notna()).any())


def take_ids(column: pd.Series, path: Path | str) -> pd.Index:
    """Subject ids as trimmed text.

    Raises
    ------
    InputError
        If one is missing or repeats.
    """
    ids = column.astype(object).map(lambda cell: clean(cell) if isinstance(cell, str) else cell)
    blank = column.isna() | (ids == "")
    if blank.any():
        raise InputError(
            "rows name no subject",
            file=path,
            column=str(column.name),
            subjects=int(blank.sum()),
            of=len(column),
            remedy="Give every row the subject's id.",
        )
    ids = ids.astype(str)
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"subjects occur more than once, first '{repeated[0]}'",
            file=path,
            subjects=len(repeated),
            of=len(ids),
            remedy="Keep one row per subject.",
        )
    return pd.Index(ids, dtype=object)


def require_finite_numbers(values: pd.Series, file: Path | str, column: str) -> pd.Series:
    """A column as floating-point numbers, gaps as NaN.

    Raises
    ------
    InputError
        If a value is no number, such as one with a decimal comma, or infinite.
    """
    numbers = values
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        # Blanks around a number are no fault of it; TRUE and FALSE are not numbers.
        text = values.astype(object).map(lambda v: v.strip() if isinstance(v, str) else v)
        text = text.where(~text.isin(GAPS), None)
        logical = text.map(lambda v: isinstance(v, bool | np.bool_))
        numbers = pd.to_numeric(text.where(~logical), errors="coerce")
        wrong = (numbers.isna() & text.notna()).to_numpy()
        if wrong.any():
            shown = listing(dict.fromkeys(repr(v) for v in text[wrong]), 3)
            comma = all(re.fullmatch(r"[+-]?\d*,\d+", str(v)) for v in text[wrong])
            raise InputError(
                f"expected numbers, found {shown}",
                file=file,
                column=column,
                subjects=int(wrong.sum()),
                of=len(values),
                remedy="Write decimal points instead of commas."
                if comma
                else "Correct the values, or code missing ones as n/a.",
            )
    numbers = numbers.astype(float)
    infinite = np.isinf(numbers.to_numpy())
    if infinite.any():
        raise InputError(
            "values are infinite",
            file=file,
            column=column,
            subjects=int(infinite.sum()),
            of=len(values),
            remedy="Correct the values, or code missing ones as n/a.",
        )
    return numbers
