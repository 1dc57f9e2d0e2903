"""The experiment of the ladder as a user runs it: what to do and why comes first."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

LADDER = ["ensemble_stacking", "ensemble_stacking_joint", "interaction_product_kernel",
          "two_tower_gene_brain", "hub_tokens_tape"]  # fmt: skip
SMALL = {
    "blocks": {"gene": "genetics_pgs_20traits", "brain": "smri_free_surfer_thickness_pca32_v1"},
    "analyses": ["prediction", "ladder"],
    "algorithms": ["linear"],
    "folds": {"n_splits": 3},
    "associations": [],
    "attribution_block": None,
    "missing_confounds": "drop",
}


def check(project, ladder, outputs):
    card = yaml.safe_load(project.results[-1].read_text())
    assert card["headline"][0].startswith(("Use ", "Stay at late fusion: "))
    assert card["decision"]["says"] == card["headline"][0]
    assert set(card["decision"]["needs"][0]) == {"rung", "people", "minutes"}
    assert "ladder_rungs" in card["tables"]
    beside = project.results[-1].with_suffix("") / "ladder_rungs.csv"
    rungs = pd.read_csv(beside, keep_default_na=False).set_index("rung")
    assert set(ladder) <= set(rungs.index)
    assert (rungs.loc[ladder, "reason"] == "").all()
    choice = pd.read_csv(outputs / "ladder_choice.csv").iloc[0]
    assert 0 < choice["p_raw"] <= 1
    cards = project.path / "kb/decisions/local"
    name = f"escalation-{card['cohort']}-{card['experiment']}.yaml"
    decision = yaml.safe_load((cards / name).read_text())
    assert decision["decision"].startswith(card["headline"][0])
    return card


def test_a_rung_through_the_command_line(project):
    """One cheap rung, so that it runs with every change."""
    ladder = ["interaction_product_kernel"]
    project.run(*project.changed(**SMALL, ladder=ladder))
    card = check(project, ladder, project.outputs())
    assert "interaction_product_kernel" in card["cards"]
    assert "product_kernel" in card["cards"]


@pytest.mark.slow
def test_every_rung_through_the_command_line(project):
    project.run(*project.changed(**SMALL, ladder=LADDER))
    check(project, LADDER, project.outputs())


@pytest.mark.slow
def test_the_shipped_experiment(project):
    project.run("--config", "conf/experiments/09_ladder_gene_brain.yml")
    check(project, LADDER, project.outputs(experiment="09_ladder_gene_brain"))
