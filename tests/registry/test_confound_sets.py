"""Confounds that strategies name instead of listing: the same recipe, changed in one place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.cards import ConfoundForms, EmbeddingStrategy
from neurogenomics_kb.registry.lock import published_sets, read_lock, write_lock
from neurogenomics_kb.registry.recipe import Recipe, resolve_recipe

ROOT = Path(__file__).parents[2]
BEFORE = yaml.safe_load((Path(__file__).parent / "residualize_steps.yaml").read_text())
SETS = "integration_cards/confound_sets.yaml"
STRATEGIES = "integration_cards/embedding_strategies.yaml"
PLAIN = ("confounds", "optional", "categorical", "smooth", "products", "unseen", "step")


def write(folder: Path, sets: dict, strategies: dict) -> Registry:
    for file, cards in ((SETS, sets), (STRATEGIES, strategies)):
        path = folder / "kb" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(cards))
    return Registry(folder / "kb")


def strategy(**step) -> dict:
    steps = [{"step": "zscore"}, {"step": "residualize", **step}]
    return {"modality": "smri", "features": ["thickness"], "preprocessing": steps}


@pytest.fixture
def copy(tmp_path):
    """The shipped cards, to be changed."""
    for name in ("kb", "conf/experiments", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.png"))
    for name in ("tests", "scripts", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("card_id", BEFORE)
def test_every_strategy_takes_out_what_it_did_when_it_listed_its_confounds(card_id):
    card = Registry(ROOT / "kb").get(card_id)
    now = []
    for step in card.preprocessing:
        if step.step == "residualize":
            said = step.model_dump(mode="json")
            now.append({k: said[k] for k in PLAIN if said[k] not in ([], {})})
    assert now == BEFORE[card_id]["residualize"]
    assert card.content_hash == BEFORE[card_id]["hash"]


def test_the_shipped_strategies_name_sets_and_few_of_them():
    registry = Registry(ROOT / "kb")
    written = yaml.safe_load((ROOT / "kb" / STRATEGIES).read_text())
    steps = [s for body in written.values() for s in body.get("preprocessing", [])]
    regressing = [s for s in steps if s["step"] == "residualize"]
    assert len(regressing) == 60
    assert all("set" in step for step in regressing)
    assert len(registry.ids("confound_set")) <= 12


def test_where_the_list_stands_changes_nothing(tmp_path):
    rng = np.random.default_rng(3)
    names = [f"c{i}" for i in range(12)]
    for _ in range(40):
        chosen = [names[i] for i in rng.permutation(len(names))]
        n, extra = int(rng.integers(1, 8)), int(rng.integers(0, 4))
        columns, optional = chosen[:n], chosen[n : n + extra]
        smooth = {c: int(rng.integers(3, 7)) for c in columns if rng.random() < 0.3}
        first, second = sorted(rng.integers(0, n + 1, 2))
        cut = int(rng.integers(0, extra + 1))
        mine = {k: v for k, v in smooth.items() if rng.random() < 0.5}
        sets = {
            "inner": {"columns": columns[:first], "optional": optional[:cut]},
            "outer": {"includes": ["inner"], "columns": columns[first:second],
                      "smooth": {k: v for k, v in smooth.items()
                                 if k not in mine and k in columns[:second]}},
        }  # fmt: skip
        rest = {k: v for k, v in smooth.items() if k not in sets["outer"]["smooth"]}
        named = strategy(
            set="outer", confounds=columns[second:], optional=optional[cut:], smooth=rest
        )
        listed = strategy(confounds=columns, optional=optional, smooth=smooth)
        one = write(tmp_path, sets, {"it_v1": named}).get("it_v1")
        other = write(tmp_path, {}, {"it_v1": listed}).get("it_v1")
        assert one.content_hash == other.content_hash
        assert one.confounds == other.confounds == columns
        assert one.optional_confounds == other.optional_confounds
        assert one.smooth_confounds == other.smooth_confounds
        # What a run stores and reads again says the same.
        again = EmbeddingStrategy.model_validate(one.model_dump(mode="json"))
        assert again.confounds == columns
        assert again.content_hash == one.content_hash


@pytest.mark.parametrize(
    ("sets", "step", "words"),
    [
        ({}, {"set": "nowhere"}, "there is no confound set 'nowhere'"),
        ({"near": {"columns": ["age"]}}, {"set": "nera"}, "did you mean 'near'"),
        ({"a": {"includes": ["b"]}, "b": {"includes": ["a"]}}, {"set": "a"}, "takes from itself"),
        ({"a": {"includes": ["a"], "columns": ["x"]}}, {"set": "a"}, "takes from itself"),
        ({"a": {}}, {"set": "a"}, "'a' has no columns, and nothing is added"),
        ({"a": {"columns": ["x"]}}, {"set": "a", "smooth": {"y": 4}}, "'y' under `smooth`"),
        ({"a": {"columns": ["x"], "smooth": {"y": 4}}}, {"set": "a"}, "'y' under `smooth`"),
        ({"a": {"columns": ["x"], "smooth": {"x": 2}}}, {"set": "a"}, "greater than or equal to 3"),
        ({"a": {"columns": ["x"]}}, {"set": "a", "products": [["x", "y"]]}, "'y' under `products`"),
        ({"a": {"columns": ["x"], "products": [["y", "x"]]}}, {"set": "a"}, "'y' under `products`"),
        ({"a": {"colums": ["x"]}}, {"set": "a"}, "did you mean 'columns'"),
        ({"a": {"columns": ["x"]}}, {"st": "a"}, "did you mean 'set'"),
        ({}, {}, "name a `set` or `confounds`"),
    ],
)  # fmt: skip
def test_faults_are_named_at_their_place(tmp_path, sets, step, words):
    registry = write(tmp_path, sets, {"it_v1": strategy(**step)})
    problems = [str(p) for p in registry.validate()]
    assert any(words in p for p in problems), problems
    with pytest.raises(InputError):
        registry.get("it_v1")


def test_a_column_that_the_cohort_lacks_is_traced_to_its_set(tmp_path):
    people = {"age": {"name": "age"}, "id": {"name": "who", "type": "text"}}
    dataset = {"title": "t", "cohort": "c", "license": "l", "access": "a", "tables": {
        "participants": {"file": "p.tsv", "id_column": "pid", "columns": people}}}  # fmt: skip
    (tmp_path / "kb/datasets").mkdir(parents=True)
    (tmp_path / "kb/datasets/c.yaml").write_text(yaml.safe_dump({"id": "c", **dataset}))
    sets = {"near": {"columns": ["age", "sight"]}}
    card = {**strategy(set="near", confounds=["weight"]), "dataset": "c"}
    problems = [str(p) for p in write(tmp_path, sets, {"it_v1": card}).validate()]
    assert len(problems) == 2
    assert any("no column 'sight'" in p and "(from confound set 'near')" in p for p in problems)
    assert any("no column 'weight'" in p and "confound set" not in p for p in problems)


def test_a_set_that_only_others_include_may_be_empty(tmp_path):
    sets = {"all": {}, "near": {"includes": ["all"], "columns": ["age"]}}
    registry = write(tmp_path, sets, {"it_v1": strategy(set="near")})
    assert registry.validate() == []
    assert registry.get("it_v1").confounds == ["age"]


def test_a_result_names_the_sets_of_its_blocks_and_those_they_include():
    registry = Registry(ROOT / "kb")
    blocks = {"gene": "genetics_gene_kmer_pca512_v1", "brain": "smri_free_surfer_pca512_v1"}
    experiment = Experiment(id="e", blocks=blocks, outcome="mdd_diagnosis", analyses=["prediction"])
    recipe = resolve_recipe(experiment, registry, "demo")
    named = {"genotype_confounds", "morphometry_confounds", "age_sex_site", "age_sex",
             "every_strategy", "ancestry_pcs"}  # fmt: skip
    assert named <= set(recipe.cards)
    assert "resting_confounds" not in recipe.cards
    for name in named:
        assert recipe.cards[name] == registry.get(name).content_hash
    again = Recipe.model_validate(recipe.model_dump(mode="json"))
    assert again.confounds == recipe.confounds
    assert again.optional_confounds == ["income", "euler_number"]


def test_a_planned_set_cannot_run(copy):
    file = copy / "kb" / SETS
    file.write_text(file.read_text().replace(
        "every_strategy:\n", "every_strategy:\n  status: planned\n  reason: not decided\n"
    ))  # fmt: skip
    experiment = Experiment(
        id="e", blocks={"brain": "smri_free_surfer_pca512_v1"}, outcome="mdd_diagnosis",
        analyses=["prediction"],
    )  # fmt: skip
    with pytest.raises(InputError, match="'every_strategy' is planned and cannot run yet"):
        resolve_recipe(experiment, Registry(copy / "kb"), "demo")


def test_published_sets_are_stored_with_what_they_said():
    registry = Registry(ROOT / "kb")
    locked, sets = read_lock(registry.path), published_sets(registry.path)
    assert sets
    for name, card in sets.items():
        assert card.content_hash == locked[name] == registry.get(name).content_hash


def test_a_changed_set_is_one_problem_that_says_what_changed_and_for_whom(copy):
    file = copy / "kb" / SETS
    text = file.read_text()
    file.write_text(text.replace("columns: [mean_fd]", "columns: [mean_fd, tsnr]"))
    problems = [str(p) for p in Registry(copy / "kb").validate()]
    assert len(problems) == 1
    assert "'resting_confounds' changed (columns + tsnr), and with it 13 published" in problems[0]
    assert "kedro kb lock --accept-sets" in problems[0]
    with pytest.raises(InputError, match="confound sets changed: resting_confounds, and with them"):
        write_lock(Registry(copy / "kb"))
    renewed = write_lock(Registry(copy / "kb"), accept_sets=True)
    assert len(renewed) == 14
    assert Registry(copy / "kb").validate() == []
    file.write_text(text)
    assert "columns − tsnr" in str(Registry(copy / "kb").validate()[0])


def test_accepting_a_set_accepts_no_change_of_a_strategy_itself(copy):
    file = copy / "kb" / SETS
    file.write_text(file.read_text().replace("columns: [mean_fd]", "columns: [mean_fd, tsnr]"))
    cards = copy / "kb" / STRATEGIES
    text = cards.read_text()
    start = text.index("fmri_connectivity_pca512_v1:")
    cards.write_text(text[:start] + text[start:].replace("dim: 512", "dim: 511", 1))
    before = (copy / "kb/registry.lock").read_text()
    with pytest.raises(InputError, match="published cards changed: fmri_connectivity_pca512_v1"):
        write_lock(Registry(copy / "kb"), accept_sets=True)
    assert (copy / "kb/registry.lock").read_text() == before
    problems = [str(p) for p in Registry(copy / "kb").validate()]
    assert len(problems) == 2
    assert any("'fmri_connectivity_pca512_v1' is published with hash" in p for p in problems)
    assert any("and with it 12 published strategies" in p for p in problems)


@pytest.mark.parametrize("tail", [" {", " [1]", " x", ' {"columns": ["age"]} more'])
def test_a_broken_line_of_the_lock_is_named(copy, tail):
    file = copy / "kb/registry.lock"
    lines = file.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("behaviour_latent_v1"))
    lines[number] += tail
    file.write_text("\n".join(lines) + "\n")
    problems = Registry(copy / "kb").validate()
    assert any(f"registry.lock:{number + 1}" in str(p) for p in problems)


def test_a_copied_strategy_goes_on_naming_its_set(copy):
    from neurogenomics_kb.registry.drafts import new_card

    new_card(Registry(copy / "kb"), "embedding_strategy", "mine", "smri_free_surfer_pca512_v1")
    written = yaml.safe_load((copy / "kb" / STRATEGIES).read_text())["mine"]
    step = next(s for s in written["preprocessing"] if s["step"] == "residualize")
    assert step == {"step": "residualize", "set": "morphometry_confounds", "confounds": ["etiv"]}


def test_products_of_a_set_and_of_a_strategy_join(tmp_path):
    sets = {"a": {"columns": ["age", "sex", "site"], "products": [["age", "sex"]]}}
    steps = {"it_v1": strategy(set="a", products=[["age", "site"], ["age", "sex"]])}
    registry = write(tmp_path, sets, steps)
    card = registry.get("it_v1")
    assert card.product_confounds == [("age", "sex"), ("age", "site")]
    again = EmbeddingStrategy.model_validate(card.model_dump(mode="json"))
    assert again.product_confounds == card.product_confounds
    write_lock(registry)
    sets["a"]["products"] = [["sex", "site"]]
    problems = [str(p) for p in write(tmp_path, sets, steps).validate()]
    assert any("products + sex×site, products − age×sex" in p for p in problems), problems


def test_forms_of_a_cohort_lie_under_those_of_a_step():
    forms = ConfoundForms(
        smooth={"age": 5, "sex": 4, "etiv": 3}, products=[("age", "sex"), ("age", "pc1")]
    )
    card = Registry(ROOT / "kb").get("smri_cha_dev_pca64_v1")
    steps = [{"step": "residualize", "confounds": ["age", "sex"], "optional": ["etiv"],
              "smooth": {"age": 7}, "products": [["sex", "age"]]}]  # fmt: skip
    plain = EmbeddingStrategy.model_validate(
        {"id": "x_v1", "modality": "smri", "features": ["thickness"], "preprocessing": steps}
    )
    formed = plain.with_forms(forms)
    assert formed.smooth_confounds == {"age": 7, "sex": 4, "etiv": 3}
    assert formed.product_confounds == [("sex", "age"), ("age", "sex")]
    assert plain.smooth_confounds == {"age": 7}
    assert card.with_forms(ConfoundForms()) == card


def test_large_cohorts_take_age_as_a_curve_and_by_sex():
    """What a run of the cohort executes, and that the strategy's hash is the published one."""
    registry = Registry(ROOT / "kb")
    experiment = Experiment(
        id="t", blocks={"brain": "smri_free_surfer_pca512_v1"}, outcome="mdd_diagnosis",
        analyses=["prediction"],
    )  # fmt: skip
    recipe = resolve_recipe(experiment, registry, "ukb")
    assert recipe.smooth_confounds["age"] == 5
    assert recipe.product_confounds == [("age", "sex")]
    card = registry.get("smri_free_surfer_pca512_v1")
    assert recipe.cards["smri_free_surfer_pca512_v1"] == card.content_hash
    assert resolve_recipe(experiment, registry, "demo").product_confounds == []


