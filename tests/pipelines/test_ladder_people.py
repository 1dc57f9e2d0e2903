"""Who may be learned from: relatives in any sense, people without an outcome, their confounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.ladder.climb import Climbed
from neurogenomics_kb.pipelines.integration.analyses.ladder.pairs import find_pairs
from neurogenomics_kb.pipelines.integration.analyses.ladder.people import (
    People,
    all_features,
    codes_of,
    kin_columns,
    make_folds,
)
from neurogenomics_kb.pipelines.integration.cohort import assemble_cohort, assemble_unlabelled
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry.cards import AlignmentStrategy
from neurogenomics_kb.registry.disclosure import public_reason
from neurogenomics_kb.stats.prediction.folds import make_folds as split
from tests.pipelines.conftest import make_cohort, make_recipe

POOLED = AlignmentStrategy(
    id="pooled", stage="hub_tokens", objective="O.", rung={"type": "pooled_tokens"}
)


def recipe_of(**experiment):
    recipe = make_recipe(
        analyses=["prediction", "ladder"], ladder=["pooled"], missing_confounds="drop",
        **experiment,
    )  # fmt: skip
    return recipe.model_copy(update={"rungs": {"pooled": POOLED}})


def people_of(recipe, change=None, n=160):
    participants, features, quality = make_cohort(n)
    participants.loc[participants.index[:50], "diagnosis"] = np.nan
    if change is not None:
        change(participants, features)
    cohort, blocks, *_ = assemble_cohort(recipe, participants, features, quality)
    return People(cohort, blocks, *assemble_unlabelled(recipe, participants, features, quality))


def without(recipe, step):
    """The recipe without one step of its blocks."""
    blocks = {
        name: card.model_copy(
            update={"preprocessing": [s for s in card.preprocessing if s.step != step]}
        )
        for name, card in recipe.blocks.items()
    }
    return recipe.model_copy(update={"blocks": blocks})


def everybody(people):
    return np.ones(len(people.unlabelled), dtype=bool)


def test_whoever_shares_a_level_of_any_column_is_kin():
    cohort = pd.DataFrame({"family": ["a", "a", "b", "c"], "child": [1, 2, 3, 4]})
    others = pd.DataFrame({"family": ["d", "b", "e"], "child": [4, 9, 8]})
    people = People(cohort, {}, others, {})
    own, beside = codes_of(people, ["family", "child"])
    assert own[0] == own[1]
    assert len({own[0], own[2], own[3]}) == 3
    assert beside[0] == own[3]  # the same child in another family
    assert beside[1] == own[2]
    assert beside[2] not in own
    assert codes_of(people, []) == (None, None)


def test_sites_that_are_held_out_are_no_families():
    folds = {"scheme": "leave_site_out", "group": "site"}
    assert kin_columns(recipe_of(folds=folds)) == ["family_id"]
    assert kin_columns(recipe_of()) == ["family_id"]
    alone = recipe_of(folds={"scheme": "stratified"}, exchangeability=None)
    assert kin_columns(alone) == []


def test_a_sibling_at_another_site_does_not_train_while_one_is_tested():
    recipe = recipe_of(folds={"scheme": "leave_site_out", "group": "site"})
    recipe = without(recipe, "residualize")  # a held-out site has no effect that is known

    def related(participants, features):
        others = participants.index[participants["diagnosis"].isna()]
        known = participants.index[participants["diagnosis"].notna()]
        participants.loc[others, "family_id"] = list(participants.loc[known[:50], "family_id"])

    people = people_of(recipe, related)
    folds = split(people.cohort["diagnosis"], scheme="leave_site_out",
                  groups=people.cohort["site"]).loc[people.cohort.index]  # fmt: skip
    projections, _ = project_blocks(recipe, people.cohort, people.blocks, folds.to_frame())
    y = people.cohort["diagnosis"].to_numpy()
    seen = 0
    for fold in make_folds(recipe, people, folds, projections, y):
        tested = fold.inputs.take(fold.test)
        assert not set(fold.unlabelled.kin) & set(tested.kin)
        assert not set(fold.unlabelled.groups) & set(tested.groups)
        seen += len(fold.unlabelled)
    assert seen > 0


def test_people_without_an_outcome_need_a_family():
    def lost(participants, features):
        participants.loc[participants.index[:20], "family_id"] = None

    assert len(people_of(recipe_of(), lost).unlabelled) == 30
    assert len(people_of(recipe_of()).unlabelled) == 50


def test_an_optional_confound_that_only_the_analysed_have_is_taken_out():
    def confounded(participants, features):
        income = participants["income"].fillna(3)
        features["genomics"] = features["genomics"].add(5 * income, axis=0)
        participants.loc[participants.index[:50], "income"] = np.nan

    recipe = recipe_of()
    people = people_of(recipe, confounded)
    train = np.arange(len(people.cohort))
    features, unlabelled, problem = all_features(recipe, people, train, everybody(people))
    assert problem == ""
    assert len(unlabelled) == 50
    values, _ = features["gene"]
    known = people.cohort["income"].notna().to_numpy()
    income = people.cohort["income"].to_numpy(dtype=float)[known]
    assert np.abs(np.corrcoef(values[known].T, income)[-1, :-1]).max() < 0.05


def test_one_person_whom_nothing_can_be_learned_of_does_not_end_the_run():
    """A gap in a block without imputation is theirs alone: the analysed people are tried alone."""
    recipe = without(recipe_of(), "impute")

    def gap(participants, features):
        features["genomics"].loc[participants.index[0], "genomics__kmer__G0__AAA"] = np.nan

    people = people_of(recipe, gap)
    train = np.arange(len(people.cohort))
    features, unlabelled, problem = all_features(recipe, people, train, everybody(people))
    assert (unlabelled, problem) == (None, "")
    assert features["gene"][0].shape[0] == len(people.cohort)
    people.blocks["gene"].iloc[3, 0] = np.nan
    features, unlabelled, problem = all_features(recipe, people, train, everybody(people))
    assert features == {}
    assert "missing or infinite values" in problem


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("both are there in 3 people, and 50 are asked for", subjects=3, of=320,
                    remedy="Add people."),
         "both are there in fewer than 10 people, and 50 are asked for. Add people."),
        (InputError("it is missing", file="/home/me/weights/a.safetensors", remedy="Fetch it."),
         "a.safetensors: it is missing. Fetch it."),
        (InputError("12 of 40 features", remedy="Use torch 2.13."),
         "12 of 40 features. Use torch 2.13."),
    ],
)  # fmt: skip
def test_reasons_that_leave_the_machine_hold_no_small_count_and_no_folder(error, said):
    assert public_reason(error) == said


def test_a_confound_that_is_measured_with_a_block_is_asked_of_those_who_have_it():
    recipe = recipe_of(incomplete="mask")
    brain = recipe.blocks["brain"]
    steps = [
        s.model_copy(update={"confounds": [*s.confounds, "etiv"]}) if s.step == "residualize" else s
        for s in brain.preprocessing
    ]
    blocks = {**recipe.blocks, "brain": brain.model_copy(update={"preprocessing": steps})}
    recipe = recipe.model_copy(update={"blocks": blocks})
    participants, features, quality = make_cohort(160)
    away = participants.index[:40]
    features["smri"] = features["smri"].drop(away)
    quality["smri"] = quality["smri"].drop(away)
    cohort, blocks, _, notes = assemble_cohort(recipe, participants, features, quality)
    assert len(cohort) == 160
    assert cohort["etiv"].isna().sum() == 40
    assert any("'brain': 40 of 160 people lack it" in line for line in notes)
    folds = split(cohort["diagnosis"], scheme="stratified", n_splits=3).loc[cohort.index]
    projections, dimensions = project_blocks(recipe, cohort, blocks, folds.to_frame())
    assert all(np.isfinite(table.to_numpy()).all() for table in projections.values())
    own = dimensions[(dimensions["block"] == "brain") & (dimensions["variant"] == "adjusted")]
    assert (own["n_train"] < 90).all()
    train = np.flatnonzero(folds.to_numpy() != 0)
    lacks = cohort.index.isin(away)
    table = projections["brain-adjusted-0"].to_numpy()
    assert np.allclose(table[lacks], table[lacks][0])
    assert np.allclose(table[lacks][0], table[train][~lacks[train]].mean(axis=0))
    quality["smri"].loc[participants.index[50], "etiv"] = np.nan  # has the block, and no head size
    dropped, *_ = assemble_cohort(recipe, participants, features, quality)
    assert len(dropped) == 159


def test_pairs_are_looked_for_among_people_of_a_held_out_site():
    """A site is no family: its people change places."""
    recipe = recipe_of(folds={"scheme": "leave_site_out", "group": "site"})
    people = people_of(without(recipe, "residualize"))
    sites = people.cohort["site"].to_numpy()
    rng = np.random.default_rng(0)
    climbed = Climbed()
    for site in np.unique(sites):
        test = np.flatnonzero(sites == site)
        shared = rng.normal(size=(len(test), 4))
        space = {n: shared + 0.3 * rng.normal(size=shared.shape) for n in ("gene", "brain")}
        climbed.embedded.setdefault("towers", []).append((test, space, test))
    found = find_pairs(recipe, people.cohort, climbed)
    assert found["k"].tolist() == [1, 5, 10]
    assert (found["p_raw"] < 0.05).all()
    assert (found["recall"] > found["chance"]).all()
    assert set(found["bins"]) == {"test fold"}
