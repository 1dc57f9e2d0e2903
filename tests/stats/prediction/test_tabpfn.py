"""TabPFN from a checkpoint of random weights; skipped without its package."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.prediction.tabular import tabpfn
from neurogenomics_kb.stats.prediction.tabular.estimators import (
    InContextClassifier,
    InContextRegression,
)

pytest.importorskip("tabpfn")
RANDOM = "weights that were never trained learn nothing"


def classifier(path, **options) -> InContextClassifier:
    return InContextClassifier(model="tabpfn", path=str(path), n_estimators=1, **options)


def test_file_to_prediction_without_a_network(checkpoints, offline):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.normal(size=60)
    P = classifier(checkpoints("tabpfn")).fit(X, np.arange(60) % 3).predict_proba(X)
    assert P.shape == (60, 3)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    model = InContextRegression(
        model="tabpfn", path=str(checkpoints("tabpfn-scores")), n_estimators=1
    )
    assert np.isfinite(model.fit(X, 100 + y).predict(X)).all()


def test_limits_are_those_of_the_checkpoint_and_of_the_processor(checkpoints):
    file = checkpoints("tabpfn")
    told = tabpfn.limits(file, continuous=False, device="cpu")
    assert told == (1000, 500, 10)  # version 2
    assert tabpfn.limits(file, continuous=False, device="cuda").samples == 10_000
    X = np.random.default_rng(1).normal(size=(60, 4))
    with pytest.raises(InputError, match="tabpfn takes 10 classes, and there are 12"):
        classifier(file).fit(X, np.arange(60) % 12)
    members = classifier(file, max_features=3, n_subsamples=2).fit(X, np.arange(60) % 2).estimator_
    assert [len(m.columns) for m in members.members] == [2, 2]


def test_weights_of_the_other_kind(checkpoints):
    with pytest.raises(InputError, match="makes no regressor of these weights"):
        InContextRegression(model="tabpfn", path=str(checkpoints("tabpfn"))).fit(
            np.random.default_rng(2).normal(size=(30, 2)), np.arange(30.0)
        )


@pytest.mark.parametrize("continuous", [False, True])
def test_estimators_follow_scikit_learn(checkpoints, continuous):
    kind = InContextRegression if continuous else InContextClassifier
    path = checkpoints("tabpfn-scores" if continuous else "tabpfn")
    expected = {f"check_{'regressors' if continuous else 'classifiers'}_train": RANDOM}
    found = check_estimator(
        kind(model="tabpfn", path=str(path), n_estimators=1),
        expected_failed_checks=expected,
        on_fail=None,
    )
    failed = {r["check_name"]: r["exception"] for r in found if r["status"] == "failed"}
    assert not failed, failed
    assert {r["check_name"] for r in found if r["status"] == "xfail"} == set(expected)
