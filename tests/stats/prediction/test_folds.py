from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.folds import (
    check_folds,
    fold_splits,
    hash_folds,
    inner_splits,
    make_folds,
    repeat_folds,
    split_in_time,
)

IDS = pd.Index([f"s{i:03d}" for i in range(90)])


@pytest.fixture
def outcome():
    return pd.Series(np.arange(90) % 3 == 0, IDS, name="case").astype(float)


@pytest.fixture
def family():
    return pd.Series([f"f{i // 2}" for i in range(90)], IDS, name="family")


@pytest.mark.parametrize("scheme", ["grouped", "stratified_grouped"])
def test_families_stay_together_and_classes_everywhere(outcome, family, scheme):
    folds = make_folds(outcome, scheme=scheme, groups=family)
    assert folds.groupby(family).nunique().max() == 1
    assert pd.crosstab(folds, outcome).to_numpy().min() > 0
    assert sorted(folds.unique()) == list(range(5))


def test_seed_and_row_order(outcome, family):
    one = make_folds(outcome, scheme="stratified", seed=1)
    shuffled = outcome.sample(frac=1, random_state=0)
    assert make_folds(shuffled, scheme="stratified", seed=1).equals(one)
    assert not make_folds(outcome, scheme="stratified", seed=2).equals(one)
    assert hash_folds(one) == hash_folds(one.sample(frac=1, random_state=3))
    moved = one.copy()
    moved.iloc[0] = (moved.iloc[0] + 1) % 5
    assert hash_folds(moved) != hash_folds(one)


def test_each_site_is_held_out_once(outcome):
    site = pd.Series(np.array(["a", "b", "c"])[np.arange(90) // 30], IDS, name="site")
    folds = make_folds(outcome, scheme="leave_site_out", groups=site)
    for train, test in fold_splits(folds):
        assert not set(site.iloc[train]) & set(site.iloc[test])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheme": "grouped", "n_splits": 5, "sites": 4}, "5 folds were asked for.*only 4 groups"),
        ({"scheme": "leave_site_out", "sites": 1}, "only 1 groups"),
        ({"scheme": "grouped"}, "need a group column"),
        ({"scheme": "stratified", "n_splits": 40}, r"class 1\.0 has 30 subjects for 40 folds"),
    ],
)
def test_impossible_folds_are_refused_with_numbers(outcome, options, words):
    sites = options.pop("sites", None)
    groups = None
    if sites:
        groups = pd.Series(np.arange(90) % sites, IDS, name="site").astype(str)
    with pytest.raises(InputError, match=words):
        make_folds(outcome, groups=groups, **options)


def test_missing_group_and_missing_class_are_refused(outcome, family):
    with pytest.raises(InputError, match=r"column 'family': a subject has no group \(1 of 90"):
        make_folds(outcome, scheme="grouped", groups=family.where(family.index != "s004"))
    folds = pd.Series((outcome == 1).astype(int), IDS)
    with pytest.raises(InputError, match=r"test fold 0 has no subject of class 1\.0"):
        check_folds(folds, outcome, None, continuous=False)
    with pytest.raises(InputError, match="groups of 'family' lie on both sides"):
        check_folds(pd.Series(np.arange(90) % 2, IDS), outcome, family, continuous=True)


def test_scores_are_balanced_by_quartile():
    score = pd.Series(np.random.default_rng(0).normal(size=90), IDS)
    folds = make_folds(score, scheme="stratified", continuous=True)
    assert score.groupby(folds).mean().abs().max() < 0.35


def test_inner_folds_keep_groups_and_survive_few_groups(family, outcome):
    groups = pd.factorize(family)[0]
    for train, test in inner_splits(outcome.to_numpy(), groups):
        assert not set(groups[train]) & set(groups[test])
    assert len(inner_splits(outcome.to_numpy(), np.zeros(90))) == 3


def in_time(n=60):
    outcome = pd.Series(np.arange(n) % 2, [f"s{i:02d}" for i in range(n)], name="case")
    year = pd.Series(2015 + np.arange(n) // 10, outcome.index, name="year")
    return outcome, year


def test_later_rows_are_tested_once_and_earlier_ones_only_train():
    outcome, year = in_time()
    folds = split_in_time(outcome, year, 2018)
    splits = list(fold_splits(folds))
    assert len(splits) == 1
    train, test = splits[0]
    assert (year.iloc[train] < 2018).all()
    assert (year.iloc[test] >= 2018).all()
    assert len(train) + len(test) == len(outcome)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cut": 2030}, "all of 2015 to 2020 lies on one side of 2030"),
        ({"groups": lambda y: pd.Series(np.arange(60) % 20, y.index, name="child")},
         "20 groups of 'child' lie on both sides"),
        ({"time": lambda y: y.where(y != 2016)}, "10 of 60 subjects.*rows have no time"),
        ({"outcome": lambda y: (y < 2018).astype(int)}, "no subject of class 0"),
    ],
)  # fmt: skip
def test_impossible_splits_in_time_are_refused(change, message):
    outcome, year = in_time()
    made = {k: v(year) if callable(v) else v for k, v in change.items()}
    arguments = {"outcome": outcome, "time": year, "cut": 2018, **made}
    with pytest.raises(InputError) as caught:
        split_in_time(**arguments)
    assert all(part in str(caught.value) for part in message.split(".*"))


