"""Bridges to language: what cards and experiments may say, and what a recipe takes from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import AlignmentStrategy, Experiment, TextSet
from neurogenomics_kb.registry.recipe import resolve_recipe

REGISTRY = Registry(Path(__file__).parents[2] / "kb")
BRIDGE = {"encoder": "llm_semantic_bridge", "texts": ["brain_region_texts_v1"]}
RUNG = {"type": "stacking", "bases": ["linear", "xgboost"]}
EXPERIMENT = {
    "id": "x",
    "blocks": {"gene": "genetics_gene_kmer_pca512_v1", "brain": "smri_free_surfer_pca512_v1"},
    "outcome": "mdd_diagnosis",
    "analyses": ["cca", "language"],
    "bridges": ["llm_semantic_alignment"],
}


def test_a_recipe_holds_the_texts_and_the_encoder_of_its_bridges():
    recipe = resolve_recipe(Experiment.model_validate(EXPERIMENT), REGISTRY, "demo")
    assert list(recipe.bridges) == ["llm_semantic_alignment"]
    assert set(recipe.bridge_texts) == set(recipe.bridges["llm_semantic_alignment"].bridge.texts)
    assert recipe.bridge_encoders["llm_semantic_bridge"]["type"] == "text"
    named = {"llm_semantic_alignment", "llm_semantic_bridge", "brain_region_texts_v1"}
    assert named <= set(recipe.cards)


def test_it_is_off_by_default():
    assert Experiment.model_validate(
        {k: v for k, v in EXPERIMENT.items() if k != "bridges"} | {"analyses": ["cca"]}
    ).bridges == []  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bridges": []}, "needs cards under `bridges:`"),
        ({"analyses": ["cca"]}, "needs cards under `bridges:`"),
        ({"analyses": ["prediction", "language"]}, "add cca to analyses"),
        ({"primary": [{"test": "axis in words", "measure": "likeness"}]}, "has no `measure`"),
        ({"primary": [{"test": "block and texts", "component": 1}]}, "has no `component`"),
        ({"primary": [{"test": "axis in words", "block": "nix"}]}, "there is no block 'nix'"),
    ],
)
def test_experiments_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        Experiment.model_validate(EXPERIMENT | changes)


@pytest.mark.parametrize(
    ("bridge", "words"),
    [
        ("ensemble_stacking", "planned|is no bridge to language"),
        ("vlm_developmental_alignment", "written for smri_cha_dev_pca64_v1.*none of which"),
        ("nix", "nix"),
    ],
)
def test_cards_that_are_no_bridge_here_are_refused(bridge, words):
    experiment = Experiment.model_validate(EXPERIMENT | {"bridges": [bridge]})
    with pytest.raises(InputError, match=words):
        resolve_recipe(experiment, REGISTRY, "demo")


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"stage": "language_bridge"}, "a ready language_bridge needs `bridge`"),
        ({"stage": "stacking", "bridge": BRIDGE, "rung": RUNG}, "belongs to stage language_bridge"),
        ({"stage": "language_bridge", "bridge": BRIDGE | {"texts": []}}, "at least 1 item"),
    ],
)  # fmt: skip
def test_alignment_cards_say_what_their_bridge_is_made_of(card, words):
    with pytest.raises(ValidationError, match=words):
        AlignmentStrategy.model_validate({"id": "a", "objective": "o", **card})


def test_two_units_with_one_text_are_refused():
    text = {"text": "Memory of places.", "source": "doi:10.1/x"}
    body = {"id": "t", "modalities": ["smri"], "texts": {"a": text}, "concepts": {"c": text}}
    assert TextSet.model_validate(body).texts["a"].verified is False
    twice = {"a": text, "b": text | {"text": "memory  of places."}}
    with pytest.raises(ValidationError, match="'a' and 'b' have one text"):
        TextSet.model_validate(body | {"texts": twice})


@pytest.mark.parametrize("name", REGISTRY.ids("text_set"))
def test_published_texts_are_told_apart_and_sourced(name):
    card = REGISTRY.get(name)
    assert len(card.concepts) >= 7
    words = {t.text for t in card.texts.values()} & {t.text for t in card.concepts.values()}
    assert words == set()


def test_texts_name_the_units_that_features_have():
    """Every region of the demo's FreeSurfer tables and every scale of the instrument cards."""
    from neurogenomics_kb.pipelines.integration.analyses.language.units import text_key

    regions = {text_key(name) for name in REGISTRY.get("brain_region_texts_v1").texts}
    folder = Path(__file__).parents[2] / "data/01_raw/demo/freesurfer"
    for file in ("lh.aparc.thickness.tsv", "rh.aparc.volume.tsv", "aseg.volume.tsv"):
        _, *names = (folder / file).read_text().splitlines()[0].split("\t")
        names = [n.removesuffix("_thickness").removesuffix("_volume") for n in names]
        lost = {n for n in names if text_key(n) not in regions}
        assert {n for n in lost if not n.startswith(("lh_Mean", "rh_Mean", "Brain", "eTIV", "Est"))
                } == set()  # fmt: skip
    scales = REGISTRY.get("instrument_scale_texts_v1").texts
    for card in REGISTRY.cards("instrument"):
        assert set(card.scales) <= set(scales), card.id
