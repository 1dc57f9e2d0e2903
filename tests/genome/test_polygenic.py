from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.polygenic import score_features

SCORES = pd.DataFrame(
    {"participant_id": ["s2", "s1", "s3"], "PGS01": [1, 2, 3], "PGS02": [0.5, np.nan, -1.0]}
)


def test_scores_become_features_and_gaps_stay():
    features = score_features(SCORES)
    assert features.columns.tolist() == ["genomics__pgs__PGS01", "genomics__pgs__PGS02"]
    assert features.index.tolist() == ["s2", "s1", "s3"]
    assert features.index.name == "subject_id"
    assert np.isnan(features.loc["s1", "genomics__pgs__PGS02"])
    assert set(features.dtypes) == {np.dtype(float)}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (SCORES.rename(columns={"participant_id": "id"}), "column is missing.*The table has id"),
        (SCORES.assign(participant_id=["a", "a", "b"]), r"repeat: a \(2 of 3 subjects\)"),
        (SCORES.assign(participant_id=["a", None, "b"]), "ids are missing or repeat"),
        (
            SCORES.assign(PGS02=["1", "low", None]),
            r"column 'PGS02'.*found 'low' \(1 of 3 subjects\)",
        ),
        (SCORES.assign(PGS02=[True, False, True]), "expected numbers, found 'True', 'False'"),
        (SCORES[["participant_id"]], "no score column"),
        (SCORES.rename(columns={"PGS02": "a__b"}), "holds '__'"),
        (SCORES.assign(participant_id=["a", "a ", "b"]), r"repeat: a \(2 of 3 subjects\)"),
        (SCORES.assign(participant_id=["a", " ", "b"]), "ids are missing or repeat"),
        (SCORES.assign(PGS02=[1.0, np.inf, 2.0]), r"'PGS02': scores are infinite \(1 of 3"),
        (SCORES.assign(PGS02=np.nan), "nobody has this score"),
    ],
)
def test_unusable_scores_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        score_features(table)


def test_ids_are_text_without_blanks():
    table = SCORES.assign(participant_id=[" s2", "s1", "s3  "])
    pd.testing.assert_frame_equal(score_features(table), score_features(SCORES))
    numbers = score_features(SCORES.assign(participant_id=[7, 8, 9]))
    assert numbers.index.tolist() == ["7", "8", "9"]
