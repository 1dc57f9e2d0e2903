from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.associations import (
    associate_axes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    predict_outcome,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.score import score_models
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort
from neurogenomics_kb.pipelines.integration.nodes import split_folds
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry.cards import Column, Visits
from tests.pipelines.conftest import make_cohort, make_recipe


def longitudinal(**experiment):
    """Recipe of a toy cohort with visits."""
    recipe = make_recipe(**experiment)
    columns = recipe.dataset.tables["participants"].columns
    columns["child"] = Column(name="child_id", type="text")
    columns["wave"] = Column(name="wave_id", type="category")
    dataset = recipe.dataset.model_copy(update={"visits": Visits()})
    return recipe.model_copy(update={"dataset": dataset})


@pytest.fixture(scope="module")
def toy():
    """Every child of the toy cohort has two visits; the brain was measured at each, genes once."""
    participants, features, quality = make_cohort(n=120)
    tables = []
    for wave, shift in (("ses-1", 0.0), ("ses-2", 1.0)):
        table = participants.assign(child_id=participants.index, wave_id=wave)
        table["score"] = table["score"] + shift
        tables.append(table.set_axis([f"{i}_{wave}" for i in table.index]))
    visits = pd.concat(tables).sort_index()

    def twice(frame):
        index = pd.MultiIndex.from_product(
            [frame.index, ["ses-1", "ses-2"]], names=["subject_id", "wave_id"]
        )
        return pd.DataFrame(np.repeat(frame.to_numpy(), 2, axis=0), index, frame.columns)

    brain = features["smri"]
    features = {**features, "smri": twice(brain)}
    quality = {**quality, "smri": twice(quality["smri"])}
    return visits, features, quality


def test_genes_are_repeated_for_every_visit(toy):
    cohort, blocks, flow, _ = assemble_cohort(longitudinal(), *toy)
    assert len(cohort) == flow["remaining"].iloc[-1] > 200
    assert {"child_id", "wave_id"} <= set(cohort)
    gene = blocks["gene"].groupby(cohort["child_id"]).nunique()
    assert (gene == 1).all().all()


def test_visits_of_a_child_stay_in_one_fold(toy):
    recipe = longitudinal()
    cohort, *_ = assemble_cohort(recipe, *toy)
    folds, _ = split_folds(recipe, cohort)
    assert folds["fold"].groupby(cohort["child_id"]).nunique().max() == 1


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        ({"folds": {"scheme": "stratified"}}, "'folds.group'.*there is no such column"),
        ({"folds": {"scheme": "grouped", "group": "wave_id"}}, "'wave_id' parts the visits"),
        ({"exchangeability": None}, "'exchangeability'.*there is no such column"),
        ({"exchangeability": "wave_id"}, "'exchangeability'.*'wave_id' parts the visits"),
    ],
)
def test_visits_that_could_count_as_people_are_refused(toy, experiment, message):
    with pytest.raises(InputError, match=message):
        assemble_cohort(longitudinal(**experiment), *toy)


def test_one_wave_is_a_cohort_of_people(toy):
    recipe = longitudinal(waves=["ses-2"], folds={"scheme": "stratified"}, exchangeability=None)
    cohort, _, flow, _ = assemble_cohort(recipe, *toy)
    assert cohort["wave_id"].unique().tolist() == ["ses-2"]
    assert "visits of other waves than ses-2" in flow["step"].tolist()


@pytest.mark.parametrize("change", [False, True])
def test_a_later_wave_is_predicted_from_an_earlier_one(toy, change):
    plan = {"features": "ses-1", "outcome": "ses-2", "change": change}
    recipe = longitudinal(prospective=plan, outcome="score", associations=[])
    visits, features, quality = toy
    missed = visits["wave_id"].eq("ses-2") & (visits["child_id"] == visits["child_id"].iloc[0])
    cohort, _, flow, _ = assemble_cohort(recipe, visits[~missed], features, quality)
    assert cohort["wave_id"].unique().tolist() == ["ses-1"]
    assert cohort["child_id"].is_unique
    own = visits.loc[cohort.index, "score"]
    wanted = pd.Series(1.0, own.index) if change else own + 1
    np.testing.assert_allclose(cohort["score"], wanted)
    assert flow.set_index("step").loc["no visit in ses-2", "excluded"] == 1


