"""What every method must keep: fitted on training rows alone, applied row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from neurogenomics_kb.foundation.errors import InputError
from tests.stats.harmonization.conftest import FEATURES, METHODS, make_table, seen_by

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects")
TRAIN = 120  # visits: 60 of 90 children


@pytest.mark.parametrize("name", METHODS)
def test_what_is_fitted_does_not_see_other_rows(table, name):
    method = METHODS[name]()
    seen = seen_by(method, table)
    train, test = seen.iloc[:TRAIN], seen.iloc[TRAIN:]
    fitted = clone(method).fit(train)
    kept = fitted.transform(train)
    fitted.transform(test.assign(**{FEATURES[0]: 1e3}))
    pd.testing.assert_frame_equal(fitted.transform(train), kept)
    changed = seen.copy()
    changed.iloc[TRAIN:, : len(FEATURES)] *= 7
    again = clone(method).fit(changed.iloc[:TRAIN]).transform(changed.iloc[:TRAIN])
    pd.testing.assert_frame_equal(again, kept)
    leaky = clone(method).fit(changed).transform(train)  # the check can fail
    assert np.abs(leaky.to_numpy() - kept.to_numpy()).max() > 0.01


@pytest.mark.parametrize("name", METHODS)
def test_a_new_subject_does_not_depend_on_the_other_new_ones(table, name):
    method = METHODS[name]()
    seen = seen_by(method, table)
    fitted = method.fit(seen.iloc[:TRAIN])
    together = fitted.transform(seen.iloc[TRAIN:])
    alone = fitted.transform(seen.iloc[TRAIN : TRAIN + 2])  # one child, both visits
    np.testing.assert_allclose(alone, together.iloc[:2], atol=1e-10)
    assert set(together.columns).isdisjoint(method.reads)
    assert together.index.equals(seen.index[TRAIN:])
    assert list(together.columns) == list(fitted.get_feature_names_out())


@pytest.mark.parametrize("name", METHODS)
def test_same_rows_give_the_same_result(table, name):
    seen = seen_by(METHODS[name](), table)
    first, second = METHODS[name]().fit_transform(seen), METHODS[name]().fit_transform(seen)
    assert (first.to_numpy() == second.to_numpy()).all()


@pytest.mark.parametrize("name", METHODS)
def test_an_unseen_site_is_refused_or_left_as_told(table, name):
    method = METHODS[name]()
    seen = seen_by(method, table)
    new = seen["site"] == "c"
    with pytest.raises(InputError, match=r"column 'site': site c occurs in no training subject"):
        clone(method).fit(seen[~new]).transform(seen[new])
    left = clone(method).set_params(unseen="reference").fit(seen[~new]).transform(seen[new])
    if name != "unlearning":
        np.testing.assert_allclose(left, seen.loc[new, FEATURES], atol=1e-8)
        free = clone(method).set_params(unseen="estimate_unlabelled").fit(seen[~new])
        own = free.transform(seen[new])
        known = free.transform(seen[~new])
        gap = (seen.loc[new, FEATURES].mean() - seen.loc[~new, FEATURES].mean()).abs().mean()
        assert (own.mean() - known.mean()).abs().mean() < 0.6 * gap
    assert np.isfinite(left.to_numpy()).all()


@pytest.mark.parametrize("name", METHODS)
def test_small_sites(name):
    method, table = METHODS[name](), make_table(60)
    seen = seen_by(method, table)
    lonely = seen.copy()
    lonely.loc[lonely.index[0], "site"] = "z"
    with pytest.raises(InputError, match="site 'z' has 1 subject"):
        clone(method).fit(lonely)
    few = seen.copy()
    few.loc[few.index[:24:2], "site"] = "z"
    with pytest.warns(UserWarning, match=r"sites with fewer than 30 subjects: .*z \(12\)"):
        clone(method).fit(few)


@pytest.mark.parametrize("name", METHODS)
def test_missing_columns_are_named(table, name):
    method = METHODS[name]()
    seen = seen_by(method, table)
    with pytest.raises(InputError, match="column 'site'"):
        clone(method).fit(seen.drop(columns="site"))
    with pytest.raises(InputError, match="column 'sex'"):
        clone(method).fit(seen.drop(columns="sex"))
    holes = seen.copy()
    holes.iloc[3, 0] = np.nan
    with pytest.raises(InputError, match="missing or infinite values"):
        clone(method).fit(holes)


@pytest.mark.parametrize("name", [n for n in METHODS if n != "unlearning"])
def test_a_covariate_that_the_site_determines_is_refused(table, name):
    method = METHODS[name]()
    seen = seen_by(method, table).assign(sex=table["site"].map({"a": "x", "b": "x", "c": "y"}))
    with pytest.raises(InputError, match="sites determine a preserved covariate"):
        method.fit(seen)
