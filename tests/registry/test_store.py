from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from neurogenomics_kb.foundation.errors import InputError, nearest
from neurogenomics_kb.registry import EmbeddingStrategy, Experiment, Registry
from neurogenomics_kb.registry.recipe import resolve_recipe

SHIPPED = Path(__file__).parents[2] / "kb"
STRATEGIES = "integration_cards/embedding_strategies.yaml"


@pytest.fixture
def kb(tmp_path):
    def make(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        return Registry(tmp_path)

    return make


def strategies(text):
    return {"integration_cards__embedding_strategies_yaml": text}


def test_shipped_knowledge_base_is_sound():
    assert Registry(SHIPPED).validate() == []


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("a_v1: {modality: smri, features: [x], dims: 3}", 1, "a_v1.dims", "unknown field"),
        ("a_v1:\n  modality: brain\n  features: [x]", 2, "a_v1.modality", "got 'brain'"),
        (
            "a_v1:\n  modality: smri\n  features: [x]\n  preprocessing:\n    - {step: zscor}",
            5, "a_v1.preprocessing.0", "zscor",
        ),
        (
            "a_v1:\n  modality: smri\n  features: [x]\n  projector: {type: pca, dim: 0}",
            4, "a_v1.projector.pca.dim", "greater than or equal to 1",
        ),
        ("a_v1: {modality: smri}", 1, "a_v1", "name `features`"),
        ("a_v1: {modality: smri, features: [x], status: planned}", 1, "a_v1", "needs a `reason`"),
        ("a_v1: {modality: smri, encoder: nix}", 1, "a_v1.encoder", "there is no model 'nix'"),
        ("a_v1: 3", 1, "a_v1", "expected a mapping"),
    ],
)  # fmt: skip
def test_problems_have_file_line_and_field(kb, text, line, field, words):
    problems = kb(**strategies(text)).validate()
    assert len(problems) == 1
    assert problems[0].file.endswith(STRATEGIES)
    assert (problems[0].line, problems[0].field) == (line, field)
    assert words in problems[0].message


def test_duplicate_and_misnamed_cards(kb):
    registry = kb(
        datasets__x_yaml="id: x\ncohort: c\n",
        model_cards__x_yaml="id: x\nmodality: smri\n",
        datasets__y_yaml="title: t\nid: z\ncohort: c\n",
    )
    messages = [str(p) for p in registry.validate()]
    assert any("id 'x' is already used in" in m for m in messages)
    assert any("y.yaml:2: id: 'z' differs from the file name 'y'" in m for m in messages)


def test_broken_file_does_not_hide_the_others(kb):
    registry = kb(
        datasets__good_yaml="cohort: c\n", datasets__bad_yaml="cohort: [", **strategies("[]")
    )
    assert registry.get("good").cohort == "c"
    assert len(registry.validate()) == 2