def test_a_diagnosis_does_not_change_by_a_difference(toy):
    plan = {"features": "ses-1", "outcome": "ses-2", "change": True}
    with pytest.raises(InputError, match="only a number can change"):
        assemble_cohort(longitudinal(prospective=plan), *toy)


def test_unknown_waves_and_cohorts_without_visits_are_refused(toy):
    with pytest.raises(InputError, match="wave 'ses-7' is none of ses-1, ses-2"):
        assemble_cohort(longitudinal(waves=["ses-7"]), *toy)
    with pytest.raises(InputError, match="has one visit per subject"):
        assemble_cohort(make_recipe(waves=["ses-1"]), *make_cohort(n=120))


@pytest.mark.parametrize("outcome", ["diagnosis", "score"])
def test_later_enrolments_are_predicted_from_earlier_ones(toy, outcome):
    recipe = longitudinal(
        waves=["ses-1"],
        outcome=outcome,
        associations=[],
        exchangeability=None,
        analyses=["prediction"],
        algorithms=["linear"],
        folds={"scheme": "temporal", "column": "year", "cut": 2020, "group": "family_id"},
    )
    recipe.dataset.tables["participants"].columns["year"] = Column(name="year")
    visits, features, quality = toy
    families = pd.factorize(visits["family_id"])[0]
    visits = visits.assign(year=2018.0 + families % 4)
    cohort, blocks, *_ = assemble_cohort(recipe, visits, features, quality)
    folds, summary = split_folds(recipe, cohort)
    assert summary["n_folds"] == 1
    assert summary["test_sizes"] == [int((cohort["year"] >= 2020).sum())]
    projections, _ = project_blocks(recipe, cohort, blocks, folds["fold"])
    predictions = predict_outcome(recipe, cohort, folds["fold"], projections, blocks)
    assert set(predictions.index) == set(cohort.index[cohort["year"] >= 2020])
    metrics, comparisons = score_models(recipe, cohort, predictions)
    primary = metrics[metrics["metric"] == ("auroc" if outcome == "diagnosis" else "r2")]
    assert np.isfinite(primary["value"]).all()
    assert comparisons["p_raw"].between(0, 1).all()
    assert np.isfinite(comparisons["ci_low"]).all()


def test_scores_are_followed_between_and_within_children(toy):
    recipe = longitudinal()
    columns = recipe.dataset.tables["participants"].columns
    columns["months"] = Column(name="months", unit="months")
    dataset = recipe.dataset.model_copy(update={"visits": Visits(age="months")})
    recipe = recipe.model_copy(update={"dataset": dataset})
    visits, features, quality = toy
    rng = np.random.default_rng(0)
    visits = visits.assign(months=30.0 + 20 * visits["wave_id"].eq("ses-2"))
    visits["score"] += rng.normal(size=len(visits))
    cohort, *_ = assemble_cohort(recipe, visits, features, quality)
    lasting = rng.normal(size=cohort["child_id"].nunique())
    axis = lasting[pd.factorize(cohort["child_id"])[0]] + rng.normal(size=len(cohort))
    cohort["score"] = axis + 0.5 * rng.normal(size=len(cohort))
    keys = pd.MultiIndex.from_tuples([("gene", "brain", 1, "x")])
    scores = pd.DataFrame({0: axis}, index=cohort.index).set_axis(keys, axis=1)
    table = associate_axes(recipe, cohort.assign(months=visits["months"]), scores)
    own = table[table["outcome"] == "score"].set_index("measure")
    assert {"between children", "within child", "growth per month"} <= set(own.index)
    assert own.loc["within child", "p_raw"] < 1e-6
    assert own.loc["growth per month", "p_raw"] > 1e-3
    one = longitudinal(waves=["ses-2"], folds={"scheme": "stratified"}, exchangeability=None)
    single, *_ = assemble_cohort(one, *toy)
    table = associate_axes(one, single, scores.reindex(single.index))
    assert not table["measure"].str.contains("child").any()
