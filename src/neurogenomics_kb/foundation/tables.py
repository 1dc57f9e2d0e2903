"""Checks that tables of people and their measures must pass, each with its one-line error."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.delimited import clean, without_counters
from neurogenomics_kb.foundation.errors import InputError, listing, nearest

# Words that tables write for a missing value, unless a card says what they mean.
GAPS = frozenset({
    "", "n/a", "N/A", "NA", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan",
    "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "NULL", "null", "None",
})  # fmt: skip
ID_NAMES = frozenset({
    "participant_id", "subject_id", "eid", "participant.eid", "f.eid", "subjectkey",
    "src_subject_id", "subject", "sub", "participant", "record_id", "id", "iid", "#iid", "fid",
    "#fid", "family_id", "session_id", "session", "ses", "bids_name", "visit_id",
})  # fmt: skip
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
DECIMAL_COMMA = re.compile(
    r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]*)?([eE][+-]?[0-9]+)?|[+-]?[0-9.]+,[0-9]+"
)
# A whole number as a column with gaps is stored by programs that keep gaps as fractions.
_WHOLE = re.compile(r"(-?[0-9]+)(?:\.0+)?")
# Leading zeros, or more digits than a float keeps.
_CODE = re.compile(r"[+-]?(0[0-9]+|[0-9]{16,})(\.0*)?")


def require_columns(table: pd.DataFrame, columns: Iterable[str], file: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    InputError
        Naming the first one that is missing and the nearest that is there.
    """
    for column in columns:
        if column not in table:
            raise InputError(
                f"the column is missing{nearest(column, table.columns)}",
                file=file,
                column=column,
                remedy=f"The table has {listing(table.columns)}.",
            )


def require_unique_ids(ids: pd.Series | pd.Index, file: str, column: str | None = None) -> None:
    """Refuse subject ids that are missing or occur more than once.

    Raises
    ------
    InputError
    """
    # An index of subjects and waves is one of pairs.
    ids = pd.Series(ids.to_flat_index() if isinstance(ids, pd.MultiIndex) else ids)
    bad = ids.isna() | ids.duplicated(keep=False)
    if bad.any():
        raise InputError(
            f"subject ids are missing or repeat: {listing(dict.fromkeys(ids[bad]))}",
            file=file,
            column=column,
            subjects=int(bad.sum()),
            of=len(ids),
            remedy="Keep one row per subject.",
        )


def take_ids(column: pd.Series, file: str | Path) -> pd.Index:
    """Subject ids as text without blanks around it.

    Parameters
    ----------
    column : Series
        Ids as read.
    file : str or Path
        What to call the table in messages.

    Raises
    ------
    InputError
        If one is missing or repeats.
    """
    ids = column.astype(object).map(_cleaned)
    blank = column.isna() | (ids == "")
    if blank.any():
        raise InputError(
            "rows name no subject",
            file=file,
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
            file=file,
            subjects=len(repeated),
            of=len(ids),
            remedy="Keep one row per subject.",
        )
    return pd.Index(ids, dtype=object)


def _cleaned(value):
    """A cell without blanks around its text."""
    return clean(value) if isinstance(value, str) else value


