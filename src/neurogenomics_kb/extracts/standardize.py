"""A raw table under canonical names, checked against its card."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.delimited import BLANK_ROWS, NOTES, clean, notes_of
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import (
    GAPS,
    as_numbers,
    code_text,
    is_gap,
    level_text,
    refuse_values,
    require_columns,
    require_numbers,
    require_unique_ids,
    spelled_apart,
    whole_codes,
)
from neurogenomics_kb.registry.cards import Column, Table

logger = logging.getLogger(__name__)

# What PLINK writes for a family that is not known.
_NO_GROUP = ("0", "-9")
_TRUTH = {"true": "True", "false": "False"}


def standardize_table(table: pd.DataFrame, card: Table) -> pd.DataFrame:
    """Validate a table against its card and give columns their canonical names.

    Parameters
    ----------
    table : DataFrame
        As stored, or all text as `read_text_table` gives it; columns that the card does not name
        are left out.
    card : Table
        What the dataset card says of the table.

    Returns
    -------
    DataFrame
        Indexed by ``subject_id``, sorted. ``attrs`` hold ``notes``, sentences on what was left out
        or taken for a gap, and ``blank_rows``; absent where there was nothing.

    Raises
    ------
    InputError
        For missing columns, duplicated or missing ids, wrong types, unknown levels, values outside
        the card's range.
    """
    table = _with_names(table, (card.id_column, *card.columns))
    require_columns(table, (card.id_column, *card.columns), card.file)
    ids = trim(table[card.id_column]).map(level_text, na_action="ignore").astype("string")
    ids = ids.mask(is_gap(ids))
    require_unique_ids(ids, card.file, card.id_column)
    frame = pd.DataFrame(
        {
            column.name: _standardize_column(table[source], column, card.file, source)
            for source, column in card.columns.items()
        }
    )
    frame.index = pd.Index(ids.astype(object), name=SUBJECT)
    notes = notes_of(table)
    for source, column in card.columns.items():
        notes += _note_gaps(table[source], column, card.file, source)
        if column.type in ("category", "text") and not column.levels:
            shown = column.type == "category"
            notes += _note_spellings(frame[column.name], card.file, source, shown=shown)
        if column.role == "group":
            notes += _note_nobodys_group(frame[column.name], card.file, source)
    notes += _note_spellings(frame.index, card.file, card.id_column, shown=False)
    frame.attrs = {NOTES: notes} if notes else {}
    if table.attrs.get(BLANK_ROWS):
        frame.attrs[BLANK_ROWS] = table.attrs[BLANK_ROWS]
    return frame.sort_index()


def _with_names(table: pd.DataFrame, wanted: Iterable[str]) -> pd.DataFrame:
    """Table under the names that a card has for its columns, whatever blanks are around them."""
    here = {clean(str(name)): name for name in table}
    names = {
        here[clean(name)]: name for name in wanted if name not in table and clean(name) in here
    }
    return table.rename(columns=names) if names else table


def _note_gaps(values: pd.Series, column: Column, file: str, source: str) -> list[str]:
    """Sentence on the words of a category that count as gaps, since they could be levels."""
    if column.type not in ("category", "text") or pd.api.types.is_numeric_dtype(values):
        return []
    values = trim(values)
    words = values[values.isin(GAPS - {"", "n/a", *column.levels, *column.missing_codes})]
    if words.empty:
        return []
    note = (
        f"{file}, column '{source}': {listing(sorted(words.unique()))} was taken for a gap "
        f"({len(words)} of {len(values)}); name it among the levels on the dataset card if it is "
        "a value."
    )
    logger.warning(note)
    return [note]


def _note_nobodys_group(values: pd.Series, file: str, source: str) -> list[str]:
    """Sentence on people whose family is PLINK's mark for none, which makes one family of them."""
    marked = values[values.astype(str).isin(_NO_GROUP)]
    notes = []
    for value, count in marked.value_counts().items():
        if count > 1:
            notes.append(
                f"{file}, column '{source}': {count} of {len(values)} rows have the value {value}, "
                "which PLINK writes for no family, and count as one group; give every "
                "unrelated person a group of their own."
            )
            logger.warning(notes[-1])
    return notes