def test_families_of_the_dataset_card_become_levels(copy):
    registry = Registry(copy / "kb")
    base = {
        "id": "t",
        "outcome": "developmental_delay",
        "analyses": ["prediction"],
        "blocks": {"brain": "smri_cha_dev_pca64_v1"},
        "exchangeability": "families",
    }
    visits = resolve_recipe(Experiment(**base), registry, "cha_dev").experiment
    assert [level.column for level in visits.exchangeability_levels] == ["family_id", "child_id"]
    assert not visits.exchange_rows
    once = resolve_recipe(Experiment(**base, waves=["ses-1"]), registry, "cha_dev").experiment
    assert [level.column for level in once.exchangeability_levels] == ["family_id"]
    assert once.exchange_rows
    path = copy / "kb" / "datasets" / "cha_dev_longitudinal.yaml"
    text = path.read_text()
    path.write_text(text.replace("families: [family_id]", "families: [clan_id]"))
    with pytest.raises(InputError, match="no column clan_id"):
        resolve_recipe(Experiment(**base), Registry(copy / "kb"), "cha_dev")
    path.write_text(text.replace("families: [family_id]\n", ""))
    with pytest.raises(InputError, match="names no families"):
        resolve_recipe(Experiment(**base, waves=["ses-1"]), Registry(copy / "kb"), "cha_dev")