def require_numbers(values: pd.Series, file: str | Path, column: str) -> None:
    """Refuse a column that holds anything but numbers, also as text, and gaps.

    Raises
    ------
    InputError
        With the first few values that are no numbers.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return
    numbers = as_numbers(values)
    wrong = (numbers.isna() & ~is_gap(values)).to_numpy()
    if not wrong.any():
        return
    found = [str(value) for value in values[wrong].unique()]
    raise InputError(
        f"expected numbers, found {listing(map(repr, found), 3)}",
        file=file,
        column=column,
        subjects=int(wrong.sum()),
        of=len(values),
        remedy="Write decimal points instead of commas: a decimal comma is not read, nor is a sign "
        "between thousands."
        if any(DECIMAL_COMMA.fullmatch(text) for text in found)
        else "Correct the values, or code missing ones as n/a.",
    )


def require_finite_numbers(values: pd.Series, file: str | Path, column: str) -> pd.Series:
    """A column as floating-point numbers, gaps as NaN.

    Parameters
    ----------
    values : Series
        Numbers, also as text.
    file : str or Path
        What to call the table in messages.
    column : str
        What to call the column.

    Raises
    ------
    InputError
        If a value is no number, such as one with a decimal comma, or infinite.
    """
    if not pd.api.types.is_numeric_dtype(values):
        # Blanks around a number are no fault of it.
        values = values.astype(object).map(_cleaned)
    require_numbers(values, file, column)
    numbers = as_numbers(values)
    refuse_values(
        numbers,
        np.isinf(numbers),
        lambda first: "values are infinite",
        file=file,
        column=column,
        remedy="Correct the values, or code missing ones as n/a.",
    )
    return numbers


def refuse_values(
    values: pd.Series,
    wrong: pd.Series,
    problem: Callable[[float], str],
    *,
    file: str | Path,
    column: str,
    remedy: str,
) -> None:
    """Refuse a column of numbers in which some cannot be.

    Parameters
    ----------
    values : Series of float
        The column.
    wrong : Series of bool
        Which of them cannot be; their count is told.
    problem : callable
        What is wrong, of the first such value.
    file : str or Path
        What to call the table in the message.
    column : str
        What to call the column.
    remedy : str
        What the user can do.

    Raises
    ------
    InputError
        If any is wrong.
    """
    if wrong.any():
        raise InputError(
            problem(float(values[wrong].iloc[0])),
            file=file,
            column=column,
            subjects=int(wrong.sum()),
            of=len(values),
            remedy=remedy,
        )


def is_gap(values: pd.Series, named: Container[str] = ()) -> pd.Series:
    """Which values are missing, or a word for it (`GAPS`) that nobody has named.

    Parameters
    ----------
    values : Series
        Cells of one column.
    named : container of str
        Words that mean something in this column.
    """
    words = [word for word in GAPS if word not in named]
    return values.isna() | values.isin(words)


def as_numbers(values: pd.Series) -> pd.Series:
    """Values as floats; what is no number, or infinite, or true or false, is NaN.

    See `require_numbers` for a column that must not hold such.
    """
    if pd.api.types.is_bool_dtype(values):
        return pd.Series(np.nan, index=values.index, name=values.name)
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    plain = values.map(lambda v: is_number(v) if isinstance(v, str) else _is_measured(v))
    kept = values.astype(object).where(plain.astype(bool), np.nan)
    return pd.to_numeric(kept, errors="coerce").astype(float)


def is_number(text: str) -> bool:
    """Whether a text is a finite number with a decimal point, if any."""
    return NUMBER.fullmatch(text.strip()) is not None


def _is_measured(value) -> bool:
    """Whether a value of a mixed column is a number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def decode_columns(table: pd.DataFrame, ids: Iterable[str] = ()) -> pd.DataFrame:
    """Numbers where all values of a column of text are such, for tables that no card describes.

    Ids stay text: the first column, those named as ids are (`ID_NAMES`) or in `ids`, and whatever
    would lose digits as a number, such as ``007``, ``1e5`` among whole numbers, or more digits than
    a number holds.

    Parameters
    ----------
    table : DataFrame
        As `read_text_table` gives it.
    ids : iterable of str
        More columns of ids.

    Returns
    -------
    DataFrame
        Whole numbers without gaps as integers, other numbers as floats, text with NaN for the words
        in `GAPS`.
    """
    kept = {*ids, *table.columns[:1], *(c for c in table if c.lower() in ID_NAMES)}
    table = without_counters(table, keep=tuple(kept))
    columns = {name: _decode_column(table[name], text=name in kept) for name in table}
    decoded = pd.DataFrame(columns, index=table.index, columns=table.columns)
    decoded.attrs = dict(table.attrs)
    return decoded


def _decode_column(values: pd.Series, *, text: bool = False) -> pd.Series:
    """One column of text as numbers where that loses nothing, else as text with gaps."""
    gaps = is_gap(values)
    present = values[~gaps]
    if text or not all(map(is_number, present)) or _loses_digits(present):
        return values.mask(gaps)
    numbers = pd.to_numeric(present)
    if len(present) == len(values) and pd.api.types.is_integer_dtype(numbers):
        return numbers
    return numbers.astype(float).reindex(values.index)


def _loses_digits(numbers: Iterable[str]) -> bool:
    """Whether any of these numbers is written as a code is: its digits would not come back."""
    numbers = list(numbers)
    whole = all("." not in n and "e-" not in n.lower() for n in numbers)
    return any(_CODE.fullmatch(n) or (whole and "e" in n.lower()) for n in numbers)


def spelling(text: str) -> str:
    """What stays of a text when nobody minds capitals, blanks, dashes and leading zeros.

    Examples
    --------
    >>> spelling("FAM\\u20130097") == spelling("fam-97")
    True
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[\s_\u2010-\u2015\u2212-]+", "-", plain)
    return re.sub(r"(?<![0-9.])0+(?=[0-9])", "", plain)


def spelled_apart(values: Iterable[str]) -> list[list[str]]:
    """Values that are one but for their spelling (see `spelling`), together.

    Parameters
    ----------
    values : iterable of str
        Ids or levels.

    Returns
    -------
    list of list of str
        Two or more different texts each, sorted.
    """
    found: dict[str, set[str]] = {}
    for value in values:
        found.setdefault(spelling(value), set()).add(value)
    return [sorted(group) for _, group in sorted(found.items()) if len(group) > 1]


def level_text(value) -> str:
    """A level as text; 1.0 reads as '1', as a table with gaps would store it."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def code_text(text: str) -> str:
    """A number in its shortest spelling (``-9.0`` and ``-09`` are ``-9``), other text as it is."""
    if not is_number(text):
        return text
    return str(int(text)) if re.fullmatch(r"[+-]?[0-9]+", text) else level_text(float(text))


def whole_codes(values: pd.Series) -> pd.Series:
    """Codes that a column with gaps was stored as fractions of (``1.0``) as they were (``1``)."""
    present = values.dropna().unique()
    if not all(_WHOLE.fullmatch(v) for v in present) or all("." not in v for v in present):
        return values
    return values.map(lambda v: _WHOLE.fullmatch(v).group(1), na_action="ignore").astype(object)
