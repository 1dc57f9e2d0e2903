"""Every predictor through the prediction of a run, and what a machine may lack."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import parts_of
from neurogenomics_kb.pipelines.integration.analyses.prediction.present import present_prediction
from neurogenomics_kb.pipelines.integration.analyses.prediction.tables import CURVES
from neurogenomics_kb.pipelines.recipe import nodes as recipe_nodes
from neurogenomics_kb.registry.cards import Column
from neurogenomics_kb.registry.cards.predictors import PREDICTORS, PredictorOptions
from neurogenomics_kb.registry.recipe import Recipe
from tests.extending.small_run import study_of
from tests.pipelines.conftest import make_recipe
from tests.stats.prediction import tiny_tabicl

QUICK = [
    "linear",
    {"type": "random_forest", "n_estimators": 25, "min_samples_leaf": [5]},
    {"type": "svm", "strengths": [0.1, 1.0], "widths": [0.3]},
    {"type": "knn", "n_neighbors": [15, 31]},
    {"type": "product_kernel", "strengths": [0.1, 1.0]},
]
NAMES = ["linear", "random_forest", "svm", "knn", "product_kernel"]
FOLDS = {"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id"}


def recipe_of(**experiment) -> Recipe:
    return make_recipe(**{"analyses": ["prediction"], "folds": FOLDS, **experiment})


@pytest.mark.parametrize(("outcome", "metric", "least"), [
    ("diagnosis", "auroc", 0.6), ("score", "r2", 0.1), ("thirds", "macro_auroc", 0.55),
])  # fmt: skip
def test_each_predicts_each_kind_of_outcome(outcome, metric, least):
    recipe = recipe_of(algorithms=QUICK, outcome=outcome, associations=[])
    recipe.dataset.tables["participants"].columns["thirds"] = Column(name="thirds", type="category")
    study = study_of(recipe, n=240, thirds=True)
    predictions, metrics, comparisons = study.predict()
    assert list(predictions["algorithm"].unique()) == NAMES
    assert set(comparisons["algorithm"]) == set(NAMES)
    fusion = metrics.query("model == 'fusion' and variant == 'adjusted' and metric == @metric")
    reached = fusion.set_index("algorithm")["value"]
    assert set(reached.index) == set(NAMES)
    assert (reached > least).all()
    if outcome != "score":
        # Two classes and three: worse than shares alone would be of no use as probabilities.
        brier = metrics.query("model == 'fusion' and variant == 'adjusted' and metric == 'brier'")
        assert (brier["value"] < (0.25 if outcome == "diagnosis" else 2 / 3)).all()


class RecorderOptions(PredictorOptions):
    type: Literal["recorder"]


SEEN: list[tuple] = []


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what ``fit`` was given."""

    def fit(self, X, y, splits=None, parts=None):
        SEEN.append((len(y), splits, parts))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.tile(0.5, (len(X), 2)) + 0.01 * np.tanh(X[:, :1]) * [-1, 1]


def build_recorder(options, *, continuous: bool, seed: int) -> Recorder:
    return Recorder()


