"""The ensemble against its definition: held-out predictions, second levels, ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.ladder.combining import (
    COMBINERS,
    BestBase,
    EnsembleSelection,
    MeanOfAll,
    link,
)
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.stacking import ALL_BLOCKS, Ensemble
from neurogenomics_kb.stats.prediction.estimators import (
    PenalisedClassifier,
    PenalisedRegression,
    StoppedTreesClassifier,
    StoppedTreesRegressor,
)
from neurogenomics_kb.stats.prediction.folds import inner_splits

SEEN: list[tuple[set, set]] = []


class Remembering(ClassifierMixin, BaseEstimator):
    """Keeps which rows it was fitted to; the first column is a person's number."""

    def fit(self, X, y):
        self.classes_ = np.array([0.0, 1.0])
        self.rows_ = set(X[:, 0])
        return self

    def predict_proba(self, X):
        SEEN.append((self.rows_, set(X[:, 0])))
        return np.full((len(X), 2), 0.5)


def people(n=240, p=5, seed=0, groups=False):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(n, p)), rng.normal(size=(n, p))
    y = (rng.random(n) < expit(1.2 * A[:, 0] + 3 * (np.abs(B[:, 1]) - 0.8))).astype(float)
    blocks = {"gene": A, "brain": B}
    empty = {name: np.empty((n, 0)) for name in blocks}
    who = np.arange(n) // 2 if groups else None
    return Inputs(blocks, empty, {name: [] for name in blocks}, who), y


