"""A preprocessing step is one module and one line in `STEPS`."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards.strategies import STEPS
from tests.extending.small_run import study_of
from tests.extending.toys.signed_log import SignedLogOptions, signed_log
from tests.pipelines.conftest import make_recipe


@pytest.fixture
def added(monkeypatch):
    place = "tests.extending.toys.signed_log:build"
    monkeypatch.setitem(STEPS, "signed_log", Part(SignedLogOptions, place))


def test_it_runs_where_the_card_puts_it(added):
    recipe = make_recipe(algorithms=["linear"], analyses=["prediction"])
    brain = recipe.blocks["brain"]
    first = STEPS.validate({"step": "signed_log", "unit": 0.5})
    changed = brain.model_copy(update={"preprocessing": [first, *brain.preprocessing]})
    study = study_of(recipe.model_copy(update={"blocks": {**recipe.blocks, "brain": changed}}))
    available = ["age", "sex", "site", "income"]
    table = study.blocks["brain"].join(study.cohort[available])
    steps = build_transformer(study.recipe, "brain", available)
    assert [name for name, _ in steps.steps][1] == "0_signed_log"
    out = steps[:2].fit_transform(table)
    np.testing.assert_allclose(
        out[study.blocks["brain"].columns], signed_log(study.blocks["brain"], 0.5)
    )
    _, metrics, _ = study.predict()
    assert metrics["value"].notna().any()


def test_its_cards_are_checked(added, tmp_path):
    place = tmp_path / "integration_cards"
    place.mkdir()
    file = place / "embedding_strategies.yaml"
    text = "a_v2:\n  modality: smri\n  features: [x]\n  status: planned\n  reason: toy\n"
    file.write_text(f"{text}  preprocessing:\n    - {{step: signed_log, unit: 2}}\n")
    assert Registry(tmp_path).validate() == []
    file.write_text(f"{text}  preprocessing:\n    - step: signed_log\n      unit: 0\n")
    problem = Registry(tmp_path).validate()[0]
    assert problem.field == "a_v2.preprocessing.0.signed_log.unit"
    file.write_text(f"{text}  preprocessing:\n    - {{step: sined_log}}\n")
    assert "did you mean 'signed_log'" in Registry(tmp_path).validate()[0].message
