"""A raw table under canonical names, checked against its card."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.tables import require_columns, require_numbers, require_unique_ids
from neurogenomics_kb.registry.cards import Column, Table


def standardize_table(table: pd.DataFrame, card: Table) -> pd.DataFrame:
    """Validate a table against its card and give columns their canonical names.

    Parameters
    ----------
    table : DataFrame
        As stored; columns that the card does not name are left out.
    card : Table

    Returns
    -------
    DataFrame
        Indexed by ``subject_id``, sorted.

    Raises
    ------
    InputError
        For missing columns, duplicated or missing ids, wrong types, unknown levels, values outside
        the card's range.
    """
    require_columns(table, (card.id_column, *card.columns), card.file)
    ids = table[card.id_column].astype("string")
    require_unique_ids(ids, card.file, card.id_column)
    frame = pd.DataFrame(
        {
            column.name: standardize_column(table[source], column, card.file, source)
            for source, column in card.columns.items()
        }
    )
    frame.index = pd.Index(ids.astype(object), name=SUBJECT)
    return frame.sort_index()


def standardize_column(values: pd.Series, column: Column, file: str, source: str) -> pd.Series:
    """One column with its card's type, levels and range enforced."""
    if column.missing_codes:
        values = mask_codes(values, column.missing_codes)
    present = values.notna()
    if column.levels:
        text = values.map(level_text, na_action="ignore")
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
        return values.map(level_text, na_action="ignore").astype(object)
    if not column.levels:
        require_numbers(values, file, source)
    numbers = pd.to_numeric(values)
    allowed = (0, 1) if column.type == "binary" else column.range
    if allowed is not None:
        low, high = allowed
        outside = numbers.notna() & ~numbers.between(low, high)
        if column.type == "binary":
            outside |= numbers.notna() & ~numbers.isin([0, 1])
        if outside.any():
            raise InputError(
                f"values outside {low:g} to {high:g}{f' {column.unit}' if column.unit else ''}, "
                f"first {numbers[outside].iloc[0]:g}",
                file=file,
                column=source,
                subjects=int(outside.sum()),
                of=len(values),
                remedy="Check units and missing-value codes, or widen the range in the card.",
            )
    return numbers.astype(float)


def mask_codes(values: pd.Series, codes: list[str]) -> pd.Series:
    """Gaps in place of the codes that stand for them."""
    return values.mask(values.map(level_text, na_action="ignore").isin(codes))


def level_text(value) -> str:
    """A level as text; 1.0 reads as '1', as a table with gaps would store it."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
