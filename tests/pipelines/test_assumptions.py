"""Whole runs on cohorts that break an assumption, and on their clean twins."""

from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.calibration.cohorts import CohortSettings, make_recipe, simulate_tables
from neurogenomics_kb.calibration.violations import tables_of
from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import (
    CHECKS,
    SENSITIVITY,
)
from neurogenomics_kb.simulate.outcome_blocks import (
    DiffuseBlock,
    SymptomScales,
    draw_diffuse,
    draw_scales,
)
from neurogenomics_kb.simulate.violations import Violation, simulate_violation
from tests.pipelines.whole_run import run_whole

FIRST = 3


def report_of(settings: Violation, seed: int = 0, **experiment):
    related = settings.extended is not None or max(settings.family_sizes) > 1
    recipe = make_recipe(
        CohortSettings(ancestry=0, family_sizes=(1, 2) if related else (1,)),
        **{"analyses": ["cca"], "n_permutations": 199, **experiment},
    )
    drawn = simulate_violation(settings, seed)
    participants, features = tables_of(drawn)
    return run_whole(recipe, participants.rename_axis("participant_id").reset_index(), features)


@pytest.fixture(scope="module")
def clean():
    return report_of(Violation(axis=0.5))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Violation(age_squared=0.6), "confounds act as curves or interactions on both blocks"),
        (Violation(site_scales=(0.5, 1, 2, 4)), "noise is larger for some people in both blocks"),
    ],
    ids=["age²", "unequal noise"],
)
def test_the_first_sentences_say_it_and_those_of_the_clean_twin_do_not(clean, settings, words):
    view, found = report_of(settings)
    assert words in " ".join(view.findings[:FIRST])
    assert not any(words in line for line in clean[0].findings)
    CHECKS.check(found["integration.assumptions"])
    SENSITIVITY.check(found["integration.sensitivity"])
    [section] = [s for s in view.sections if s.id == "assumptions"]
    assert words in section.model_dump_json()


def test_the_clean_twin_says_what_it_could_have_seen(clean):
    view, found = clean
    assert set(found["integration.assumptions"]["answer"]) == {"ok"}
    told = " ".join(v.text for v in view.verdict)
    for check in ("curves and interactions of confounds", "unequal noise", "unequal noise by site"):
        assert check in told


def test_rows_of_one_length_are_the_test_where_they_are_asked_for():
    view, found = report_of(Violation(site_scales=(0.5, 1, 2, 4)), unit_rows=True)
    assert found["integration.cca"]["method"].str.contains("rows of one length").all()
    assert "made on rows of one length" in view.findings[0]
    # The richer design keeps the setting: without it the noise alone gives 0.6 and p = 0.005.
    sensitivity = found["integration.sensitivity"]
    assert (sensitivity[sensitivity["component"] == 1]["p_adjusted"] > 0.05).all()
    assert set(found["integration.sensitivity"]["design"]) == {
        "as on the card", "with curves and interactions"
    }  # fmt: skip


def test_too_many_curves_are_not_told():
    """Ten confounds bring forty curves and products, more than a fifth of 150 people."""
    drawn = simulate_violation(Violation(n=150), 0)
    participants, features = tables_of(drawn)
    for k in range(10):
        participants[f"pc{k + 1}"] = drawn.x[:, 0] * 0.1 + drawn.age[(drawn.site * 7 + k) % 150]
    recipe = make_recipe(CohortSettings(ancestry=10), analyses=["cca"], n_permutations=99)
    _, found = run_whole(recipe, participants.rename_axis("participant_id").reset_index(), features)
    checks = found["integration.assumptions"]
    line = checks[checks["check"].str.startswith("curves")].iloc[0]
    assert line["answer"] == "not told"
    assert "curves and products for" in line["detail"]
    # 99 permutations cannot reach a level of 0.015 by enough.
    assert set(found["integration.sensitivity"]["design"]) == {"as on the card"}


def test_few_permutations_never_give_an_ok():
    _, found = report_of(Violation(), n_permutations=39)
    checks = found["integration.assumptions"]
    by_check = dict(zip(checks["check"], checks["answer"], strict=True))
    assert by_check["unequal noise"] == "not told"


@pytest.mark.parametrize("reached", [0.95, 0.80])
def test_scales_of_the_diagnosis_are_said_first_and_a_diffuse_block_is_not(reached):
    """Ten questionnaires that the diagnosis was made from, and features that tell it as well."""
    scales, diffuse = SymptomScales(n=260, auc=reached), DiffuseBlock(n=260, auc=0.9)
    for block, draw in ((scales, draw_scales), (diffuse, draw_diffuse)):
        shape = CohortSettings(n=260, confounding=0.0)
        recipe = make_recipe(shape, analyses=["prediction", "audit"], n_permutations=199)
        participants, features, _ = simulate_tables(shape, 1)
        participants["diagnosis"], values = draw(block, 1)
        names = [f"smri__thickness__R{k}" for k in range(values.shape[1])]
        features["smri"] = pd.DataFrame(values, participants.index, names)
        told = participants.rename_axis("participant_id").reset_index()
        view, _ = run_whole(recipe, told, features)
        words = "block brain tells diagnosis"
        if block is scales:
            assert words in " ".join(view.findings[:FIRST]).lower()
        else:
            assert not any(words in line.lower() for line in view.findings)