@pytest.mark.parametrize("value", [0, 1, "MDD", 2.5])
@pytest.mark.parametrize("scheme", ["stratified", "grouped", "stratified_grouped"])
def test_an_outcome_of_one_class_is_refused(scheme, value):
    outcome = pd.Series([value] * 40, index=[f"s{i}" for i in range(40)], name="dx")
    groups = pd.Series(range(40), index=outcome.index, name="family")
    for continuous in (False, True):
        with pytest.raises(InputError, match=f"column 'dx': the outcome is {value} for everybody"):
            make_folds(outcome, scheme=scheme, groups=groups, continuous=continuous)
    with pytest.raises(InputError, match="for everybody"):
        split_in_time(outcome, groups, cut=20)


def test_an_outcome_without_a_value_is_refused():
    with pytest.raises(InputError, match="the outcome has no value"):
        make_folds(pd.Series([np.nan] * 10, name="dx"), scheme="stratified")


def test_inner_folds_without_a_class_in_training_are_refused():
    outcome = np.array([1, 1, 1] + [0] * 27)
    together = np.array([0, 0, 0, *range(1, 28)])
    with pytest.raises(InputError, match=r"too few groups with class 1.*\(3 of 30 subjects\)"):
        inner_splits(outcome, together)
    assert len(inner_splits(outcome, np.arange(30))) == 3


def test_groups_are_left_out_so_many_at_a_time(outcome, family):
    folds = make_folds(outcome, scheme="leave_groups_out", groups=family, groups_out=7, seed=3)
    per_fold = family.groupby(folds).nunique()
    assert len(per_fold) == 7  # 45 families
    assert set(per_fold) == {6, 7}
    assert folds.groupby(family).nunique().max() == 1
    assert pd.crosstab(folds, outcome).to_numpy().min() > 0
    again = make_folds(
        outcome.sample(frac=1, random_state=0), scheme="leave_groups_out", groups=family,
        groups_out=7, seed=3,
    )  # fmt: skip
    assert again.equals(folds)
    other = make_folds(outcome, scheme="leave_groups_out", groups=family, groups_out=7, seed=4)
    assert not other.equals(folds)


def test_impossible_groups_to_leave_out_are_refused(outcome, family):
    with pytest.raises(InputError, match="45 groups of 'family' make 2 folds of 23 groups"):
        make_folds(outcome, scheme="leave_groups_out", groups=family, groups_out=23)
    with pytest.raises(InputError, match="45 groups of 'family' make 0 folds of None"):
        make_folds(outcome, scheme="leave_groups_out", groups=family)
    rare = pd.Series(np.arange(90) < 3, IDS, name="case").astype(float)
    with pytest.raises(InputError, match=r"has no subject of class 1\.0"):
        make_folds(rare, scheme="leave_groups_out", groups=family, groups_out=5)


def repeated(outcome, family, n_repeats=3, **options):
    settings = {"scheme": "stratified_grouped", "groups": family, **options}
    return repeat_folds(lambda seed: make_folds(outcome, seed=seed, **settings), n_repeats, 5)


def test_repeats_are_other_partitions_whose_numbers_go_on(outcome, family):
    folds = repeated(outcome, family)
    assert list(folds.columns) == ["fold", "fold_2", "fold_3"]
    for repeat, column in enumerate(folds):
        assert sorted(folds[column].unique()) == list(range(5 * repeat, 5 * repeat + 5))
        assert folds[column].groupby(family).nunique().max() == 1
        assert pd.crosstab(folds[column], outcome).to_numpy().min() > 0
    assert not (folds["fold_2"] - 5).equals(folds["fold"].rename("fold_2"))
    single = make_folds(outcome, scheme="stratified_grouped", groups=family, seed=5)
    assert folds["fold"].equals(single)
    splits = list(fold_splits(folds))
    assert len(splits) == 15
    for number, (train, test) in enumerate(splits):
        assert (folds.iloc[test, number // 5] == number).all()
        assert len(train) + len(test) == 90
    # The folds of a run without repeats keep their hash.
    assert hash_folds(folds[["fold"]]) == hash_folds(single)
    changed = folds.copy()
    changed.iloc[0, 2] = 10 + (changed.iloc[0, 2] + 1) % 5
    assert len({hash_folds(folds), hash_folds(changed), hash_folds(single)}) == 3


def test_the_same_partition_twice_is_refused(outcome):
    five = pd.Series(np.arange(90) % 5, IDS, name="centre").astype(str)
    with pytest.raises(InputError, match="repeat 2 of the folds divides the people as an earlier"):
        repeated(outcome, five, 2, scheme="grouped")
