"""Harmonization cards inside the integration: fold-safe, told about, refused where it must be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.harmonization import (
    check_external,
    harmonization_sentences,
    harmonization_table,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.verdict import judge_audit
from neurogenomics_kb.pipelines.integration.projection import project_blocks
from neurogenomics_kb.registry.cards import HarmonizationMethod
from neurogenomics_kb.registry.recipe import check_recipe

pytestmark = pytest.mark.filterwarnings("ignore:.*fewer than 30 subjects")

SMRI = {"modalities": ["smri"]}
CARDS = {
    "combat": {"method": "combat", "preserve": ["age", "sex"]},
    "mean_only": {"method": "combat", "preserve": ["age", "sex"], "mean_only": True},
    "reference": {"method": "combat", "preserve": ["age"], "reference": "north"},
    "controls": {"method": "combat", "preserve": ["age"], "fit_on": {"diagnosis": [0]}},
    "gam": {"method": "combat_gam", "preserve": ["sex"], "smooth": ["age"]},
    "covbat": {"method": "covbat", "preserve": ["age", "sex"]},
    "longitudinal": {
        "method": "longitudinal_combat",
        "preserve": ["age", "sex"],
        "subject": "child_id",
    },
    "unlearning": {"method": "unlearning", "preserve": ["age", "sex"], "epochs": 3, "dim": 4},
}


def card(name: str) -> HarmonizationMethod:
    return HarmonizationMethod(id=name, **SMRI, **CARDS[name])


@pytest.fixture
def study():
    """Cohort, one block and folds; two visits of each child in the same fold."""
    rng = np.random.default_rng(0)
    n = 160
    ids = pd.Index([f"sub-{i:03d}" for i in range(n)], name="subject_id")
    site = rng.choice(["north", "south", "west"], n)
    age, male = rng.uniform(40, 80, n), rng.random(n) < 0.5
    cohort = pd.DataFrame(
        {
            "age": age,
            "sex": np.where(male, "male", "female"),
            "site": site,
            "child_id": [f"c{i // 2}" for i in range(n)],
            "diagnosis": (rng.random(n) < 0.4).astype(float),
        },
        index=ids,
    )
    shift = pd.DataFrame(rng.normal(size=(3, 8)), index=["north", "south", "west"]).loc[site]
    values = (
        shift.to_numpy() * 1.5
        + 0.05 * (age - 60)[:, None]
        + male[:, None] * np.linspace(-1.5, 1.5, 8)
    )
    columns = [f"smri__thickness__R{i}" for i in range(8)]
    block = pd.DataFrame(values + rng.normal(size=(n, 8)), index=ids, columns=columns)
    folds = pd.Series(np.arange(n) // 2 % 4, index=ids, name="fold")
    return cohort, {"brain": block}, folds


def with_card(recipe, name: str):
    """The toy recipe with one block, whose site is not regressed out, and a harmonization."""
    brain = recipe.blocks["brain"]
    kept = [s for s in brain.preprocessing if s.step != "residualize"]
    blocks = {"brain": brain.model_copy(update={"preprocessing": kept})}
    return recipe.model_copy(update={"blocks": blocks, "harmonization": card(name)})


@pytest.mark.parametrize("name", CARDS)
def test_test_subjects_change_nothing_that_training_subjects_see(recipe, study, name):
    cohort, blocks, folds = study
    chosen = with_card(recipe, name)
    test = (folds == 0).to_numpy()
    before, _ = project_blocks(chosen, cohort, blocks, folds)
    moved = {"brain": blocks["brain"].copy()}
    moved["brain"].loc[test] = moved["brain"].loc[test] * 5 - 20
    after, _ = project_blocks(chosen, cohort, moved, folds)
    inside = "brain-adjusted-0"
    pd.testing.assert_frame_equal(before[inside][~test], after[inside][~test])
    # In the other folds these subjects train, so the same change must be seen.
    assert not np.allclose(before["brain-adjusted-1"][~test], after["brain-adjusted-1"][~test])


def test_labels_of_test_subjects_are_not_looked_at(recipe, study):
    cohort, blocks, folds = study
    chosen, test = with_card(recipe, "controls"), (folds == 0).to_numpy()
    before, _ = project_blocks(chosen, cohort, blocks, folds)
    turned = cohort["diagnosis"].where(~test, 1 - cohort["diagnosis"])
    after, _ = project_blocks(chosen, cohort.assign(diagnosis=turned), blocks, folds)
    pd.testing.assert_frame_equal(before["brain-adjusted-0"], after["brain-adjusted-0"])
    # In the other folds these labels say who teaches.
    assert not np.allclose(before["brain-adjusted-1"], after["brain-adjusted-1"])


@pytest.mark.parametrize("name", ["combat", "gam", "covbat", "longitudinal"])
def test_a_run_tells_what_harmonization_did(recipe, study, name):
    cohort, blocks, folds = study
    chosen = with_card(recipe, name)
    table = harmonization_table(chosen, cohort, blocks, folds, [])
    assert table["target"].tolist()[0] == "site"
    assert set(table["target"]) == {"site", "age", "sex"}
    site = table.iloc[0]
    assert site["reference"] > 0.8
    assert site["value"] < 0.5
    verdict = judge_audit(chosen, table)
    assert verdict == harmonization_sentences(chosen, table)
    assert [line["level"] for line in verdict] == ["ok"]
    assert f"{name}: site is told with balanced accuracy 0." in verdict[0]["text"]
    worse = table.assign(value=table["reference"] - 0.3 * (table["target"] == "age"))
    line = harmonization_sentences(chosen, worse)[0]
    assert line["level"] == "caution"
    assert "Most of site is still there" in line["text"]
    assert "partly lost: age" in line["text"]


def test_without_harmonization_nothing_is_told(recipe, study):
    assert harmonization_table(recipe, *study, []).empty


def test_an_external_method_needs_its_manifest(recipe, study):
    cohort, _, _ = study
    murd = HarmonizationMethod(id="murd", method="external", **SMRI)
    outside = recipe.model_copy(update={"harmonization": murd})
    assert check_external(recipe, cohort, NotCollected("smri")) == []
    with pytest.raises(InputError, match="cohort 'toy' has no manifest of it"):
        check_external(outside, cohort, NotCollected("smri"))
    manifest = {
        "program": "MURD 1.0",
        "trained_subjects": [],
        "trained_sites": ["north", "south", "west"],
        "harmonized_subjects": list(cohort.index),
    }
    notes = check_external(outside, cohort, manifest)
    verdict = judge_audit(outside, harmonization_table(outside, *study, notes))
    assert [line["level"] for line in verdict] == ["ok"]
    seen = {**manifest, "trained_subjects": list(cohort.index[:20])}
    with pytest.raises(InputError, match="20 of 160 subjects"):
        check_external(outside, cohort, seen)
    accepted = outside.model_copy(
        update={"harmonization": murd.model_copy(update={"accept_trained_subjects": True})}
    )
    verdict = judge_audit(
        accepted,
        harmonization_table(accepted, *study, check_external(accepted, cohort, seen)),
    )
    assert [line["level"] for line in verdict] == ["caution", "ok"]


def test_leave_one_out_cannot_follow_unlearning(recipe):
    experiment = recipe.experiment.model_copy(
        update={"analyses": ["prediction", "logo"], "attribution_block": "brain"}
    )
    mixed = recipe.model_copy(
        update={"harmonization": card("unlearning"), "experiment": experiment}
    )
    with pytest.raises(InputError, match="leave-one-out of block 'brain' cannot follow"):
        check_recipe(mixed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "combat", "smooth": ["age"]}, "'combat' does not read smooth"),
        ({"method": "combat_gam", "preserve": ["sex"]}, "needs `smooth`"),
        ({"method": "longitudinal_combat"}, "needs `subject`"),
        ({"method": "unlearning"}, "needs `preserve`"),
        ({"method": "none", "mean_only": True}, "'none' does not read mean_only"),
        (
            {"method": "unlearning", "preserve": ["age"], "unseen": "estimate_unlabelled"},
            "nothing to estimate",
        ),
    ],
)
def test_cards_with_options_of_another_method_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        HarmonizationMethod(id="card", **fields)
