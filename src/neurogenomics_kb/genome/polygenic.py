"""Polygenic scores."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.errors import InputError, listing
from neurogenomics_kb.naming import SEPARATOR, SUBJECT, feature_name


def score_features(
    scores: pd.DataFrame,
    id_column: str = "participant_id",
    *,
    file: str = "genomics.polygenic_scores",
) -> pd.DataFrame:
    """Polygenic-score table as features.

    Missing scores stay missing: they are imputed where training subjects are known.

    Parameters
    ----------
    scores : DataFrame
        One row per subject: `id_column` and one numeric column per score.
    id_column : str
        Column with the subject ids.
    file : str
        What to call the table in messages.

    Returns
    -------
    DataFrame
        Columns ``genomics__pgs__<score>``, index ``subject_id``.

    Raises
    ------
    InputError
        If the id column is absent, ids repeat or are missing, there is no score, or a score is not
        numeric.
    """
    if id_column not in scores:
        raise InputError(
            "the column of subject ids is missing",
            file=file,
            column=id_column,
            remedy=f"The table has {listing(scores.columns)}.",
        )
    ids = scores[id_column]
    bad = ids.isna() | ids.duplicated(keep=False)
    if bad.any():
        raise InputError(
            f"subject ids are missing or repeat: {listing(dict.fromkeys(ids[bad]))}",
            file=file,
            column=id_column,
            subjects=int(bad.sum()),
            of=len(ids),
            remedy="Keep one row per subject.",
        )
    values = scores.drop(columns=id_column)
    if values.columns.empty:
        raise InputError("there is no score column", file=file, remedy="Add one column per score.")
    for column in values:
        numeric = pd.api.types.is_numeric_dtype(values[column])
        if not numeric or pd.api.types.is_bool_dtype(values[column]):
            text = pd.to_numeric(values[column], errors="coerce").isna() & values[column].notna()
            raise InputError(
                f"the score is not numeric (e.g. {values.loc[text, column].iloc[0]!r})"
                if text.any()
                else f"the score is of type {values[column].dtype}, not numeric",
                file=file,
                column=str(column),
                subjects=int(text.sum()),
                of=len(values),
                remedy="Write numbers, and n/a where a score is missing.",
            )
        if SEPARATOR in str(column):
            raise InputError(
                "a score's name holds '__'",
                file=file,
                column=str(column),
                remedy="Rename the column.",
            )
    features = values.astype(float)
    features.columns = [feature_name("genomics", "pgs", str(column)) for column in values]
    features.index = pd.Index(ids.astype(str), name=SUBJECT)
    return features
