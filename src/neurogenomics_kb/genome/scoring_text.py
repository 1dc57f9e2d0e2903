"""Lines and fields of scoring files: nothing is dropped, joined or split without being meant."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import open_file
from neurogenomics_kb.genome.even_rows import UnevenRows, is_spaced, line_begins, read_columns

QUOTED = re.compile(r'^"(.*)"$')
BLANKS = r"\s+"
EMPTY = re.compile(r"^[ \t,;]*\n|^[ \t,;]+\Z", re.MULTILINE)
# With what an empty line can begin.
BEGIN_EMPTY = np.frombuffer(b"\n \t,;", dtype=np.uint8)


def read_fields(path: Path, used: frozenset[str]) -> tuple[dict[str, str], pd.DataFrame]:
    """Header fields and columns, both under lower-case names, as trimmed text.

    Parameters
    ----------
    path : Path
        Plain or gzipped; separated by tabs or, where the line of names has none, by commas,
        semicolons or blanks.
    used : frozenset of str
        Columns to read, where they are there.

    Raises
    ------
    InputError
        If the file cannot be read to its end, has no line of names, names a used column twice, or
        a row has more fields than there are names.
    """
    comments, columns, body = _split(_read_text(path), path)
    header = {}
    for line in comments:
        name, equals, value = line.strip("#\n ").partition("=")
        if equals:
            header[name.strip().lower()] = value.strip()
    separator = next((s for s in "\t,;" if s in columns), BLANKS)
    names = [_trim(c).lower() for c in _fields(columns.lstrip("#"), separator)]
    _refuse_repeated(names, used, path)
    # What is not used may have any name, or none.
    names = [n if n in used else f"unused {i}" for i, n in enumerate(names)]
    there = [name for name in names if name in used]
    body = _rows_only(body, separator, len(names), path)
    table = None
    if body and there and separator != BLANKS:
        with suppress(UnevenRows):
            table = read_columns(body.encode(), separator, names, there)
    if table is None:
        table = _read_uneven(body, separator, names, there, path)
    spaced, quoted = is_spaced(body), '"' in body
    for name in there:
        if spaced:
            table[name] = table[name].str.strip()
        if quoted:
            table[name] = table[name].str.replace(QUOTED, r"\1", regex=True).str.strip()
    return header, table


def _read_uneven(
    body: str, separator: str, names: list[str], there: list[str], path: Path
) -> pd.DataFrame:
    """Columns of rows that may end early, or are separated by blanks."""
    width = _widest(body, separator, len(names), path)
    names = [*names, *(f"unused {i}" for i in range(len(names), width))]
    if not body or not there:
        return pd.DataFrame(columns=there, dtype=str)
    # The first row tells the reader how many fields there are, and it may end early.
    first, feed, rest = body.partition("\n")
    lacking = width - 1 - first.count(separator)
    if separator != BLANKS and lacking > 0:
        body = first.rstrip("\r") + separator * lacking + feed + rest
    try:
        table = pd.read_csv(
            io.StringIO(body), sep=separator, names=names, usecols=there, header=None, dtype=str,
            quoting=csv.QUOTE_NONE, keep_default_na=False, index_col=False,
        )  # fmt: skip
    except (ValueError, pd.errors.ParserError) as error:
        raise _unreadable(path, error) from None
    return table.fillna("")


def _read_text(path: Path) -> str:
    """Whole text of a file, gzipped if it says so by its name or its first bytes."""
    try:
        with open_file(path) as stream:
            zipped = stream.read(2) == b"\x1f\x8b" or path.suffix == ".gz"
        with (gzip.open if zipped else open)(path, "rt", encoding="utf-8-sig") as stream:
            return stream.read()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"the scoring file cannot be read ({error})", file=path, remedy="Download it again."
    )


def _split(text: str, path: Path) -> tuple[list[str], str, str]:
    """Comment lines, the line of column names, and the rows; only whole lines are comments."""
    comments, start = [], 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        line = text[start:end]
        start = end
        # Some writers put the sign of a comment before the column names, too.
        named = {_trim(f).lower() for f in re.split(r"[\t,; ]", line.strip().lstrip("#"))}
        names = {"effect_allele", "effect_weight"} <= named
        if line.startswith("#") and not names:
            comments.append(line)
        elif line.strip():
            return comments, line.rstrip("\n"), text[start:]
    raise InputError(
        "the scoring file has no line of column names",
        file=path,
        remedy="Download the harmonised scoring file.",
    )


def _fields(line: str, separator: str) -> list[str]:
    return line.split() if separator == BLANKS else line.split(separator)


def _trim(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _rows_only(body: str, separator: str, width: int, path: Path) -> str:
    """Rows without empty lines, comments and line breaks inside quotes."""
    # The pattern is slow, and in a clean file no line begins as an empty one does.
    begins = line_begins(np.frombuffer(body.encode(), dtype=np.uint8))
    empty = np.isin(begins, BEGIN_EMPTY).any()
    if '"' in body or "#" in body or (empty and EMPTY.search(body)):
        return _mended(body, separator, width, path)
    return body


def _widest(body: str, separator: str, width: int, path: Path) -> int:
    """Most fields of a row.

    A row may end early (its last fields are blank) or in separators that stand for nothing; one
    with more to say than there are columns is refused. Blanks between fields do not show a gap, so
    there every row must be full.
    """
    plain, widest = separator != BLANKS, width
    for number, line in enumerate(io.StringIO(body), 1):
        n = line.count(separator) + 1 if plain else len(line.split())
        if n == width or (plain and n < width):
            continue
        more = _fields(line.rstrip("\n"), separator)[width:]
        if not plain or any(_trim(field) for field in more):
            raise InputError(
                f"row {number} has {n} fields, the header {width}",
                file=path,
                remedy="Download the file again; fields are separated by tabs.",
            )
        widest = max(widest, n)
    return widest


def _mended(body: str, separator: str, width: int, path: Path) -> str:
    """Rows of a file with empty lines, signs of comments, or quotes."""
    lines, waiting = [], ""
    rest = body.count("\n")
    for number, line in enumerate(body.split("\n")):
        whole = waiting + line
        fields = _fields(whole, separator)
        # A quoted field may hold line breaks: the row goes on until the quote is closed.
        opened = fields and fields[-1].startswith('"') and fields[-1].count('"') % 2
        if opened and len(fields) < width and number < rest:
            waiting = whole
            continue
        waiting = ""
        if whole.startswith("#"):
            # A comment, unless it looks like a row: that one may or may not be meant.
            if len(fields) == width or (separator == "\t" and len(fields) > 1):
                raise InputError(
                    f"row {len(lines) + 1} begins with '#'",
                    file=path,
                    remedy="Delete the row, or the sign in front of it.",
                )
        elif whole.strip(" \t,;"):
            lines.append(whole)
    return "".join(f"{line}\n" for line in lines)


def _refuse_repeated(names: list[str], used: frozenset[str], path: Path) -> None:
    twice = [name for name in dict.fromkeys(names) if name in used and names.count(name) > 1]
    if twice:
        raise InputError(
            "the column is there twice",
            file=path,
            column=twice[0],
            remedy="Keep the one that is meant.",
        )
