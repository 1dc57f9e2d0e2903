"""Scikit-learn's own checks of estimators, on every transformer and predictor."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import neurogenomics_kb.stats as stats
from neurogenomics_kb.stats.confounds import ConfoundDesign, ConfoundRegressor
from neurogenomics_kb.stats.harmonization import (
    ComBat,
    ComBatGAM,
    CovBat,
    LongitudinalComBat,
    SiteUnlearning,
)
from neurogenomics_kb.stats.harmonization.smooth import SmoothDesign
from neurogenomics_kb.stats.prediction.estimators import (
    PenalisedClassifier,
    PenalisedRegression,
    StoppedTreesClassifier,
    StoppedTreesRegressor,
)
from neurogenomics_kb.stats.prediction.forest import ForestClassifier, ForestRegression
from neurogenomics_kb.stats.prediction.kernels import (
    ProductKernelClassifier,
    ProductKernelRegression,
)
from neurogenomics_kb.stats.prediction.machines import MachineClassifier, MachineRegression
from neurogenomics_kb.stats.prediction.neighbours import (
    NeighboursClassifier,
    NeighboursRegression,
)
from neurogenomics_kb.stats.prediction.tabular.estimators import (
    InContextClassifier,
    InContextRegression,
)
from neurogenomics_kb.stats.transformers.carry import CarryColumns, DropColumns
from neurogenomics_kb.stats.transformers.curves import CurvedConfounds
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis
from neurogenomics_kb.stats.transformers.filters import DropNearConstant
from neurogenomics_kb.stats.transformers.head_size import HeadSizeAdjuster
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators
from neurogenomics_kb.stats.transformers.normative import NormativeScores
from neurogenomics_kb.stats.transformers.projection import CappedPCA
from neurogenomics_kb.stats.transformers.tangent import TangentSpace
from tests.stats.named_frames import Framed
from tests.stats.prediction import tiny_tabicl

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

# Random weights of a tabular model learn nothing; trained ones do, in `prediction/test_tabicl.py`.
UNTRAINED = "weights that were never trained learn nothing"
TREES = {"n_estimators": 30, "early_stopping_rounds": 5}
# Estimator, and the checks that it may fail, with the reason.
CASES = {
    "CappedPCA": (CappedPCA(2, subjects_per_dimension=1), {}),
    "PenalisedRegression": (PenalisedRegression(), {}),
    "PenalisedClassifier": (PenalisedClassifier(), {}),
    "StoppedTreesRegressor": (StoppedTreesRegressor(**TREES), {}),
    "StoppedTreesClassifier": (StoppedTreesClassifier(**TREES), {}),
    "ForestRegression": (ForestRegression(n_estimators=5, min_samples_leaf=[1, 5]), {}),
    "ForestClassifier": (ForestClassifier(n_estimators=5, min_samples_leaf=[1, 5]), {}),
    "MachineRegression": (MachineRegression(), {}),
    "MachineClassifier": (MachineClassifier(), {}),
    "NeighboursRegression": (NeighboursRegression(), {}),
    "NeighboursClassifier": (NeighboursClassifier(), {}),
    "ProductKernelRegression": (ProductKernelRegression(), {}),
    "ProductKernelClassifier": (ProductKernelClassifier(), {}),
    "InContextRegression": (
        InContextRegression(n_estimators=1), {"check_regressors_train": UNTRAINED},
    ),
    "InContextClassifier": (
        InContextClassifier(n_estimators=1), {"check_classifiers_train": UNTRAINED},
    ),
    "ConfoundDesign": (Framed(ConfoundDesign(["age", "sex"]), ("age", "sex")), {}),
    "ConfoundRegressor": (Framed(ConfoundRegressor(["age", "sex"]), ("age", "sex")), {}),
    "CurvedConfounds": (
        Framed(CurvedConfounds(["age"], products=[("age", "sex")]), ("age", "sex")), {},
    ),
    "DropNearConstant": (Framed(DropNearConstant(), gaps=True), {}),
    "HeadSizeAdjuster": (Framed(HeadSizeAdjuster(), ("etiv",)), {}),
    "MissingIndicators": (Framed(MissingIndicators(), gaps=True), {}),
    "NormativeScores": (
        Framed(NormativeScores(sex=None, minimum=5), ("age",), gaps=True), {},
    ),
    "TangentSpace": (Framed(TangentSpace(), as_covariances=True), {}),
    "FactorAnalysis": (Framed(FactorAnalysis(1, subjects_per_dimension=1), gaps=True), {}),
    "CarryColumns": (Framed(CarryColumns(StandardScaler(), ["etiv"]), ("etiv",)), {}),
    "DropColumns": (Framed(DropColumns(["age"]), ("age",)), {}),
    "SmoothDesign": (Framed(SmoothDesign(["age"], df=4), ("age",)), {}),
    "ComBat": (Framed(ComBat("site", ["age"]), ("site", "age")), {}),
    "ComBatGAM": (Framed(ComBatGAM("site", smooth=["age"], df=4), ("site", "age")), {}),
    "CovBat": (Framed(CovBat("site"), ("site",)), {}),
    "LongitudinalComBat": (
        Framed(LongitudinalComBat("site", subject="child"), ("site", "child")), {},
    ),
    "SiteUnlearning": (
        Framed(
            SiteUnlearning("site", ["age"], dim=2, hidden=3, warm_up=1, epochs=1), ("site", "age")
        ),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_estimator_follows_scikit_learn(name, tmp_path):
    estimator, exceptions = CASES[name]
    if name.startswith("InContext"):
        pytest.importorskip("tabicl")
        continuous = name == "InContextRegression"
        path = tiny_tabicl.train(tmp_path / "random.ckpt", continuous=continuous, steps=0)
        estimator = clone(estimator).set_params(path=str(path))
    found = check_estimator(estimator, expected_failed_checks=exceptions, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in found if r["status"] == "failed"}
    assert not failed, failed
    # An exception that is no more needed goes.
    assert {r["check_name"] for r in found if r["status"] == "xfail"} == set(exceptions)
    assert len(exceptions) <= 5


def test_no_estimator_is_left_out():
    there = {
        member.__name__
        for module in pkgutil.walk_packages(stats.__path__, f"{stats.__name__}.")
        for member in vars(import_module(module.name)).values()
        if inspect.isclass(member)
        and issubclass(member, BaseEstimator)
        and member.__module__ == module.name
        and not member.__name__.startswith("_")
    }
    assert there == set(CASES)