def test_no_learner_predicts_those_whom_it_was_fitted_to_or_their_siblings():
    inputs, y = people(groups=True)
    numbered = {n: np.column_stack([np.arange(len(y)), A]) for n, A in inputs.blocks.items()}
    inputs = Inputs(numbered, inputs.features, inputs.columns, inputs.groups)
    SEEN.clear()
    splits = inner_splits(y, inputs.groups)
    Ensemble({"a": Remembering(), "b": Remembering()}, concatenation=True).fit(inputs, y, splits)
    assert len(SEEN) == 3 * 2 * 3  # views, learners, inner folds; all of them held out
    for fitted, predicted in SEEN:
        assert not {i // 2 for i in fitted} & {i // 2 for i in predicted}


def test_second_levels_are_what_they_are_called():
    rng = np.random.default_rng(1)
    y = (rng.random(300) < 0.5).astype(float)
    good, weak, noise = (y - 0.5 + s * rng.normal(size=300) for s in (0.5, 1.5, 50.0))
    Z = np.column_stack([weak, good, noise])
    splits = inner_splits(y, None)
    mean = MeanOfAll(continuous=False).fit(Z, y, splits)
    assert mean.weights_ == pytest.approx([1 / 3] * 3)
    assert mean.predict(Z) == pytest.approx(expit(Z.mean(axis=1)))
    assert BestBase(continuous=False).fit(Z, y, splits).weights_.tolist() == [0, 1, 0]
    chosen = EnsembleSelection(continuous=False).fit(Z, y, splits)
    assert chosen.weights_[2] == 0
    assert chosen.weights_.sum() == pytest.approx(1)
    best = BestBase(continuous=False).fit(Z, y, splits)
    assert chosen.loss(Z, y) <= best.loss(Z, y)
    own = COMBINERS["logistic"](continuous=False).fit(Z, y, splits)
    assert roc_auc_score(y, own.predict(Z)) > roc_auc_score(y, weak)


def test_selection_adds_what_lowers_the_loss_most_and_stops():
    """By hand: of two errors that cancel, both are taken and the third is left."""
    y = np.array([1.0, 2.0, 3.0, 4.0])
    Z = np.column_stack([y + 1, y - 1, y + 5])
    found = EnsembleSelection(continuous=True).fit(Z, y, [])
    assert found.weights_.tolist() == [0.5, 0.5, 0]
    assert found.loss(Z, y) == pytest.approx(0)


def test_log_odds_of_certain_learners_are_bounded():
    assert np.isfinite(link(np.array([0.0, 1.0]), continuous=False)).all()
    assert link(np.array([0.3]), continuous=False) == pytest.approx(logit(0.3))
    assert link(np.array([0.0, 7.0]), continuous=True).tolist() == [0.0, 7.0]


@pytest.mark.parametrize("meta", list(COMBINERS))
def test_the_second_level_that_is_asked_for_predicts_and_the_others_stand_beside(meta):
    inputs, y = people()
    bases = {"line": LogisticRegression(), "trees": StoppedTreesClassifier(n_estimators=60)}
    ensemble = Ensemble(bases, meta=meta).fit(inputs, y, inner_splits(y, None))
    assert set(ensemble.also(inputs)) == set(COMBINERS) - {meta}
    score = ensemble.predict(inputs)
    assert score.shape == y.shape
    assert ((score > 0) & (score < 1)).all()
    other = Ensemble(bases, meta="mean" if meta != "mean" else "best")
    other.fit(inputs, y, inner_splits(y, None))
    assert other.also(inputs)[meta] == pytest.approx(score)


def test_what_a_block_holds_by_its_absolute_value_is_found_by_trees_and_ranked_first():
    inputs, y = people(n=600)
    train, test = np.arange(400), np.arange(400, 600)
    splits = inner_splits(y[train], None)
    bases = {"line": PenalisedClassifier(), "trees": StoppedTreesClassifier()}
    ensemble = Ensemble(bases).fit(inputs.take(train), y[train], splits)
    line = PenalisedClassifier().fit(inputs.take(train).concatenated(), y[train], splits=splits)
    reached = roc_auc_score(y[test], ensemble.predict(inputs.take(test)))
    alone = roc_auc_score(y[test], line.predict_proba(inputs.take(test).concatenated())[:, 1])
    assert reached > alone + 0.03
    # A learner that is blind to the column ranks it by luck, so both see it here.
    seeing = {"trees": StoppedTreesClassifier(), "deep": StoppedTreesClassifier(max_depth=5)}
    ranks = Ensemble(seeing).fit(inputs.take(train), y[train], splits).ranks()
    assert len(ranks) == 10
    first = ranks.groupby("block")["rank_product"].idxmin()
    assert ranks.loc[first, "column"].tolist() == ["2", "1"]  # brain, gene
    assert ranks["rank"].is_monotonic_increasing


def test_the_joint_form_also_sees_all_blocks_together():
    inputs, y = people(n=120)
    bases = {"line": LogisticRegression(), "trees": StoppedTreesClassifier(n_estimators=10)}
    plain = Ensemble(bases).fit(inputs, y, inner_splits(y, None))
    joint = Ensemble(bases, concatenation=True).fit(inputs, y, inner_splits(y, None))
    assert set(plain.held_out_.columns.get_level_values(0)) == {"gene", "brain"}
    assert set(joint.held_out_.columns.get_level_values(0)) == {"gene", "brain", ALL_BLOCKS}
    assert np.isfinite(joint.held_out_.to_numpy()).all()
    assert len(joint.ranks(1)) == 10  # columns, not columns of views


def test_a_score_is_regressed():
    inputs, _ = people(n=300)
    rng = np.random.default_rng(2)
    y = inputs.blocks["gene"][:, 0] + np.abs(inputs.blocks["brain"][:, 1]) + rng.normal(size=300)
    splits = inner_splits(y, None, continuous=True)
    bases = {"line": PenalisedRegression(), "trees": StoppedTreesRegressor()}
    ensemble = Ensemble(bases, continuous=True).fit(inputs, y, splits)
    assert np.corrcoef(ensemble.predict(inputs), y)[0, 1] > 0.5


def test_folds_that_do_not_test_everybody_once_are_refused():
    inputs, y = people(n=60)
    splits = inner_splits(y, None)
    bases = {"a": LogisticRegression(), "b": LogisticRegression()}
    for broken in (splits[:2], [*splits, splits[0]]):
        with pytest.raises(InputError, match="exactly once"):
            Ensemble(bases).fit(inputs, y, broken)
    with pytest.raises(InputError, match="1 learners are no ensemble"):
        Ensemble({"a": LogisticRegression()})
    with pytest.raises(InputError, match="meta='avg' is not one of"):
        Ensemble(bases, meta="avg")
