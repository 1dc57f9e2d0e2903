"""Every rung's card, as it stands in the knowledge base, runs and has its row."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.calibration.ladder import run_ladder
from neurogenomics_kb.pipelines.integration.analyses.ladder import climb
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.predictors import predictors_of
from neurogenomics_kb.simulate import ladder as drawn

KB = Registry("kb")
CARDS = {i: KB.get(i, "alignment") for i in KB.ids("alignment")}
RUNGS = {i: card for i, card in CARDS.items() if card.stage != "language_bridge"}


def test_no_card_of_the_ladder_is_planned():
    assert all(card.status == "ready" for card in CARDS.values())
    assert {card.stage for card in RUNGS.values()} == {
        "stacking", "interaction", "two_tower_contrastive", "hub_tokens",
    }  # fmt: skip


def costly(card_id):
    """Hundreds of trees per fit."""
    return pytest.mark.slow if RUNGS[card_id].stage == "stacking" else ()


@pytest.mark.parametrize("card_id", [pytest.param(i, marks=costly(i)) for i in RUNGS])
def test_a_card_runs_with_its_own_settings(card_id):
    """On few people: what a rung is worth is measured elsewhere."""
    card = RUNGS[card_id]
    cohort = drawn.sparse_motif(n=130, tokens=5, components=2, seed=0)

    def with_card(recipe):
        options, _ = predictors_of(card.rung.predictors, KB)
        experiment = recipe.experiment.model_copy(update={"ladder": [card_id]})
        return recipe.model_copy(
            update={
                "experiment": experiment, "rungs": {card_id: card}, "rung_predictors": options,
            }
        )  # fmt: skip

    any_rung = {"one": {"type": "pooled_tokens"}}
    found = run_ladder(cohort, any_rung, n_splits=3, changed=with_card)
    rungs = found["ladder_rungs"].set_index("rung")
    assert rungs.loc[card_id, "role"] == climb.CANDIDATE
    assert rungs.loc[card_id, "stage"] == card.stage
    assert 0 < rungs.loc[card_id, "value"] <= 1
    assert rungs.loc[card_id, "reason"] == ""
    assert [r["rung"] for r in found["decision"]["needs"]] == [card_id]
    assert found["decision"]["needs"][0]["people"] == card.people
    against = found["ladder_comparisons"].set_index(["rung", "reference"])
    assert np.isfinite(against.loc[(card_id, climb.LATE), "p_adjusted"])