def test_links_out_of_the_folder_are_refused(kb, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text("cohort: c\n")
    kb(datasets__a_yaml="cohort: c\n")
    (tmp_path / "datasets/link.yaml").symlink_to(outside)
    assert "outside the knowledge base" in str(Registry(tmp_path).validate()[0])


def test_what_is_not_a_file_is_not_read(kb, tmp_path):
    kb(datasets__a_yaml="cohort: c\n")
    os.mkfifo(tmp_path / "datasets/pipe.yaml")
    (tmp_path / "datasets/folder.yaml").mkdir()
    (tmp_path / "datasets/zero.yaml").symlink_to("/dev/zero")
    registry = Registry(tmp_path)
    assert registry.ids() == ["a"]
    assert len(registry.validate()) == 3
    assert registry.find("c")


def test_a_hundred_megabytes_are_refused_at_once(kb, tmp_path):
    kb(datasets__a_yaml="cohort: c\n")
    with open(tmp_path / "datasets/large.yaml", "wb") as stream:
        stream.truncate(100_000_000)
    assert "too many for a card" in str(Registry(tmp_path).validate()[0])


def test_hash_follows_the_content():
    one = EmbeddingStrategy(id="a_v1", modality="smri", features=["x"])
    assert one.content_hash == one.model_copy().content_hash
    other = EmbeddingStrategy(id="a_v1", modality="smri", features=["y"])
    assert one.content_hash != other.content_hash


def test_find_and_unknown(kb):
    registry = kb(datasets__a_yaml="cohort: c\ntitle: Children of Amsterdam\n")
    assert [c.id for c in registry.find("amsterdam")] == ["a"]
    assert registry.find("berlin") == []
    with pytest.raises(InputError, match="does not exist"):
        Registry("no/such/folder")


def test_nearest_name():
    assert nearest("thicknes", ["volume", "thickness"]) == ", did you mean 'thickness'?"
    assert nearest("mdd", ["age", "mdd_diagnosis"]) == ", did you mean 'mdd_diagnosis'?"
    assert nearest("zzz", ["age"]) == ""


def experiment(**changes):
    return Experiment(
        **{
            "id": "e",
            "blocks": {
                "gene": "genetics_gene_kmer_pca512_v1",
                "brain": "smri_free_surfer_pca512_v1",
            },
            "outcome": "mdd_diagnosis",
            **changes,
        }
    )


def test_recipe_holds_every_card_with_its_hash():
    registry = Registry(SHIPPED)
    recipe = resolve_recipe(experiment(), registry, "demo")
    assert recipe.dataset.id == "demo"
    assert recipe.encoders == {"kmer_spectrum_k4": {"type": "kmer", "k": 4}}
    for card_id, content_hash in recipe.cards.items():
        assert registry.get(card_id).content_hash == content_hash
    assert {"age", "sex", "site", "etiv", "sequencing_batch"} <= set(recipe.confounds)
    assert not recipe.continuous
    assert type(recipe).model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("changes", "cohort", "words"),
    [
        ({}, "nowhere", "0 dataset cards describe cohort 'nowhere'"),
        ({"dataset": "aomic"}, "demo", "is for cohort 'aomic', the environment is 'demo'"),
        ({"outcome": "family_id"}, "demo", "outcome 'family_id' is text"),
        ({"associations": ["phq"]}, "demo", "did you mean 'phq9_score'"),
        ({"harmonization": "combat"}, "demo", "did you mean 'combat_smri'"),
        (
            {"blocks": {"g": "genetics_joo_mdd_cog_v1"}, "analyses": ["prediction"]},
            "demo",
            "planned",
        ),
        ({}, "aomic", "has no column mdd_diagnosis"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, cohort, words):
    with pytest.raises(InputError, match=words):
        resolve_recipe(experiment(**changes), Registry(SHIPPED), cohort)


def test_a_planned_cohort_is_refused(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "kb")
    card = tmp_path / "kb/datasets/demo.yaml"
    card.write_text(card.read_text() + "status: planned\nreason: nobody has scanned anybody yet\n")
    with pytest.raises(InputError, match=r"cohort 'demo' is planned.*nobody has scanned"):
        resolve_recipe(experiment(), Registry(tmp_path / "kb"), "demo")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"blocks": {"fusion": "a_v1"}}, "taken by a model"),
        ({"blocks": {"gene_covariates": "a_v1"}}, "taken by a model"),
        ({"attribution_block": "x"}, "is not among"),
        ({"blocks": {"a": "a_v1"}, "analyses": ["cca"]}, "needs two blocks"),
        ({"analyses": ["partial_correlations"]}, "add cca"),
        ({"folds": {"scheme": "grouped"}}, "needs a `group`"),
        ({"n_permutations": 5}, "greater than or equal to 19"),
        ({"max_permutations": 500}, "max_permutations 500 is less than n_permutations 1000"),
        ({"primary": [{"test": "canonical corelation"}]}, "'canonical correlation', 'held-out"),
        ({"primary": [{"test": "canonical correlation", "z": "gene"}]}, "Extra inputs"),
        ({"primary": [{"test": "canonical correlation", "x": "gen"}]},
         "there is no x 'gen'; known are gene, brain"),
        ({"primary": [{"test": "held-out correlation", "x": "brain", "y": "gene"}]},
         "x is the block that the experiment names first"),
        ({"primary": [{"test": "model comparison", "algorithm": "trees"}]},
         "no algorithm 'trees'; known are linear, xgboost"),
        ({"primary": [{"test": "leave one out", "unit": "G1"}]}, "needs logo in analyses"),
        ({"analyses": ["cca", "partial_correlations"],
          "primary": [{"test": "association", "outcome": "age"}]}, "no outcome 'age'"),
    ],
)  # fmt: skip
def test_inconsistent_experiments_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        experiment(**changes)


def test_primary_tests_are_those_named_or_the_usual_ones_of_the_analyses():
    tests = experiment().primary_tests
    assert [(t.test, t.analysis) for t in tests] == [
        ("canonical correlation", "cca"), ("model comparison", "prediction"),
    ]  # fmt: skip
    assert [t.test for t in experiment(analyses=["prediction"]).primary_tests] == [
        "model comparison"
    ]
    assert experiment(primary=[]).primary_tests == []
    named = {"test": "held-out correlation", "x": "gene", "y": "brain", "component": 2}
    [test] = experiment(primary=[named]).primary_tests
    assert test.columns == {"x": "gene", "y": "brain", "component": 2}


def test_permutations_at_most_are_ten_times_as_many_by_default():
    assert experiment().most_permutations == 10_000
    assert experiment(n_permutations=99).most_permutations == 990
    assert experiment(max_permutations=1000).most_permutations == 1000
    assert experiment(n_permutations=5000).most_permutations == 10_000
    assert experiment(n_permutations=20_000).most_permutations == 20_000
    assert experiment(n_permutations=20_000, max_permutations=90_000).most_permutations == 90_000
