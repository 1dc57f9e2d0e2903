"""Nodes of the behaviour pipeline."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import (
    as_numbers,
    require_columns,
    require_numbers,
    require_unique_ids,
)
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.behaviour.parameters import BehaviourQuality, InstrumentParameters
from neurogenomics_kb.pipelines.behaviour.scoring import read_cards, score_groups
from neurogenomics_kb.pipelines.quality import keep_included, quality_table
from neurogenomics_kb.registry import Registry

FILE = "behaviour.instruments"


def score_instruments(
    instruments: pd.DataFrame, registry: Registry, parameters: InstrumentParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns and scores under feature names, and what is missing, one row per subject."""
    if is_absent(instruments):
        return empty_table(), empty_table()
    if instruments.index.name == parameters.id_column:  # validated against the dataset card
        instruments = instruments.reset_index()
    columns = [item for items in parameters.groups.values() for item in items]
    if not columns and not parameters.cards:
        raise InputError(
            "no instrument is selected",
            column="behaviour.instruments.groups",
            remedy=f"Name columns of the table: {listing(instruments.columns)}.",
        )
    _check_table(instruments, columns, parameters.id_column)
    ids = pd.Index(instruments[parameters.id_column].astype(str), name=SUBJECT)
    table = instruments.set_axis(ids)
    cards = read_cards(registry, parameters.cards.values())
    scores, missing = score_groups(table, cards, parameters, FILE)
    plain = pd.DataFrame(
        {
            feature_name("behaviour", group, item): as_numbers(table[item])
            for group, items in parameters.groups.items()
            for item in items
        },
        index=ids,
    )
    missing["n_items"] += plain.shape[1]
    missing["n_missing_items"] += plain.isna().sum(axis=1)
    return pd.concat([plain, scores], axis=1), missing


def assess_quality(missing: pd.DataFrame, quality: BehaviourQuality) -> pd.DataFrame:
    """Missing items and scales of every subject, and who passes."""
    if missing.empty:
        return empty_table()
    count, share = missing["n_missing_items"], missing["n_missing_items"] / missing["n_items"]
    failures = {}
    if quality.max_missing_items is not None:
        limit = quality.max_missing_items
        failures[f"more than {limit} missing items"] = count > limit
    if quality.max_missing_share is not None:
        limit = quality.max_missing_share
        failures[f"more than {limit:.0%} missing items"] = share > limit
    # Whatever takes gaps, nobody is scored on nothing.
    failed = pd.DataFrame(failures, index=missing.index).any(axis=1)
    failures["no answers"] = (share == 1) & ~failed
    metrics = missing.assign(share_missing_items=share)
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
