from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.confounds import ConfoundDesign, ConfoundRegressor

N = 120


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    age, site = rng.uniform(40, 80, N), rng.choice(["a", "b", "c"], N)
    shift = pd.Series({"a": 0.0, "b": 2.0, "c": -1.0})[site].to_numpy()
    return pd.DataFrame(
        {
            "x1": 0.1 * age + shift + rng.normal(size=N),
            "x2": rng.normal(size=N),
            "age": age,
            "site": site,
        }
    )


def test_residuals_are_those_of_ordinary_least_squares(table):
    got = ConfoundRegressor(["age", "site"]).fit_transform(table)
    design = sm.add_constant(pd.get_dummies(table[["age", "site"]], drop_first=True).astype(float))
    for column in ("x1", "x2"):
        np.testing.assert_allclose(
            got[column], sm.OLS(table[column], design).fit().resid, atol=1e-9
        )
    assert got.columns.tolist() == ["x1", "x2"]


def test_coefficients_come_from_training_rows_alone(table):
    train, test = table.iloc[:80], table.iloc[80:]
    regressor = ConfoundRegressor(["age", "site"]).fit(train)
    before = regressor.transform(train)
    spoilt = test.assign(x1=1e6)
    regressor.transform(spoilt)
    pd.testing.assert_frame_equal(before, regressor.transform(train))
    design = sm.add_constant(pd.get_dummies(table[["age", "site"]], drop_first=True).astype(float))
    fitted = sm.OLS(train["x1"], design.iloc[:80]).fit()
    expected = test["x1"] - fitted.predict(design.iloc[80:])
    np.testing.assert_allclose(regressor.transform(test)["x1"], expected, atol=1e-9)


def test_collinear_and_constant_confounds_change_nothing(table):
    plain = ConfoundRegressor(["age"]).fit_transform(table[["x1", "age"]])
    more = table[["x1", "age"]].assign(months=table["age"] * 12, one=1.0)
    again = ConfoundRegressor(["age", "months", "one"]).fit_transform(more)
    np.testing.assert_allclose(plain, again, atol=1e-8)


def test_codes_are_levels_when_named_categorical(table):
    coded = table.assign(site=table["site"].map({"a": 11025, "b": 11026, "c": 11027}))
    text = ConfoundRegressor(["site"]).fit_transform(table[["x1", "site"]])
    codes = ConfoundRegressor(["site"], categorical=["site"]).fit_transform(coded[["x1", "site"]])
    np.testing.assert_allclose(text, codes, atol=1e-9)


@pytest.mark.parametrize("unseen", ["reference", "estimate_unlabelled"])
def test_unseen_site_has_a_stated_treatment(table, unseen):
    train, test = table[table["site"] != "c"], table[table["site"] == "c"]
    regressor = ConfoundRegressor(["age", "site"], unseen=unseen).fit(train)
    residuals = regressor.transform(test)
    if unseen == "estimate_unlabelled":
        np.testing.assert_allclose(residuals.mean(), 0, atol=1e-9)
    else:
        design = train[["age"]].assign(b=(train["site"] == "b").astype(float))
        fitted = sm.OLS(train["x1"], sm.add_constant(design)).fit()
        average = sm.add_constant(test[["age"]].assign(b=design["b"].mean()), has_constant="add")
        np.testing.assert_allclose(residuals["x1"], test["x1"] - fitted.predict(average), atol=1e-9)


def test_unseen_site_is_an_error_by_default(table):
    regressor = ConfoundRegressor(["site"]).fit(table[table["site"] != "c"])
    with pytest.raises(InputError, match=r"column 'site': level c occurs in no training subject"):
        regressor.transform(table)


def test_missing_values_are_refused_or_imputed_and_marked(table):
    gaps = table.assign(age=table["age"].where(table.index > 4))
    with pytest.raises(InputError, match=r"column 'age'.*\(5 of 120 subjects\).*optional"):
        ConfoundRegressor(["age"]).fit(gaps)
    design = ConfoundDesign(optional=["age", "absent"]).fit(gaps)
    assert list(design.columns_) == ["age", "age_missing"]
    filled = gaps["age"].fillna(gaps["age"].median())
    values = design.transform(gaps)
    np.testing.assert_allclose(values[:, 0], (filled - filled.mean()) / filled.std(ddof=0))
    assert (values[:5, 1] > 0).all()
    assert (values[5:, 1] < 0).all()


def test_wrong_features_are_named(table):
    with pytest.raises(InputError, match="column 'x1': a feature has missing"):
        ConfoundRegressor(["age"]).fit(table.assign(x1=np.nan)[["x1", "age"]])
    with pytest.raises(InputError, match="column 'site': a feature is not numeric"):
        ConfoundRegressor(["age"]).fit(table)
    with pytest.raises(InputError, match="confound sex is not among"):
        ConfoundRegressor(["sex"]).fit(table)


def test_works_in_scikit_learn_tools(table):
    y = (table["x2"] > 0).astype(int)
    pipeline = make_pipeline(ConfoundRegressor(["age", "site"]), LogisticRegression())
    scores = cross_validate(pipeline, table, y, cv=4)["test_score"]
    assert np.isfinite(scores).all()
    assert scores.mean() > 0.8
    grid = {"confoundregressor__confounds": [["age"], ["age", "site"]]}
    searched = GridSearchCV(pipeline, grid, cv=3, error_score="raise")
    with pytest.raises(InputError, match="not numeric"):  # site stays a feature in the first one
        searched.fit(table, y)
    assert clone(pipeline[0]).get_params()["confounds"] == ["age", "site"]


