from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators, is_indicator

GAPS = pd.DataFrame(
    {
        "behaviour__a__x": [1, np.nan, 3, 4, 5, 6],
        "behaviour__a__y": [1, np.nan, 3, 4, 5, 6],
        "behaviour__a__z__c": [1, 2, np.nan, np.nan, 5, 6],
        "behaviour__b__w": [1.0, 2, 3, 4, 5, 6],
        "plain": [np.nan, 2, 3, 4, 5, 6],
    }
)


def added(table, **options):
    out = MissingIndicators(**options).fit(table).transform(table)
    return out.drop(columns=table.columns)


def test_features_with_gaps_in_training_get_an_indicator_of_their_unit():
    marks = added(GAPS)
    assert marks.columns.tolist() == [
        "behaviour__a__x__is_missing", "behaviour__a__z__c.is_missing", "plain__is_missing",
    ]  # fmt: skip
    assert all(is_indicator(c) for c in marks)
    assert not any(is_indicator(c) for c in GAPS)
    assert marks["behaviour__a__x__is_missing"].tolist() == [0, 1, 0, 0, 0, 0]
    assert marks["behaviour__a__z__c.is_missing"].tolist() == [0, 0, 1, 1, 0, 0]


def test_groups_get_their_share_of_gaps():
    marks = added(GAPS.drop(columns="plain"), level="group")
    assert marks.columns.tolist() == ["behaviour__a__a__is_missing"]
    np.testing.assert_allclose(marks.iloc[:, 0], [0, 2 / 3, 1 / 3, 1 / 3, 0, 0])


def test_rare_gaps_can_go_unmarked():
    assert added(GAPS, min_missing=2).columns.tolist() == ["behaviour__a__z__c.is_missing"]


def test_what_is_marked_is_decided_in_training():
    fitted = MissingIndicators().fit(GAPS.iloc[2:])
    out = fitted.transform(GAPS)
    assert [c for c in out if is_indicator(c)] == ["behaviour__a__z__c.is_missing"]
    assert list(fitted.get_feature_names_out()) == out.columns.tolist()


def test_a_name_is_not_used_twice():
    marked = MissingIndicators().fit(GAPS).transform(GAPS)
    with pytest.raises(InputError, match="column 'behaviour__a__x__is_missing': the name of an"):
        MissingIndicators().fit(marked)
