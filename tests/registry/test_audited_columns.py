"""Which columns the audit reads, and what a card may say of an outcome."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from neurogenomics_kb.registry.cards import Column
from neurogenomics_kb.registry.cards.datasets import Visits
from tests.pipelines.conftest import make_recipe


def recipe_with(**columns):
    recipe = make_recipe()
    recipe.dataset.tables["participants"].columns.update(
        {name: Column(name=name, **known) for name, known in columns.items()}
    )
    return recipe


def test_sites_batches_cohorts_and_waves_are_audited():
    recipe = recipe_with(
        scanner={"type": "category", "role": "site"},
        plate={"type": "category", "role": "batch"},
        study={"role": "cohort"},
        visit={"role": "wave"},
    )
    assert recipe.audited_columns == ["scanner", "plate", "study", "visit"]
    assert recipe.wave_columns == ["visit"]
    assert recipe.columns["study"].type == "category"  # codes are names
    visits = recipe.dataset.model_copy(update={"visits": Visits.model_construct(
        subject="child", wave="session", age=None, windows={}, constant=[])})  # fmt: skip
    repeated = recipe.model_copy(update={"dataset": visits})
    assert repeated.audited_columns == ["scanner", "plate", "study", "visit", "session"]
    assert repeated.wave_columns == ["visit", "session"]


def test_names_that_nothing_declares_may_be_groups():
    recipe = recipe_with(
        household={"type": "text", "role": "group"},
        teacher={"type": "category"},
        person={"type": "text", "role": "id"},
        plate={"type": "category", "role": "batch"},
        income={},
    )
    # The family is declared, plates are audited, a person's id is one of everybody.
    assert recipe.grouping_columns == ["sex", "site", "household", "teacher"]
    free = recipe.experiment.model_copy(update={"exchangeability": None})
    free = free.model_copy(update={"folds": free.folds.model_copy(update={"group": None})})
    free = recipe.model_copy(update={"experiment": free})
    assert "family_id" in free.grouping_columns


@pytest.mark.parametrize("share", ["heritability", "reliability"])
def test_shares_of_an_outcome_lie_between_nothing_and_all(share):
    assert getattr(Column(name="mdd"), share) is None
    assert getattr(Column(name="mdd", **{share: 0.37}), share) == 0.37
    for wrong in (-0.01, 1.01):
        with pytest.raises(ValidationError):
            Column(name="mdd", **{share: wrong})


def test_prevalence_is_neither_nobody_nor_everybody():
    assert Column(name="mdd", prevalence=0.15).prevalence == 0.15
    for wrong in (0, 1):
        with pytest.raises(ValidationError):
            Column(name="mdd", prevalence=wrong)
