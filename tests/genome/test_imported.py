from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.imported import embedding_features


@pytest.fixture
def table():
    return pd.DataFrame(
        {"eid": [1000001, 1000002], "caduceus__DRD2__0": [0.1, None], "caduceus__DRD2__1": [1, 2]}
    )


def test_columns_become_features_and_gaps_stay(table):
    features = embedding_features(table, "eid")
    assert features.columns.tolist() == [
        "genomics__caduceus__DRD2__0",
        "genomics__caduceus__DRD2__1",
    ]
    assert features.index.tolist() == ["1000001", "1000002"]
    assert features.index.name == "subject_id"
    assert features["genomics__caduceus__DRD2__0"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="eid"), "column 'eid': the column is missing"),
        (lambda t: t.assign(eid=[1, 1]), "missing or repeat"),
        (lambda t: t[["eid"]], "no column of an embedding"),
        (lambda t: t.assign(d0=0.1), r"1 columns are not <encoder>__<gene>__<component>: d0"),
        (lambda t: t.assign(a____b=0.1), "1 columns are not"),
        (lambda t: t.assign(caduceus__DRD2__1=["x", "y"]), "expected numbers, found 'x'"),
    ],
)
def test_other_tables_are_refused(table, change, words):
    with pytest.raises(InputError, match=words):
        embedding_features(change(table), "eid")
