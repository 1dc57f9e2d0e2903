"""Checks that every table of people must pass, each with its one-line error."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing, nearest


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


def require_numbers(values: pd.Series, file: str, column: str) -> None:
    """Refuse a column that holds anything but numbers and gaps.

    Raises
    ------
    InputError
        With the first few values that are no numbers.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return
    wrong = (pd.to_numeric(values, errors="coerce").isna() & values.notna()).to_numpy()
    shown = listing((repr(v) for v in values[wrong].unique()), 3) if wrong.any() else values.dtype
    raise InputError(
        f"expected numbers, found {shown}",
        file=file,
        column=column,
        subjects=int(wrong.sum()),
        of=len(values),
        remedy="Correct the values, or code missing ones as n/a.",
    )