def test_inner_folds_keep_families_and_columns_know_their_block(monkeypatch):
    monkeypatch.setitem(PREDICTORS, "recorder", Part(RecorderOptions, build_recorder))
    SEEN.clear()
    study = study_of(recipe_of(algorithms=["recorder"]))
    projections, _ = study.project()
    study.predict()
    family, folds = study.cohort["family_id"].to_numpy(), study.folds.to_numpy()
    assert family.size - len(set(family)) >= 20  # relatives are there
    widths = {}
    for name in ("gene", "brain", "covariates"):
        widths[name] = projections[f"{name}-adjusted-0"].shape[1]
    fullest = [0] * widths["gene"] + [1] * widths["brain"] + [-1] * widths["covariates"]
    seen_parts = {tuple(parts) for n, _, parts in SEEN if n == (folds != 0).sum()}
    assert tuple(fullest) in seen_parts
    assert tuple(fullest[: widths["gene"]]) in seen_parts
    assert (-1,) * widths["covariates"] in seen_parts
    per_fold = len(SEEN) // 3
    for number, (n, splits, _) in enumerate(SEEN):
        train = np.flatnonzero(folds != number // per_fold)
        assert len(train) == n
        for inner, outer in splits:
            assert not set(family[train][inner]) & set(family[train][outer])
            assert len(inner) + len(outer) == n


def test_parts_are_numbered_in_the_order_of_the_model():
    columns = {"brain": np.zeros((5, 2)), "covariates": np.zeros((5, 1)), "gene": np.zeros((5, 3))}
    assert list(parts_of(columns)) == [0, 0, -1, 1, 1, 1]


@pytest.fixture
def without_weights(monkeypatch):
    monkeypatch.delenv("NGKB_TABICL", raising=False)
    monkeypatch.delenv("NGKB_TABPFN", raising=False)


def test_what_is_lacking_is_left_out_and_said(without_weights, caplog, tmp_path):
    gone = {"type": "tabicl", "path": str(tmp_path / "gone.ckpt")}
    study = study_of(recipe_of(algorithms=["linear", gone, "tabpfn", "knn"]))
    with caplog.at_level(logging.WARNING):
        predictions, metrics, comparisons = study.predict()
    warned = [r.getMessage() for r in caplog.records if "is left out" in r.getMessage()]
    assert [text.split(" ")[0] for text in warned] == ["'tabicl'", "'tabpfn'"]
    assert all("\n" not in text for text in warned)
    assert set(predictions["algorithm"]) == {"linear", "knn"}
    part = present_prediction(study.recipe, metrics, comparisons, CURVES.empty())
    told = [text.split(":")[1].strip() for text in part.cautions]
    assert told == ["tabicl", "tabpfn"]
    for text, extra in zip(part.cautions, ("tabicl", "tabpfn"), strict=True):
        assert text.startswith(f"Not run: {extra}: ")
        assert f"NGKB_{extra.upper()}" in text
        assert "BSD" in text or "License" in text
        assert str(tmp_path) not in text
    assert any("algorithm" in text or "linear" in text for text in part.findings)


def test_verdicts_rest_on_nothing_that_is_lacking(without_weights):
    with pytest.raises(InputError, match="'tabicl', on which verdicts rest, cannot be had here"):
        study_of(recipe_of(algorithms=["tabicl", "linear"])).predict()
    primary = [{"test": "model comparison", "algorithm": "tabicl"}]
    with pytest.raises(InputError, match="name no primary test of this one"):
        study_of(recipe_of(algorithms=["linear", "tabicl"], primary=primary)).predict()


def test_the_first_second_of_a_run_says_what_is_lacking(without_weights, caplog, monkeypatch):
    recipe = recipe_of(algorithms=["linear", "tabicl"])
    monkeypatch.setattr(recipe_nodes, "resolve_recipe", lambda *cards: recipe)
    with caplog.at_level(logging.WARNING):
        assert recipe_nodes.write_recipe(recipe.experiment, "toy", None) is recipe
    assert "'tabicl' will be left out: " in caplog.text
    refused = recipe_of(algorithms=["tabicl"])
    monkeypatch.setattr(recipe_nodes, "resolve_recipe", lambda *cards: refused)
    with pytest.raises(InputError, match="on which verdicts rest"):
        recipe_nodes.write_recipe(refused.experiment, "toy", None)


def test_tabicl_predicts_through_the_run():
    pytest.importorskip("tabicl")
    own = {
        "type": "tabicl",
        "path": str(tiny_tabicl.trained()),
        "n_estimators": 1,
        "max_features": 5,
    }
    recipe = recipe_of(algorithms=["linear", own])
    predictions, metrics, comparisons = study_of(recipe).predict()
    reached = metrics.query("model == 'brain' and variant == 'adjusted' and metric == 'auroc'")
    assert reached.set_index("algorithm")["value"]["tabicl"] > 0.55
    assert present_prediction(recipe, metrics, comparisons, CURVES.empty()).cautions == []
    assert np.isfinite(predictions["score"]).all()
