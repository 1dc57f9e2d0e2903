"""Vectors of people that language and vision-language models gave elsewhere."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import (
    as_numbers,
    is_gap,
    require_columns,
    require_numbers,
    take_ids,
)

COMPONENT = re.compile(r"d(\d+)")


def vector_features(
    table: pd.DataFrame,
    model: str,
    *,
    id_column: str = "participant_id",
    wave_column: str | None = None,
    file: str = "clinical.embeddings",
) -> pd.DataFrame:
    """Table of one model's vectors as features.

    Parameters
    ----------
    table : DataFrame
        One row per person, or per person and wave: `id_column`, `wave_column` where there is one,
        and the components ``d0``, ``d1``, ….
    model : str
        Model card.
    id_column : str
        Column with the ids.
    wave_column : str, optional
        Column with the waves; a row is then the visit ``<id>_<wave>``, as in the participants of
        longitudinal cohorts. A table without it is of people, for all their visits.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        Columns ``clinical__<model>__d0``, …, index ``subject_id``. A row without any number stays
        a row of gaps: there was nothing to embed.

    Raises
    ------
    InputError
        If a column is absent or is none of these, rows repeat or name nobody, a component is
        missing or no number, or a vector has some numbers and lacks others.
    """
    keys = [id_column, *([wave_column] if wave_column else [])]
    require_columns(table, keys, file)
    names = _components([c for c in table.columns if c not in keys], keys, file)
    for column in names:
        require_numbers(table[column], file, column)
    vectors = pd.DataFrame({c: as_numbers(table[c]).to_numpy(dtype=float) for c in names})
    vectors.index = pd.Index(_ids(table, keys, file), name=SUBJECT)
    _refuse_torn(vectors, file)
    return vectors.set_axis([feature_name("clinical", model, c) for c in names], axis=1)


def _components(columns: list, keys: list[str], file: str) -> list[str]:
    """Components in their order, d2 before d10; nothing else may stand in the table."""
    others = [str(c) for c in columns if COMPONENT.fullmatch(str(c)) is None]
    if others or not columns:
        raise InputError(
            f"{len(others)} columns are neither an id nor a component: {listing(others, 3)}"
            if others
            else "there is no component",
            file=file,
            column=others[0] if others else None,
            remedy=f"Beside {listing(keys)}, name the components d0, d1, …; text of people never "
            "belongs here.",
        )
    names = sorted((str(c) for c in columns), key=lambda c: int(c[1:]))
    missing = [f"d{i}" for i in range(len(names)) if f"d{i}" not in names]
    if missing:
        raise InputError(
            f"of {len(names)} components {listing(missing, 3)} is missing",
            file=file,
            column=missing[0],
            remedy="Write whole vectors, from d0 on.",
        )
    return names


def _ids(table: pd.DataFrame, keys: list[str], file: str) -> pd.Index:
    """Ids of people, or names of their visits."""
    if len(keys) == 1:
        return take_ids(table[keys[0]], file)
    person, wave = (table[key].astype(str).str.strip() for key in keys)
    blank = is_gap(table[keys[0]]) | is_gap(table[keys[1]]) | (person == "") | (wave == "")
    if blank.any():
        raise InputError(
            "rows name no person or no wave",
            file=file,
            column=keys[1],
            subjects=int(blank.sum()),
            of=len(table),
            remedy="Give every row both, or leave `wave_column` out for vectors of people.",
        )
    return take_ids((person + "_" + wave).rename(keys[1]), file)


def _refuse_torn(vectors: pd.DataFrame, file: str) -> None:
    """Refuse infinite numbers, and vectors that are there in part."""
    values = vectors.to_numpy()
    gaps = np.isnan(values)
    torn = (gaps.any(axis=1) & ~gaps.all(axis=1)) | np.isinf(values).any(axis=1)
    if torn.any():
        raise InputError(
            f"{int(torn.sum())} vectors lack numbers or hold infinite ones",
            file=file,
            subjects=int(torn.sum()),
            of=len(vectors),
            remedy="Embed them again, or leave the row empty where there was no text or image.",
        )
