"""Nodes of the behaviour pipeline."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.errors import InputError, listing
from neurogenomics_kb.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.behaviour.parameters import BehaviourQuality, InstrumentParameters
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.tables import require_columns, require_numbers, require_unique_ids

FILE = "behaviour.instruments"


def select_items(instruments: pd.DataFrame, parameters: InstrumentParameters) -> pd.DataFrame:
    """Numeric columns of the instruments under feature names, one row per subject."""
    if is_absent(instruments):
        return empty_table()
    columns = [(group, item) for group, items in parameters.groups.items() for item in items]
    if not columns:
        raise InputError(
            "no instrument is selected",
            column="behaviour.instruments.groups",
            remedy=f"Name columns of the table: {listing(instruments.columns)}.",
        )
    _check_table(instruments, [item for _, item in columns], parameters.id_column)
    return pd.DataFrame(
        {
            feature_name("behaviour", group, item): instruments[item].to_numpy(dtype=float)
            for group, item in columns
        },
        index=pd.Index(instruments[parameters.id_column].astype(str), name=SUBJECT),
    )


def assess_quality(items: pd.DataFrame, quality: BehaviourQuality) -> pd.DataFrame:
    """Missing items of every subject, and who passes."""
    if items.empty:
        return empty_table()
    metrics = items.isna().sum(axis=1).to_frame("n_missing_items")
    limit = quality.max_missing_items
    failures = {f"more than {limit} missing items": metrics["n_missing_items"] > limit}
    return quality_table("behaviour", metrics, failures, quality.exclude)


def build_features(items: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Items of the subjects that pass."""
    return empty_table() if items.empty else keep_included(items, quality)


def _check_table(instruments: pd.DataFrame, items: list[str], id_column: str) -> None:
    require_columns(instruments, [id_column, *items], FILE)
    require_unique_ids(instruments[id_column], FILE, id_column)
    for column in items:
        require_numbers(instruments[column], FILE, column)
        if SEPARATOR in column:
            raise InputError(
                "the column's name holds '__'", file=FILE, column=column, remedy="Rename it."
            )
