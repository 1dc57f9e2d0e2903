"""A predictor is one module and one line in `PREDICTORS`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import Experiment
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.predictors import expand_predictors
from tests.extending.small_run import study_of
from tests.extending.toys.nearest_mean import NearestMeanOptions
from tests.pipelines.conftest import make_recipe


@pytest.fixture
def added(monkeypatch):
    place = "tests.extending.toys.nearest_mean:build"
    monkeypatch.setitem(PREDICTORS, "nearest_mean", Part(NearestMeanOptions, place))


def test_it_runs_under_its_name_with_its_options(added):
    algorithms = [
        "linear", "nearest_mean", {"type": "nearest_mean", "name": "sharp", "sharpness": 9.0},
    ]  # fmt: skip
    study = study_of(make_recipe(algorithms=algorithms, analyses=["prediction"]))
    predictions, metrics, comparisons = study.predict()
    names = ["linear", "nearest_mean", "sharp"]
    assert list(predictions["algorithm"].unique()) == names
    assert set(comparisons["algorithm"]) == set(names)
    of = predictions[predictions["model"] == "fusion"].groupby("algorithm")["score"]
    assert of.std()["sharp"] > 1.5 * of.std()["nearest_mean"]
    auroc = metrics[(metrics["metric"] == "auroc") & (metrics["model"] == "fusion")]
    assert (auroc.groupby("algorithm")["value"].max() > 0.6).all()


def test_a_card_holds_its_settings(added, tmp_path):
    place = tmp_path / "integration_cards"
    place.mkdir()
    (place / "predictors.yaml").write_text(
        "sharp: {settings: {type: nearest_mean, sharpness: 9}}\n"
        "linear: {settings: {type: linear, strengths: [0.1, 1]}}\n"
    )
    registry = Registry(tmp_path)
    assert registry.validate() == []
    recipe = make_recipe(algorithms=["sharp", "linear", "xgboost"], analyses=["prediction"])
    experiment, cards = expand_predictors(recipe.experiment, registry)
    assert [card.id for card in cards] == ["sharp", "linear"]
    assert experiment.predictor("sharp").sharpness == 9
    assert experiment.predictor("linear").strengths == [0.1, 1]
    assert experiment.predictor("xgboost").max_depth == 3
    study = study_of(recipe.model_copy(update={"experiment": experiment}))
    assert study.recipe.experiment.predictor("sharp").sharpness == 9


def settings(*algorithms) -> Experiment:
    return make_recipe(algorithms=list(algorithms)).experiment


def test_unknown_names_and_options_are_refused(added, tmp_path):
    with pytest.raises(InputError, match=r"no predictor 'xgbost', did you mean 'xgboost'. Known: "):
        settings("xgbost").predictor("xgbost")
    with pytest.raises(InputError, match="there is no predictor 'xgbost'"):
        expand_predictors(settings("xgbost"), Registry(tmp_path))
    assert ("algorithms", 0) in [place for place, *_ in settings("xgbost").references()]
    for algorithm, words in [
        ({"type": "neares_mean"}, "nearest_mean"),
        ({"type": "linear", "max_depth": 3}, "max_depth"),
        ({"type": "nearest_mean", "sharpness": 0}, "greater than 0"),
        ({"type": "xgboost", "name": "linear"}, "is the name of a type"),
    ]:
        with pytest.raises(ValidationError, match=words):
            settings(algorithm)
    with pytest.raises(ValidationError, match="two algorithms are called 'xgboost'"):
        settings("xgboost", {"type": "xgboost", "max_depth": 6})


def test_settings_change_what_is_fitted_and_defaults_do_not():
    plain = {"type": "xgboost", "name": "same", "max_depth": 3, "n_estimators": 400}
    deep = {"type": "xgboost", "name": "deep", "max_depth": 1, "n_estimators": 5}
    recipe = make_recipe(algorithms=["xgboost", plain, deep], analyses=["prediction"])
    predictions, *_ = study_of(recipe).predict()
    one = predictions[(predictions["model"] == "gene") & (predictions["variant"] == "adjusted")]
    score = {name: frame["score"] for name, frame in one.groupby("algorithm")}
    assert score["same"].equals(score["xgboost"])
    assert score["deep"].nunique() < score["xgboost"].nunique()
