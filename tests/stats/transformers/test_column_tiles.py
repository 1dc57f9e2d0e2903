"""Columnwise steps in tiles of columns, and columns without a copy."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from neurogenomics_kb.foundation import tiles
from neurogenomics_kb.stats.confounds import ConfoundRegressor
from neurogenomics_kb.stats.transformers.carry import CarryColumns
from neurogenomics_kb.stats.transformers.column_choice import columns_of, without
from neurogenomics_kb.stats.transformers.filters import count_different, varies


def table(n=51, p=23, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, p)), columns=[f"smri__thickness__R{j}" for j in range(p)])
    X = X.mask(rng.random((n, p)) < 0.1)
    X.iloc[:, 4] = np.nan
    return X.assign(site=rng.choice(["a", "b"], n))


@pytest.mark.parametrize(
    "step",
    [SimpleImputer(strategy="median"), SimpleImputer(strategy="mean"),
     SimpleImputer(strategy="most_frequent"), StandardScaler().set_output(transform="pandas")],
    ids=["median", "mean", "commonest", "scale"],
)  # fmt: skip
def test_tiles_give_what_the_whole_gives(monkeypatch, step):
    monkeypatch.setattr(tiles, "TILE", 51 * 5)
    X, features = table(), [f"smri__thickness__R{j}" for j in range(23)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the column without a value
        found = CarryColumns(step, ["site"]).fit(X).transform(X)
        whole = step.set_output(transform="pandas").fit(X[features]).transform(X[features])
    pd.testing.assert_frame_equal(found, whole.assign(site=X["site"]), check_exact=True)


def test_confounds_are_regressed_out_of_tiles_as_of_the_whole(monkeypatch):
    X = table().drop(columns="smri__thickness__R4").fillna(0.0)
    whole = ConfoundRegressor(["site"]).fit(X).transform(X)
    monkeypatch.setattr(tiles, "TILE", 51 * 4)
    tiled = ConfoundRegressor(["site"]).fit(X).transform(X)
    pd.testing.assert_frame_equal(tiled, whole, rtol=0, atol=1e-14)


def test_columns_that_stand_together_are_no_copy():
    X = pd.DataFrame(np.arange(20.0).reshape(4, 5), columns=list("abcde"))
    assert np.shares_memory(columns_of(X, list("bcd")).to_numpy(), X.to_numpy())
    for names in ("bcd", "db", "", "ace"):
        pd.testing.assert_frame_equal(columns_of(X, list(names)), X[list(names)])
        others = [c for c in X if c not in names]
        pd.testing.assert_frame_equal(without(X, [*names, "z"]), X[others])
    assert np.shares_memory(without(X, ["d", "e"]).to_numpy(), X.to_numpy())


def test_columns_that_vary_differ_in_one_value_or_more():
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(30, 400)) * rng.choice([0.2, 3], 400))
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 3] = np.nan
    expected = [
        len(known) - max(np.unique(known, return_counts=True)[1], default=0)
        for known in (column[~np.isnan(column)] for column in X.T)
    ]
    assert (count_different(X) == expected).all()
    assert (varies(X) == (count_different(X) >= 1)).all()
    assert not varies(np.empty((0, 2))).any()
