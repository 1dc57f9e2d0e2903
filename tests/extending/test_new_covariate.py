"""A covariate for all strategies is one card: nothing else is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.recipe import resolve_recipe
from tests.conftest import ROOT

SETS = "integration_cards/confound_sets.yaml"


@pytest.fixture
def kb(tmp_path) -> Path:
    """A copy of the cards in which every strategy also takes out the season."""
    shutil.copytree(ROOT / "kb", tmp_path / "kb", ignore=shutil.ignore_patterns("results"))
    shutil.copytree(ROOT / "conf/experiments", tmp_path / "conf/experiments")
    change_the_one_card(tmp_path / "kb")
    return tmp_path / "kb"


def change_the_one_card(kb: Path) -> None:
    file = kb / SETS
    cards = yaml.safe_load(file.read_text())
    cards["every_strategy"] = {"title": "What every strategy takes out", "optional": ["phq9_score"]}
    file.write_text(yaml.safe_dump(cards, sort_keys=False))


def regressing(registry: Registry):
    cards = registry.cards("embedding_strategy")
    return [c for c in cards if any(s.step == "residualize" for s in c.preprocessing)]


def test_every_strategy_that_takes_anything_out_takes_it_out_too(kb):
    before, after = Registry(ROOT / "kb"), Registry(kb)
    assert len(regressing(after)) == len(regressing(before)) == 60
    for card in regressing(after):
        old = before.get(card.id)
        assert set(card.optional_confounds) == {"phq9_score", *old.optional_confounds}, card.id
        assert card.confounds == old.confounds
        assert card.content_hash != old.content_hash


def test_the_result_would_name_the_changed_set(kb):
    experiment = Experiment(
        id="e",
        blocks={"gene": "genetics_gene_kmer_pca512_v1", "brain": "smri_free_surfer_pca512_v1"},
        outcome="mdd_diagnosis",
        analyses=["prediction"],
    )
    before, after = (resolve_recipe(experiment, Registry(f), "demo") for f in (ROOT / "kb", kb))
    changed = {i for i in before.cards if before.cards[i] != after.cards[i]}
    assert changed == {
        "genetics_gene_kmer_pca512_v1", "smri_free_surfer_pca512_v1", "every_strategy", "age_sex",
        "age_sex_site", "genotype_confounds", "morphometry_confounds",
        "genetics_gene_dosage_pca512_v1",  # a rival of the k-mers
    }  # fmt: skip


def test_validation_says_once_per_set_which_published_versions_it_concerns(kb):
    problems = [str(p) for p in Registry(kb).validate() if "registry" not in p.file]
    concerned = [p for p in problems if "optional + phq9_score" in p]
    assert len(concerned) == 8  # one line for each set that published strategies name
    assert all("kedro kb lock --accept-sets" in p for p in concerned)


def test_a_run_takes_it_out(project):
    options = project.changed(analyses=["prediction"], associations=[])
    assembled = "--to-nodes=integration.assemble_cohort"
    file = project.path / "data/05_model_input/demo/demo_gene_brain/cohort.parquet"
    project.run(assembled, *options)
    before = set(pd.read_parquet(file))
    change_the_one_card(project.path / "kb")
    project.run(assembled, *options)
    assert set(pd.read_parquet(file)) - before == {"phq9_score"}
