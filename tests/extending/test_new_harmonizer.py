"""A harmonization method is one module and one line in `HARMONIZERS`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.harmonization import harmonization_table
from neurogenomics_kb.registry import HarmonizationMethod, Registry
from neurogenomics_kb.registry.cards.harmonization import HARMONIZERS
from tests.extending.small_run import study_of
from tests.extending.toys.median_shift import MedianShiftMethod
from tests.pipelines.conftest import make_recipe


@pytest.fixture
def added(monkeypatch):
    place = "tests.extending.toys.median_shift:build"
    monkeypatch.setitem(HARMONIZERS, "median_shift", Part(MedianShiftMethod, place))


def without_regression(method: HarmonizationMethod):
    recipe = make_recipe()
    brain = recipe.blocks["brain"]
    kept = [step for step in brain.preprocessing if step.step != "residualize"]
    blocks = {**recipe.blocks, "brain": brain.model_copy(update={"preprocessing": kept})}
    return recipe.model_copy(update={"harmonization": method, "blocks": blocks})


def test_it_runs_in_folds_and_the_audit_tells_what_it_did(added):
    method = HarmonizationMethod(id="shift", method="median_shift", modalities=["smri"])
    study = study_of(without_regression(method), n=240)
    assert study.recipe.harmonization == method
    table = harmonization_table(study.recipe, study.cohort, study.blocks, study.folds, [])
    site = table[table["target"] == "site"].iloc[0]
    assert site["reference"] > 0.5
    assert site["value"] < site["reference"] - 0.1
    idle = method.model_copy(update={"strength": 0.0})
    other = study_of(without_regression(idle), n=240)
    same = harmonization_table(other.recipe, other.cohort, other.blocks, other.folds, [])
    assert same.iloc[0]["value"] == pytest.approx(same.iloc[0]["reference"])


def test_its_cards_are_checked(added, tmp_path):
    place = tmp_path / "integration_cards"
    place.mkdir()
    file = place / "harmonization_methods.yaml"
    file.write_text("shift: {method: median_shift, modalities: [smri], strength: 0.5}\n")
    assert Registry(tmp_path).validate() == []
    file.write_text("shift:\n  method: median_shift\n  strenght: 0.5\n")
    problem = Registry(tmp_path).validate()[0]
    assert (problem.line, problem.field) == (3, "shift.strenght")
    assert "did you mean 'strength'" in problem.message
    file.write_text("shift:\n  method: combat\n  strength: 0.5\n")
    assert "'combat' does not read strength" in Registry(tmp_path).validate()[0].message


def test_unknown_methods_are_refused(tmp_path):
    place = tmp_path / "integration_cards"
    place.mkdir()
    (place / "harmonization_methods.yaml").write_text("x:\n  title: y\n  method: combt\n")
    problem = Registry(tmp_path).validate()[0]
    assert (problem.line, problem.field) == (3, "x.method")
    assert "'combat_gam'" in problem.message
    assert "did you mean 'combat'" in problem.message
    with pytest.raises(InputError, match="no harmonization method 'combt', did you mean 'combat'"):
        HarmonizationMethod(id="x", method="combt")
    with pytest.raises(ValidationError):
        HarmonizationMethod.model_validate({"id": "x", "method": "combt"})
