"""Polygenic scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR, SUBJECT, feature_name
from neurogenomics_kb.foundation.tables import require_columns, require_numbers, require_unique_ids


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
        numeric, infinite, or there for nobody.
    """
    require_columns(scores, [id_column], file)
    ids = scores[id_column]
    ids = ids.astype(str).str.strip().where(ids.notna()).replace("", np.nan)
    require_unique_ids(ids, file, id_column)
    values = scores.drop(columns=id_column)
    if values.columns.empty:
        raise InputError("there is no score column", file=file, remedy="Add one column per score.")
    for column in values:
        require_numbers(values[column], file, str(column))
        wrong = np.isinf(values[column].astype(float)).to_numpy()
        if wrong.any() or (len(values) and values[column].isna().all()):
            raise InputError(
                "scores are infinite" if wrong.any() else "nobody has this score",
                file=file,
                column=str(column),
                subjects=int(wrong.sum()) if wrong.any() else len(values),
                of=len(values),
                remedy="Make the scores again, or take the column out.",
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