def _note_spellings(
    values: pd.Series | pd.Index, file: str, source: str, *, shown: bool
) -> list[str]:
    """Sentence on levels or ids that differ in capitals, blanks, dashes or leading zeros only.

    They may be one site, or one family whose members would then come into different folds.

    Parameters
    ----------
    values : Series or Index
        Levels or ids as they are used.
    file, source : str
        Table and column, for the sentence.
    shown : bool
        Whether the values may be named; ids may not.
    """
    groups = spelled_apart(str(v) for v in values.dropna().unique())
    if not groups:
        return []
    told = f" ({listing((' and '.join(map(repr, g)) for g in groups), 3)})" if shown else ""
    note = (
        f"{file}, column '{source}': {len(groups)} values come in more than one spelling{told}; "
        "each spelling counts as a value of its own. Write one, if they are the same."
    )
    logger.warning(note)
    return [note]


def _standardize_column(values: pd.Series, column: Column, file: str, source: str) -> pd.Series:
    """One column with its card's type, levels and range enforced.

    A word such as ``NA`` or ``None`` is a value where the card has it among the levels, and a gap
    elsewhere.
    """
    values = trim(values)
    values = values.mask(is_gap(values, named=column.levels))
    if column.missing_codes:
        values = _mask_codes(values, column.missing_codes)
    present = values.notna()
    if column.levels:
        text = _find_levels(values, column)
        unknown = sorted(set(text[present]) - set(column.levels))
        if unknown:
            raise InputError(
                f"values {listing(unknown)} are none of {listing(column.levels)}",
                file=file,
                column=source,
                subjects=int(text[present].isin(unknown).sum()),
                of=len(values),
                remedy="Correct them or add the level to the dataset card.",
            )
        values = text.map(column.levels)
    if column.type in ("category", "text"):
        if column.range is not None and not column.levels:
            require_numbers(values, file, source)
            _refuse_outside(as_numbers(values), column, file, source)
        return whole_codes(values.map(level_text, na_action="ignore").astype(object))
    if not column.levels:
        require_numbers(values, file, source)
    numbers = as_numbers(values)
    _refuse_outside(numbers, column, file, source)
    return numbers


def trim(values: pd.Series) -> pd.Series:
    """Text without blanks around it, nothing where only blanks stand; other values as they are."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values
    values = values.astype(object)
    trimmed = values.map(lambda v: clean(v) if isinstance(v, str) else v, na_action="ignore")
    return trimmed.astype(object).mask(trimmed == "")


def _find_levels(values: pd.Series, column: Column) -> pd.Series:
    """Values as the card writes its levels: ``1.0`` and ``01`` as ``1``, where it has that."""
    text = values.map(level_text, na_action="ignore").astype(object)
    spelled = {}
    for value in text.dropna().unique():
        found = [value, code_text(value), _TRUTH.get(value.lower(), value)]
        spelled[value] = next((name for name in found if name in column.levels), value)
    return text.map(spelled).astype(object)


def _refuse_outside(numbers: pd.Series, column: Column, file: str, source: str) -> None:
    """Refuse numbers that the card's range excludes, and infinite ones.

    Raises
    ------
    InputError
    """
    allowed = (0, 1) if column.type == "binary" else column.range
    low, high = (-np.inf, np.inf) if allowed is None else allowed
    outside = numbers.notna() & (~numbers.between(low, high) | np.isinf(numbers))
    if column.type == "binary":
        outside |= numbers.notna() & ~numbers.isin([0, 1])
    unit = f" {column.unit}" if column.unit else ""
    refuse_values(
        numbers,
        outside,
        lambda first: f"values outside {low:g} to {high:g}{unit}, first {first:g}",
        file=file,
        column=source,
        remedy="Check units and missing-value codes, or widen the range in the card.",
    )


def _mask_codes(values: pd.Series, codes: list[str]) -> pd.Series:
    """Gaps in place of the codes that stand for them."""
    text = values.map(level_text, na_action="ignore")
    return values.mask(text.isin(codes) | text.map(code_text, na_action="ignore").isin(codes))