def test_a_smooth_confound_takes_a_curve_out_and_a_linear_one_does_not():
    rng = np.random.default_rng(0)
    age = rng.uniform(20, 100, 400)
    feature = np.sin(age / 15) + 0.01 * rng.normal(size=400)
    frame = pd.DataFrame({"age": age, "feature": feature})
    train, test = frame.iloc[:300], frame.iloc[300:]
    straight = ConfoundRegressor(["age"]).fit(train).transform(test)["feature"]
    bent = ConfoundRegressor(["age"], smooth={"age": 8}).fit(train).transform(test)["feature"]
    assert straight.std() > 0.3
    assert bent.std() < 0.05
    design = ConfoundDesign(["age"], smooth={"age": 8}).fit(train)
    assert design.columns_ == [f"age~{k}" for k in range(1, 9)]
    assert design.transform(test).shape == (100, 8)


def test_a_smooth_confound_goes_on_straight_beyond_training():
    train = pd.DataFrame({"age": np.linspace(10.0, 20, 50)})
    train["feature"] = 2 * train["age"]
    beyond = pd.DataFrame({"age": [5.0, 30.0], "feature": [10.0, 60.0]})
    fitted = ConfoundRegressor(["age"], smooth={"age": 4}).fit(train)
    np.testing.assert_allclose(fitted.transform(beyond)["feature"], 0, atol=1e-8)


def test_a_product_takes_an_interaction_out_and_lines_do_not():
    rng = np.random.default_rng(1)
    age, sex = rng.uniform(20, 80, 300), rng.choice(["f", "m"], 300)
    site = rng.choice(["a", "b", "c"], 300)
    slope = np.where(sex == "m", 0.1, -0.1)
    feature = slope * age + 0.01 * rng.normal(size=300)
    frame = pd.DataFrame({"age": age, "sex": sex, "site": site, "feature": feature})
    train, test = frame.iloc[:200], frame.iloc[200:]
    confounds = ["age", "sex", "site"]
    lines = ConfoundRegressor(confounds).fit(train).transform(test)["feature"]
    fitted = ConfoundRegressor(confounds, products=[("age", "sex")]).fit(train)
    assert lines.std() > 0.5
    assert fitted.transform(test)["feature"].std() < 0.05
    design = ConfoundDesign(confounds, products=[("site", "sex"), ("age", "age")]).fit(train)
    assert design.columns_[-7:] == [
        "site=a*sex=f", "site=a*sex=m", "site=b*sex=f", "site=b*sex=m", "site=c*sex=f",
        "site=c*sex=m", "age*age",
    ]  # fmt: skip
    np.testing.assert_allclose(design.transform(train).mean(axis=0), 0, atol=1e-12)


def test_a_product_of_a_level_that_training_lacks_is_that_of_an_average_person():
    train = pd.DataFrame({"age": [1.0, 2, 3, 4], "site": ["a", "a", "b", "b"]})
    new = pd.DataFrame({"age": [10.0], "site": ["c"]})
    design = ConfoundDesign(["age", "site"], products=[("site", "age")], unseen="reference")
    row = dict(zip(design.fit(train).columns_, design.transform(new)[0], strict=True))
    expected = -design.product_mean_
    assert [row["site=a*age"], row["site=b*age"]] == pytest.approx(list(expected))


def test_a_product_with_an_optional_confound_that_is_absent_is_left_out():
    frame = pd.DataFrame({"age": [1.0, 2, 4, 4]})
    design = ConfoundDesign(["age"], optional=["income"], products=[("age", "income")]).fit(frame)
    assert design.columns_ == ["age"]
    with pytest.raises(InputError, match="'pc1' under `products` is not among the confounds"):
        ConfoundDesign(["age"], products=[("age", "pc1")]).fit(frame)


def test_too_few_ages_for_splines_are_refused():
    frame = pd.DataFrame({"age": [10.0, 12, 14] * 5, "feature": np.arange(15.0)})
    with pytest.raises(InputError, match="3 distinct values are too few for 4 splines"):
        ConfoundRegressor(["age"], smooth={"age": 4}).fit(frame)


@pytest.mark.parametrize("name", ["site", "Site_ID", "imaging_centre", "batch", "family_id"])
def test_whole_numbers_of_sites_are_levels(name):
    rng = np.random.default_rng(4)
    codes = rng.choice([11010, 11009, 7], 90)
    frame = pd.DataFrame({name: codes, "x": rng.normal(size=90) + (codes == 11009)})
    named = frame.assign(**{name: frame[name].astype(str)})
    found = ConfoundRegressor([name]).fit_transform(frame)["x"]
    np.testing.assert_allclose(found, ConfoundRegressor([name]).fit_transform(named)["x"])
    assert np.abs(found.groupby(codes).mean()).max() < 1e-12


def test_other_numbers_are_lines():
    frame = pd.DataFrame({"age": [1, 2, 3, 5], "site_pc": [1, 2, 4, 8], "batch": [0.5, 1, 2, 3]})
    assert ConfoundDesign(list(frame)).fit(frame).columns_ == list(frame)
