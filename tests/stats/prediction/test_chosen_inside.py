"""Forest, neighbours and support vector machine: settings and probabilities from inner folds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.choosing import FLAT, DecisionCalibration
from neurogenomics_kb.stats.prediction.folds import inner_splits
from neurogenomics_kb.stats.prediction.forest import ForestClassifier, ForestRegression
from neurogenomics_kb.stats.prediction.machines import MachineClassifier, MachineRegression
from neurogenomics_kb.stats.prediction.neighbours import (
    NeighboursClassifier,
    NeighboursRegression,
)

CLASSIFIERS = {
    "forest": ForestClassifier(n_estimators=60),
    "knn": NeighboursClassifier(),
    "svm": MachineClassifier(),
    "linear svm": MachineClassifier(kernel="linear"),
}
REGRESSORS = {
    "forest": ForestRegression(n_estimators=60),
    "knn": NeighboursRegression(),
    "svm": MachineRegression(),
}


def bend(rng, n: int):
    """Six columns of different scale, the first of which acts by its square."""
    X = rng.normal(size=(n, 6))
    score = X[:, 0] ** 2 + X[:, 1] + 0.5 * rng.normal(size=n)
    return X * [1, 1, 1, 10, 100, 0.1], score


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_of_new_people(name, n_classes):
    rng = np.random.default_rng(0)
    X, score = bend(rng, 800)
    cuts = np.quantile(score, np.arange(1, n_classes) / n_classes)
    y = np.array(["a", "b", "c"])[np.searchsorted(cuts, score)]
    fitted = CLASSIFIERS[name].fit(X[:300], y[:300])
    P = fitted.predict_proba(X[300:])
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert (P > 0).all()
    told = P[:, 1] if n_classes == 2 else P
    assert roc_auc_score(y[300:], told, multi_class="ovr") > (0.7 if "linear" in name else 0.75)
    # Probabilities are of use, not only their order.
    assert log_loss(y[300:], P) < np.log(n_classes) - 0.05


@pytest.mark.parametrize("name", REGRESSORS)
def test_scores_of_new_people(name):
    X, y = bend(np.random.default_rng(1), 800)
    y = 100 + 20 * y
    assert r2_score(y[300:], REGRESSORS[name].fit(X[:300], y[:300]).predict(X[300:])) > 0.3


def twins(n: int = 120):
    """Pairs of people alike in everything, about whom nothing else can be learned."""
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(n, 4)), rng.permutation(np.arange(n) % 2)
    family = np.repeat(np.arange(n), 2)
    return X[family], y[family], family


@pytest.mark.parametrize(
    ("estimator", "chosen"),
    [
        (
            NeighboursClassifier(n_neighbors=[1, 60], weights="uniform"),
            lambda e: e.estimator_[-1].n_neighbors == 60,
        ),
        (ForestClassifier(n_estimators=30), lambda e: e.estimator_.min_samples_leaf == 20),
    ],
)
def test_settings_come_from_the_callers_folds_in_which_families_stay_together(estimator, chosen):
    X, y, family = twins()
    assert chosen(estimator.fit(X, y, splits=inner_splits(y, family)))
    assert not chosen(estimator.fit(X, y, splits=inner_splits(y, None)))


def test_probabilities_of_a_machine_are_no_surer_than_its_folds():
    X, y, family = twins()
    machine = MachineClassifier(strengths=[10.0], widths=[1.0])
    apart = machine.fit(X, y, splits=inner_splits(y, family)).predict_proba(X)
    split = machine.fit(X, y, splits=inner_splits(y, None)).predict_proba(X)
    assert np.abs(apart - 0.5).max() < 0.1
    assert np.abs(split - 0.5).mean() > 0.15


def test_a_falling_line_leaves_the_order_and_says_little():
    rng = np.random.default_rng(3)
    D, y = rng.normal(size=200), np.arange(200) % 4 == 0
    calibration = DecisionCalibration().fit(D - 2 * y, y.astype(int))
    P = calibration.probabilities(D)[:, 1]
    assert (np.diff(P[np.argsort(D)]) > 0).all()
    np.testing.assert_allclose(P, 0.25, atol=4 * FLAT)


def test_fewer_people_than_neighbours():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(12, 2)), np.arange(12) % 2
    fitted = NeighboursClassifier(n_neighbors=[50]).fit(X, y)
    # As many as an inner training side has.
    assert fitted.estimator_[-1].n_neighbors == 8
    assert np.isfinite(fitted.predict_proba(X)).all()


def test_shares_count_one_average_person():
    X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    y = np.array([0, 0, 0, 1, 1, 1])
    model = NeighboursClassifier(n_neighbors=[2], weights="uniform").fit(X, y)
    np.testing.assert_allclose(model.predict_proba([[0.05]]), [[2.5 / 3, 0.5 / 3]])


def test_gaps_are_the_business_of_trees():
    X, y = bend(np.random.default_rng(5), 90)
    X[::7, 2] = np.nan
    assert np.isfinite(ForestRegression(n_estimators=5).fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="NaN"):
        MachineRegression().fit(X, y)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_an_inner_fold_of_one_class_is_refused(name):
    X = bend(np.random.default_rng(6), 60)[0]
    y = (np.arange(60) >= 40).astype(int)
    ordered = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    with pytest.raises(InputError, match="too few groups with class 1 to choose settings"):
        CLASSIFIERS[name].fit(X, y, splits=ordered)
