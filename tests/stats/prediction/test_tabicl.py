"""TabICL from a checkpoint that is trained here in seconds; skipped without its package."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular.estimators import (
    InContextClassifier,
    InContextRegression,
    warn_of_subsamples,
)
from tests.stats.prediction.tiny_tabicl import draw_tables

pytest.importorskip("tabicl")
QUICK = {"n_estimators": 2}


def unseen(seed: int, n: int = 300, p: int = 5, *, continuous: bool = False):
    """A table of a task that no training step has seen."""
    X, y = draw_tables(np.random.default_rng([99, seed]), 1, n, p, continuous=continuous)
    return X[0], y[0]


def mean_auc(path, **options) -> float:
    found = []
    for seed in range(4):
        X, y = unseen(seed)
        model = InContextClassifier(path=str(path), **QUICK, **options).fit(X[:150], y[:150])
        found.append(roc_auc_score(y[150:], model.predict_proba(X[150:])[:, 1]))
    return float(np.mean(found))


def test_trained_weights_solve_an_unseen_task_and_random_ones_do_not(checkpoints, offline):
    assert mean_auc(checkpoints("tabicl")) >= 0.75
    assert abs(mean_auc(checkpoints("tabicl-random")) - 0.5) < 0.15


def test_scores_of_an_unseen_task(checkpoints, offline):
    found = []
    for seed in range(3):
        X, y = unseen(seed, continuous=True)
        y = 50 + 9 * y
        model = InContextRegression(path=str(checkpoints("tabicl-scores")), **QUICK)
        found.append(r2_score(y[150:], model.fit(X[:150], y[:150]).predict(X[150:])))
    assert np.mean(found) > 0.4


def test_the_environment_names_the_file(checkpoints, offline, monkeypatch):
    X, y = unseen(0)
    named = InContextClassifier(path=str(checkpoints("tabicl")), **QUICK).fit(X, y)
    monkeypatch.setenv("NGKB_TABICL", str(checkpoints("tabicl")))
    found = InContextClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(found.predict_proba(X[:9]), named.predict_proba(X[:9]))


def test_without_weights_nothing_reaches_for_the_network(offline, monkeypatch):
    monkeypatch.delenv("NGKB_TABICL", raising=False)
    X, y = unseen(0, n=40)
    with pytest.raises(InputError, match="none are ever downloaded"):
        InContextClassifier().fit(X, y)


def test_tables_beyond_the_limits_are_read_in_seeded_subsamples(checkpoints, offline, caplog):
    warn_of_subsamples.cache_clear()
    path, (X, y) = str(checkpoints("tabicl")), unseen(1, n=400)
    X = np.hstack([X, np.random.default_rng(0).normal(size=(400, 4))])
    settings = {"path": path, "max_samples": 100, "max_features": 6, **QUICK}
    with caplog.at_level(logging.WARNING):
        models = [
            InContextClassifier(**settings, random_state=seed).fit(X[:250], y[:250])
            for seed in (0, 0, 1)
        ]
    assert len(caplog.records) == 1
    assert "100 training rows and 6 columns, and these are 250 and 9" in caplog.text
    assert [len(model.estimator_.members) for model in models] == [4, 4, 4]
    first, again, other = (model.predict_proba(X[250:]) for model in models)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    np.testing.assert_allclose(first.sum(axis=1), 1)
    assert roc_auc_score(y[250:], first[:, 1]) > 0.7


def test_more_than_a_hundred_columns_are_more_than_the_version_was_made_for(checkpoints, offline):
    X, y = np.random.default_rng(2).normal(size=(60, 150)), np.arange(60) % 2
    model = InContextClassifier(path=str(checkpoints("tabicl-random")), n_estimators=1)
    members = model.set_params(n_subsamples=2).fit(X, y).estimator_.members
    assert [len(m.columns) for m in members] == [75, 75]
    assert model.predict_proba(X[:3]).shape == (3, 2)


def test_a_class_that_a_subsample_lacks_and_classes_beyond_the_checkpoint(checkpoints, offline):
    X = np.random.default_rng(3).normal(size=(80, 3))
    rare = np.repeat([0, 1, 2], [45, 33, 2])
    model = InContextClassifier(path=str(checkpoints("tabicl-random")), n_estimators=1)
    splits = [(np.arange(80), np.arange(80))]
    P = model.set_params(max_samples=20).fit(X, rare, splits=splits).predict_proba(X)
    assert P.shape == (80, 3)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    five = np.arange(80) % 5  # the checkpoint has three
    P = model.set_params(max_samples=None).fit(X, five, splits=splits).predict_proba(X)
    assert P.shape == (80, 5)
