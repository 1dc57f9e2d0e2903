"""Gene embeddings that were made elsewhere."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import require_columns, require_numbers, require_unique_ids


def embedding_features(
    table: pd.DataFrame,
    id_column: str = "participant_id",
    *,
    file: str = "genomics.gene_embeddings",
) -> pd.DataFrame:
    """Table of gene embeddings as features.

    Parameters
    ----------
    table : DataFrame
        One row per subject: `id_column` and columns ``<encoder id>__<gene>__<component>``; the
        encoder is the model card that strategies name.
    id_column : str
        Column with the subject ids.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        Columns ``genomics__<encoder id>__<gene>__<component>``, index ``subject_id``.

    Raises
    ------
    InputError
        If the id column is absent, ids repeat or are missing, a column is named otherwise, or is
        not numeric.
    """
    require_columns(table, [id_column], file)
    require_unique_ids(table[id_column], file, id_column)
    values = table.drop(columns=id_column)
    parts = {column: str(column).split(SEPARATOR) for column in values}
    wrong = [column for column, each in parts.items() if len(each) != 3 or not all(each)]
    if values.columns.empty:
        raise InputError(
            "there is no column of an embedding",
            file=file,
            remedy="Add columns <encoder>__<gene>__<component>.",
        )
    if wrong:
        raise InputError(
            f"{len(wrong)} columns are not <encoder>__<gene>__<component>: {listing(wrong, 3)}",
            file=file,
            column=str(wrong[0]),
            remedy="Name them so; the encoder is the id of its model card.",
        )
    for column in values:
        require_numbers(values[column], file, str(column))
    return pd.DataFrame(
        values.to_numpy(dtype=float),
        index=pd.Index(table[id_column].astype(str), name=SUBJECT),
        columns=[feature_name("genomics", *each) for each in parts.values()],
        copy=False,
    )
