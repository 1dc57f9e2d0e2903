"""Vectors of notes that were made elsewhere become a block of the developmental cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import BidsVisitsDataset, NotCollected, VectorTablesDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.clinical import create_pipeline
from neurogenomics_kb.pipelines.integration.cohort import MODALITIES, assemble_cohort
from neurogenomics_kb.pipelines.integration.nodes import standardize_participants
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.pipelines.simulation.children import write_children
from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.recipe import resolve_recipe
from neurogenomics_kb.simulate.children import ChildrenSettings
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.pipelines.modality_runs import PROJECT, check_persisted, run_pipeline

WAVES = {"clinical": {"embeddings": {"wave_column": "session_id"}}}
DIM = 8


def recipe_of(*models):
    blocks = {model: f"clinical_{model}_v1" for model in models}
    experiment = Experiment(
        id="notes", blocks=blocks, outcome="developmental_delay", analyses=["prediction"],
        folds={"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id"},
        missing_confounds="drop",
    )  # fmt: skip
    return resolve_recipe(experiment, Registry(PROJECT / "kb"), "cha_dev")


@pytest.fixture(scope="module")
def children(tmp_path_factory):
    folder = tmp_path_factory.mktemp("children")
    write_children(folder, ChildrenSettings(n_children=60, eeg_seconds=12, eeg_share=0.0))
    return folder


@pytest.fixture
def visits(children):
    """Vectors of every visit, one child's second visit without notes."""
    sessions = pd.read_csv(children / "sessions.tsv", sep="\t", dtype=str)
    table = sessions[["participant_id", "session_id"]].reset_index(drop=True)
    vectors = np.random.default_rng(0).normal(size=(len(table), DIM)).round(6)
    table = pd.concat([table, pd.DataFrame(vectors, columns=[f"d{i}" for i in range(DIM)])], axis=1)
    table.loc[3, [f"d{i}" for i in range(DIM)]] = np.nan
    return table


def imported(tables, recipe, tmp_path, monkeypatch, parameters=WAVES):
    """Features and quality as the pipeline saves them, from files."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")
    monkeypatch.chdir(tmp_path)
    inputs = {"clinical.embeddings": VectorTablesDataset(path=str(folder)).load(), "recipe": recipe}
    catalog = run_pipeline(create_pipeline(), inputs, parameters)
    check_persisted(create_pipeline(), catalog)
    return catalog.load("clinical.features"), catalog.load("clinical.quality")


def cohort_of(children, recipe, features, quality):
    participants = BidsVisitsDataset(filepath=str(children)).load()
    people = standardize_participants(participants, recipe)
    nothing = pd.DataFrame(index=pd.Index([], name="subject_id"))
    tables = dict.fromkeys(MODALITIES, nothing)
    return assemble_cohort(
        recipe, people, tables | {"clinical": features}, tables | {"clinical": quality}
    )


def test_vectors_of_visits_become_a_block(children, visits, tmp_path, monkeypatch):
    recipe = recipe_of("me_llama")
    features, quality = imported({"me_llama": visits}, recipe, tmp_path, monkeypatch)
    names = visits["participant_id"] + "_" + visits["session_id"]
    assert quality.index.tolist() == names.tolist()
    assert quality["reason"].tolist().count("no vector of me_llama") == 1
    assert quality.loc[names[3], "reason"] == "no vector of me_llama"
    assert features.index.tolist() == [n for n in names if n != names[3]]
    table, blocks, flow, _ = cohort_of(children, recipe, features, quality)
    assert set(blocks) == {"me_llama"}
    assert "clinical: no vector of me_llama" in flow["step"].tolist()
    # Waves of one child are rows of their own, with vectors of their own.
    waves = table.groupby("child_id").size()
    assert waves.max() > 1
    expected = visits.set_axis(names).loc[table.index, [f"d{i}" for i in range(DIM)]]
    np.testing.assert_allclose(blocks["me_llama"], expected)
    folds = make_folds(
        table["developmental_delay"], scheme="stratified_grouped", n_splits=3, seed=0,
        groups=table["family_id"],
    )  # fmt: skip
    projections, dimensions = project_blocks(recipe, table, blocks, folds)
    assert projections["me_llama-adjusted-0"].notna().all(axis=None)
    assert (dimensions["dim"] > 0).all()


def test_vectors_of_children_serve_all_their_visits(children, visits, tmp_path, monkeypatch):
    recipe = recipe_of("titan")
    once = visits.drop(index=3).drop_duplicates("participant_id").drop(columns="session_id")
    features, quality = imported({"titan": once}, recipe, tmp_path, monkeypatch, {})
    assert features.index.tolist() == once["participant_id"].tolist()
    table, blocks, *_ = cohort_of(children, recipe, features, quality)
    several = table.groupby("child_id")["family_id"].transform("size") > 1
    assert several.any()
    own = blocks["titan"].assign(child=table["child_id"]).groupby("child").nunique()
    assert (own == 1).all(axis=None)


def test_who_lacks_one_of_two_models_is_told_and_left_out(children, visits, tmp_path, monkeypatch):
    recipe = recipe_of("me_llama", "m3fm")
    tables = {"me_llama": visits, "m3fm": visits.iloc[:-5]}
    features, quality = imported(tables, recipe, tmp_path, monkeypatch)
    assert quality["reason"].value_counts()["no vector of m3fm"] == 5
    assert quality["reason"].value_counts()["no vector of me_llama; no vector of m3fm"] == 1
    assert features.notna().all(axis=None)
    assert features.shape[1] == 2 * DIM


def test_a_model_without_a_table_is_refused(visits, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no embeddings of 'titan'.*it has me_llama"):
        imported({"me_llama": visits}, recipe_of("titan"), tmp_path, monkeypatch)


def test_cohorts_without_vectors_give_empty_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    absent = NotCollected(modality="clinical", reason="no notes")
    for recipe in (recipe_of("titan"), {"blocks": {}}):
        inputs = {"clinical.embeddings": absent, "recipe": recipe}
        catalog = run_pipeline(create_pipeline(), inputs)
        assert catalog.load("clinical.features").shape == (0, 0)
        assert catalog.load("clinical.quality").shape == (0, 0)


def test_excluded_visits_are_left_out(visits, tmp_path, monkeypatch):
    name = f"{visits['participant_id'][0]}_{visits['session_id'][0]}"
    parameters = {"clinical": {**WAVES["clinical"], "quality": {"exclude": [name]}}}
    recipe = recipe_of("m3fm")
    features, quality = imported({"m3fm": visits}, recipe, tmp_path, monkeypatch, parameters)
    assert name not in features.index
    assert quality.loc[name, "reason"] == "excluded by hand"
