from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import CARD_TYPES, is_versioned
from neurogenomics_kb.registry.drafts import NOT_DRAFTED, new_card
from neurogenomics_kb.registry.lock import read_lock, write_lock

ROOT = Path(__file__).parents[2]
SKELETONS = {name: model.skeleton for name, model in CARD_TYPES.items() if model.skeleton}


@pytest.fixture
def copy(tmp_path):
    """The shipped knowledge base, to be changed."""
    for name in ("kb", "conf/experiments", "docs", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.png"))
    for name in ("tests", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_the_shipped_lock_holds_every_versioned_card():
    registry = Registry(ROOT / "kb")
    locked = read_lock(registry.path)
    versioned = [registry.get(i) for i in registry.ids() if is_versioned(i)]
    published = [c for c in versioned if c.status == "ready"]
    sets = {name for card in published for name in getattr(card, "confound_sets", ())}
    assert {c.id for c in published} | sets == set(locked)


def test_locking_adds_once_and_refuses_changes(copy):
    file = copy / "kb/integration_cards/embedding_strategies.yaml"
    body = "\nnew_thing_v1:\n  modality: smri\n  features: [thickness]\n"
    file.write_text(file.read_text() + body)
    assert write_lock(Registry(copy / "kb")) == ["new_thing_v1"]
    assert write_lock(Registry(copy / "kb")) == []
    file.write_text(file.read_text().replace(body, body.replace("thickness", "volume")))
    with pytest.raises(InputError, match=r"published cards changed: new_thing_v1.*_v2"):
        write_lock(Registry(copy / "kb"))
    file.write_text(file.read_text().replace("new_thing_v1", "new_thing_v2"))
    with pytest.raises(InputError, match="published cards are gone: new_thing_v1"):
        write_lock(Registry(copy / "kb"))


@pytest.mark.parametrize("type_name", sorted(SKELETONS))
def test_every_skeleton_is_a_valid_card(copy, type_name):
    file = new_card(Registry(copy / "kb"), type_name, "brand_new")
    assert file.exists()
    registry = Registry(copy / "kb")
    assert registry.get("brand_new").id == "brand_new"
    assert registry.type_of("brand_new") == type_name
    assert registry.validate() == []


def test_every_type_is_drafted_or_says_why_not():
    assert set(SKELETONS) | set(NOT_DRAFTED) == set(CARD_TYPES)


def test_appending_keeps_what_a_person_wrote(copy):
    file = copy / "kb/integration_cards/embedding_strategies.yaml"
    before = file.read_text()
    new_card(
        Registry(copy / "kb"),
        "embedding_strategy",
        "mine_v1",
        "smri_free_surfer_thickness_pca32_v1",
    )
    after = file.read_text()
    assert after.startswith(before.rstrip())
    original = Registry(copy / "kb").get("smri_free_surfer_thickness_pca32_v1")
    copied = Registry(copy / "kb").get("mine_v1")
    assert copied.content_hash != original.content_hash  # the id is part of it
    assert copied.preprocessing == original.preprocessing


def test_clone_of_an_experiment_runs_under_its_own_id(copy):
    file = new_card(Registry(copy / "kb"), "experiment", "mine", "01_cca_gene_smri")
    run = yaml.safe_load(file.read_text())["run"]
    assert run["pipeline"] == "integration"
    original = yaml.safe_load((copy / "conf/experiments/01_cca_gene_smri.yml").read_text())["run"]
    assert run["params"]["experiment"] == {
        **original["params"]["experiment"], "id": "mine",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model", "brainlm"), "already used"),
        (("model", "../../evil"), "would not be a valid model"),
        (("model", "a/b"), "would not be a valid model"),
        (("result", "x"), "not drafted"),
        (("modle", "x"), "did you mean 'model'"),
        (("model", "x", "brainlmm"), "did you mean 'brainlm'"),
        (("model", "x", "none_baseline"), "there is no model"),
    ],
)
def test_refusals(copy, arguments, words):
    before = sorted(p for p in copy.rglob("*.y*ml"))
    with pytest.raises(InputError, match=words):
        new_card(Registry(copy / "kb"), *arguments)
    assert sorted(p for p in copy.rglob("*.y*ml")) == before
