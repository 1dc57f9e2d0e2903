"""The choice among rungs: made inside the training fold, honest about what failed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.concatenated import Concatenated
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.selection import Choice, choose_rung, score_of, unrelated
from neurogenomics_kb.stats.prediction.estimators import (
    PenalisedClassifier,
    StoppedTreesClassifier,
)
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.power import smallest_difference


def people(n=300, seed=0, absolute=True):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, 4))
    eta = 2 * (np.abs(A[:, 0]) - 0.8) if absolute else 1.5 * A[:, 0]
    y = (rng.random(n) < expit(eta)).astype(float)
    return Inputs({"a": A}, {"a": np.empty((n, 0))}, {"a": []}), y


def line():
    return Concatenated(PenalisedClassifier())


def trees():
    return Concatenated(StoppedTreesClassifier())


class Broken:
    controls, history = {}, []

    def fit(self, *_):
        raise InputError("weights are absent", remedy="Fetch them.")


@pytest.mark.parametrize(("absolute", "best"), [(True, "trees"), (False, "late fusion")])
def test_inner_folds_choose_what_predicts(absolute, best):
    inputs, y = people(absolute=absolute)
    choice = choose_rung({"late fusion": line, "trees": trees}, inputs, y, inner_splits(y, None))
    assert choice.rung == best
    assert {name: len(s) for name, s in choice.scores.items()} == {"late fusion": 3, "trees": 3}


def test_of_equal_rungs_the_first_is_taken_and_a_broken_one_is_left_out():
    inputs, y = people()
    choice = choose_rung(
        {"late fusion": line, "same": line, "broken": Broken}, inputs, y, inner_splits(y, None)
    )
    assert choice.rung == "late fusion"
    assert "weights are absent" in choice.failed["broken"]
    assert "broken" not in choice.scores
    with pytest.raises(InputError, match="weights are absent"):
        choose_rung({"broken": Broken, "late": line}, inputs, y, inner_splits(y, None))


def test_a_candidate_that_falls_out_later_leaves_the_choice_to_the_others():
    scores = {"late": np.array([0.6, 0.6]), "a": np.array([0.9, 0.7]), "b": np.array([0.7, 0.7])}
    choice = Choice.of(scores, {"c": "no weights"})
    assert choice.rung == "a"
    left = choice.among(["late", "b", "c"])
    assert (left.rung, list(left.scores), left.failed) == ("b", ["late", "b"], {"c": "no weights"})
    assert choice.among(["late"]).failed == {}


def test_an_inner_fold_with_one_class_is_refused_by_number():
    inputs, y = people(n=60)
    y[:20] = 1.0
    rows = np.arange(60)
    splits = [(rows[20:], rows[:20]), (rows[:40], rows[40:])]
    with pytest.raises(InputError, match="inner fold 0 has one class, 1"):
        choose_rung({"late fusion": line}, inputs, y, splits)


def test_relatives_are_left_out_and_unrelated_people_stay():
    features = {"a": np.arange(4.0)[:, None]}
    beside = Inputs({"a": np.empty((4, 0))}, features, {"a": ["x"]}, np.array([1, 2, 3, 1]))

    def tested(groups=None, kin=None):
        n = len(groups if groups is not None else kin if kin is not None else [0])
        codes = [None if c is None else np.array(c) for c in (groups, kin)]
        a, b = codes
        return Inputs({"a": np.empty((n, 0))}, {"a": np.empty((n, 1))}, {"a": ["x"]}, a, kin=b)

    kept = unrelated(beside, tested([1, 9]))
    assert kept.features["a"].ravel().tolist() == [1.0, 2.0]
    assert len(unrelated(beside, tested())) == 4
    assert unrelated(beside, tested([1, 2, 3])) is None
    assert unrelated(None, tested([1])) is None
    # Sites are held out, and siblings live at other sites.
    apart = replace(beside, groups=np.array([7, 7, 8, 8]), kin=np.array([0, 1, 2, 3]))
    kept = unrelated(apart, tested([7], [3]))
    assert kept.features["a"].ravel().tolist() == [2.0]


def test_scores_are_held_out_r2_and_auroc():
    y = np.array([0.0, 0.0, 1.0, 1.0])
    assert score_of(y, np.array([0.1, 0.4, 0.35, 0.8]), continuous=False, mean=0.5) == 0.75
    # Against the training mean of 2: 1 - 1 / (4 + 1 + 0 + 1)
    scores = np.array([0.0, 1.0, 2.0, 4.0])
    known = np.array([0.0, 1.0, 2.0, 3.0])
    assert score_of(known, scores, continuous=True, mean=2.0) == pytest.approx(1 - 1 / 6)


def test_the_smallest_difference_that_is_seen_is_seen_in_four_of_five_draws():
    rng = np.random.default_rng(0)
    df, se = 4, 0.02
    size = smallest_difference(se, df, 0.05)
    drawn = se * np.sqrt(rng.chisquare(df, 40_000) / df)
    found = (rng.normal(size, se, 40_000) / drawn) > 2.131846786  # t quantile, 0.95, df 4
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert np.isnan(smallest_difference(0.0, df, 0.05))
    assert smallest_difference(se, df, 0.01) > size
