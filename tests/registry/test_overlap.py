"""What an encoder has seen before is said for every cohort it was trained on, and for no other."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from neurogenomics_kb.pipelines.recipe.nodes import write_recipe
from neurogenomics_kb.pipelines.reporting.cautions import general_cautions
from neurogenomics_kb.registry import Experiment, Registry
from neurogenomics_kb.registry.cards import PretrainingCohorts
from neurogenomics_kb.registry.overlap import cohort_key, seen_before
from neurogenomics_kb.registry.recipe import Recipe
from tests.conftest import ROOT
from tests.pipelines.conftest import make_recipe, make_strategy

SOURCE = "doi:10.1000/x"
NAMES = ["ukb", "hcp", "abcd", "hbn", "adni", "mass_general_brigham", "cha_dev", "toy"]


def recipe_of(cohort="toy", encoders=None, drawn_from=(), blocks=None) -> Recipe:
    """Recipe on a cohort, with a block per encoder (None for a block without one)."""
    base = make_recipe()
    blocks = blocks or {
        f"block_{name}": base.blocks["brain"].model_copy(update={"encoder": name, "features": []})
        for name in encoders or {}
    }
    dataset = base.dataset.model_copy(update={"cohort": cohort, "drawn_from": list(drawn_from)})
    return base.model_copy(
        update={
            "cohort": cohort,
            "dataset": dataset,
            "blocks": {**base.blocks, **blocks},
            "pretraining": {n: p for n, p in (encoders or {}).items() if p is not None},
        }
    )


def trained(*cohorts, reason="") -> PretrainingCohorts:
    reason = reason or ("" if cohorts else "nobody")
    return PretrainingCohorts(cohorts=list(cohorts), reason=reason, source=SOURCE)


def test_every_overlap_is_told_and_nothing_else():
    rng = np.random.default_rng(20)
    told = 0
    for _ in range(300):
        cohort = str(rng.choice(NAMES))
        others = rng.choice(NAMES, int(rng.integers(0, 3)), replace=False).tolist()
        encoders = {
            f"net{i}": trained(*rng.choice(NAMES, int(rng.integers(0, 5)), replace=False))
            for i in range(int(rng.integers(1, 4)))
        }
        own = {cohort, *others}
        warnings = seen_before(recipe_of(cohort, encoders, others))
        expected = [n for n, p in encoders.items() if own & set(p.cohorts)]
        assert [w.split("'")[3] for w in warnings] == expected
        for name, warning in zip(expected, warnings, strict=True):
            assert f"pretrained on {', '.join(encoders[name].cohorts)}." in warning
            for shared in own & set(encoders[name].cohorts):
                assert shared in warning.split("belong to")[1]
        told += len(expected)
    assert told > 100


def test_spellings_of_a_cohort_are_one():
    assert {cohort_key(n) for n in ("ukb", "UKB", "UK Biobank", "uk-biobank", "UKBB")} == {"ukb"}
    assert cohort_key("HCP_A") != cohort_key("hcp")
    rng = np.random.default_rng(3)
    for name in NAMES:
        for _ in range(20):
            spelled = "".join(c.upper() if rng.random() < 0.5 else c for c in name)
            spelled = spelled.replace("_", str(rng.choice(["_", "-", " ", ".", ""])))
            assert cohort_key(spelled) == cohort_key(name)
    assert seen_before(recipe_of("UK-Biobank", {"net": trained("ukb")}))


def test_unknown_cohorts_are_told_with_the_reason():
    unknown = PretrainingCohorts(cohorts="unknown", reason="the authors do not say", source=SOURCE)
    (warning,) = seen_before(recipe_of("toy", {"net": unknown}))
    assert "not known (the authors do not say)" in warning
    assert seen_before(recipe_of("toy", {"net": trained()})) == []
    assert seen_before(recipe_of("toy")) == []


def test_scores_are_told_beside_encoders():
    scores = make_strategy("pgs_v1", "genomics", ["pgs"], discovery_sample="PGC without toy")
    recipe = recipe_of("toy", {"net": trained("toy")}, blocks=None)
    recipe = recipe.model_copy(update={"blocks": {**recipe.blocks, "pgs": scores}})
    first, second = seen_before(recipe)
    assert "'net'" in first
    assert "discovery sample: PGC without toy" in second
    assert general_cautions(recipe)[:2] == [first, second]


def test_the_recipe_survives_its_file():
    recipe = recipe_of("ukb", {"net": trained("ukb", "abcd")})
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


SHIPPED = {
    "swift": ("rsfmri_swift_segments_v1", {"ukb", "hcp", "abcd"}),
    "brainlm": ("rsfmri_brainlm_segments_v1", {"ukb", "hcp"}),
    "brain_jepa": ("rsfmri_brainjepa_roi_v1", {"ukb"}),
    "brain_harmony": ("rsfmri_brain_harmony_v1", {"ukb", "abcd"}),
}


@pytest.mark.parametrize("encoder", SHIPPED)
def test_shipped_encoders_on_uk_biobank_are_logged_when_the_recipe_is_written(encoder, caplog):
    strategy, cohorts = SHIPPED[encoder]
    experiment = Experiment(
        id="e", dataset="ukb_manifest_stub", blocks={"brain": strategy}, outcome="mdd_diagnosis",
        analyses=["prediction"],
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        recipe = write_recipe(experiment, "ukb", Registry(ROOT / "kb"))
    told = [r.getMessage() for r in caplog.records if f"'{encoder}'" in r.getMessage()]
    assert len(told) == 1
    assert all(name in told[0] for name in cohorts)
    assert set(recipe.pretraining[encoder].cohorts) == cohorts
    assert told[0] in general_cautions(recipe)
