from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators
from neurogenomics_kb.stats.transformers.normative import NormativeScores

X1, X2 = "behaviour__a__x", "behaviour__a__y"


def sample(n=3000, seed=0):
    """Curved means that differ by sex, spreads that grow with age, and the true z-scores."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(5, 18, n)
    male = rng.random(n) < 0.5
    z = rng.normal(size=(n, 2))
    table = pd.DataFrame(
        {
            X1: 30 * np.log(age) + 6 * male + (1 + 0.3 * age) * z[:, 0],
            X2: 5 - 0.02 * (age - 10) ** 2 * (1 + male) + z[:, 1],
            "age": age,
            "sex": np.where(male, "male", "female"),
        },
        index=[f"s{i}" for i in range(n)],
    )
    return table, pd.DataFrame(z, table.index, [X1, X2])


def test_curves_of_mean_and_spread_are_found():
    train, truth = sample()
    test, expected = sample(seed=1)
    fitted = NormativeScores().fit(train)
    found = fitted.transform(test)
    assert found.columns.tolist() == [X1, X2]
    for column in found:
        assert np.corrcoef(found[column], expected[column])[0, 1] > 0.985
        for low in range(5, 18, 3):
            for sex in ("female", "male"):
                rows = test["age"].between(low, low + 3) & (test["sex"] == sex)
                assert abs(found.loc[rows, column].mean()) < 0.25
                assert 0.85 < found.loc[rows, column].std() < 1.15
    assert np.abs(fitted.transform(train) - truth).to_numpy().mean() < 0.12


def test_bands_hold_their_first_edge_and_not_their_last():
    ages = [6.0, 7.0, 8.0, 8.999, 9.0, 10.0, 11.0, 11.9]
    train = pd.DataFrame({X1: [1.0, 2, 3, 4, 11, 12, 13, 14], "age": ages})
    fitted = NormativeScores(sex=None, method="bands", bands=[6, 9, 12], minimum=4).fit(train)
    test = pd.DataFrame({X1: 2.5, "age": [6.0, 8.999, 9.0, 12.0, 5.999]})
    sd = np.std([1, 2, 3, 4], ddof=1)
    # Outside of all bands the nearest one judges.
    np.testing.assert_allclose(fitted.transform(test)[X1], np.array([0, 0, -10, -10, 0]) / sd)
    strict = NormativeScores(
        sex=None, method="bands", bands=[6, 9, 12], minimum=4, outside="missing"
    ).fit(train)
    assert strict.transform(test)[X1].isna().tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("method", ["spline", "bands"])
def test_norms_are_never_extended(method):
    train, _ = sample()
    options = {"method": method, "bands": [5, 8, 11, 14, 18]} if method == "bands" else {}
    test = pd.DataFrame({X1: 80.0, X2: 0.0, "age": [17.99, 19.0, 40.0, 4.0], "sex": "male"})
    held = NormativeScores(**options).fit(train).transform(test)
    np.testing.assert_allclose(held[X1][1:3], held[X1][0], atol=0.05)
    strict = NormativeScores(outside="missing", **options).fit(train).transform(test)
    assert strict[X1].isna().tolist() == [False, True, True, True]


def test_missing_values_stay_missing_and_do_not_move_norms_of_others():
    train, _ = sample(600)
    gappy = train.copy()
    gappy.iloc[:100, 0] = np.nan
    found = NormativeScores().fit(gappy).transform(gappy)
    assert found[X1].isna().sum() == 100
    alone = NormativeScores().fit(gappy.iloc[100:]).transform(gappy.iloc[100:])
    pd.testing.assert_series_equal(found[X1].iloc[100:], alone[X1])
    complete = NormativeScores().fit(train).transform(train)
    pd.testing.assert_series_equal(found[X2], complete[X2])


def test_indicators_of_missing_values_pass_unchanged():
    train, _ = sample(600)
    train.iloc[:100, 0] = np.nan
    marked = MissingIndicators().fit(train).transform(train)
    name = f"{X1}__is_missing"
    found = NormativeScores().fit(marked).transform(marked)
    pd.testing.assert_series_equal(found[name], marked[name])


@pytest.mark.parametrize("method", ["spline", "bands"])
def test_nothing_is_learnt_from_test_subjects(method):
    options = {"method": "bands", "bands": [5, 9, 13, 18]} if method == "bands" else {}
    table, _ = sample(800)
    train, test = table.iloc[:600], table.iloc[600:]
    fitted = NormativeScores(**options).fit(train)
    whole = fitted.transform(test)
    fitted.transform(test.assign(**{X1: 1e6}, age=90.0))
    pd.testing.assert_frame_equal(fitted.transform(test), whole)
    alone = pd.concat([fitted.transform(test.iloc[[i]]) for i in range(10)])
    pd.testing.assert_frame_equal(alone, whole.iloc[:10])
    # A test that can fail: letting the test subjects in moves the norms.
    leaking = NormativeScores(**options).fit(
        table.assign(**{X1: table[X1] * np.linspace(1, 9, 800)})
    )
    assert np.abs(leaking.transform(test) - whole)[X1].max() > 0.1


def test_order_of_rows_and_features_does_not_matter():
    table, _ = sample(500)
    shuffled = table.sample(frac=1, random_state=0)[["sex", X2, "age", X1]]
    found = NormativeScores().fit(shuffled).transform(shuffled).loc[table.index, [X1, X2]]
    pd.testing.assert_frame_equal(found, NormativeScores().fit(table).transform(table), atol=1e-8)


@pytest.mark.parametrize("method", ["spline", "bands"])
def test_design_spans_what_the_norms_take_out(method):
    options = {"method": "bands", "bands": [5, 9, 13, 18]} if method == "bands" else {}
    table, _ = sample(500)
    design = NormativeScores(**options).mean_design(table)
    fitted = NormativeScores(**options).fit(table)
    means = np.empty(len(table))
    for level in ("female", "male"):
        rows = (table["sex"] == level).to_numpy()
        means[rows] = fitted.norms_[level, X1].at(table["age"].to_numpy()[rows])[0]
    left = means - design @ np.linalg.lstsq(design, means, rcond=None)[0]
    assert np.abs(left).max() < 1e-8 * np.abs(means).max()


def test_few_ages_are_enough_for_a_curve():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({X1: rng.normal(size=90), "age": np.repeat([6.0, 8, 10], 30)})
    found = NormativeScores(sex=None).fit(table).transform(table)[X1]
    assert np.abs(found.groupby(table["age"]).mean()).max() < 1e-8
    one = NormativeScores(sex=None).fit(table.assign(age=7.0)).transform(table.assign(age=7.0))
    assert one[X1].std() == pytest.approx(1, abs=0.05)


TABLE = sample(300)[0]
FEW = TABLE.assign(sex=["other"] * 5 + list(TABLE["sex"][5:]))


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (FEW, {}, r"'behaviour__a__x': the norms of training subjects with other would rest on fe"),
        (
            TABLE,
            {"method": "bands", "bands": [5, 6, 18]},
            r"subjects with \w+ aged 5 to 6 would rest on fewer than 20 \(\d+ subjects\)",
        ),
        (TABLE.drop(columns="age"), {}, "column 'age': the norms need this column"),
        (
            TABLE.assign(sex=[None] * 3 + list(TABLE["sex"][3:])),
            {},
            r"column 'sex': a confound has no value \(3 of 300 subjects\)",
        ),
    ],
)
def test_unusable_people_are_refused(table, options, message):
    with pytest.raises(InputError, match=message):
        NormativeScores(**options).fit(table)


def test_a_level_without_norms_is_named():
    fitted = NormativeScores().fit(TABLE)
    with pytest.raises(InputError, match=r"column 'sex': level other occurs in no .*5 of 300"):
        fitted.transform(FEW)


@pytest.mark.parametrize(
    "options", [{"method": "loess"}, {"outside": "extend"}, {"method": "bands", "bands": [9, 6]}]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match=r"is not|are not"):
        NormativeScores(**options).fit(TABLE)
