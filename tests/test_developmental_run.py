"""`--env cha_dev` from raw files of simulated children to the report."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from neurogenomics_kb.pipelines.simulation.children import write_children
from neurogenomics_kb.simulate.children import ChildrenSettings

QUICK = {
    "id": "children",
    "fusion": "fusion_cha_dev_v1",
    "dataset": "cha_dev_longitudinal",
    "outcome": "developmental_delay",
    "folds": {"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id", "seed": 1},
    "exchangeability": [{"column": "family_id"}, {"column": "child_id"}],
    "exchange_rows": False,
    "analyses": ["cca", "prediction"],
    "algorithms": ["linear"],
    "n_permutations": 99,
    "n_bootstraps": 0,
}


@pytest.fixture(scope="module")
def children(tmp_path_factory):
    folder = tmp_path_factory.mktemp("children") / "raw"
    # Half a minute of EEG in one visit of three keeps this short.
    write_children(folder, ChildrenSettings(n_children=110, eeg_seconds=24, eeg_share=0.4))
    return folder


def run(project, children, **experiment):
    config = project.path / "children.yml"
    eeg = {"quality": {"min_clean_segments": 8}}
    params = {"experiment": {**QUICK, **experiment}, "eeg": eeg}
    config.write_text(yaml.safe_dump({"run": {"env": "cha_dev", "params": params}}))
    project.run("--config", str(config), NGKB_CHA_DEV_DIR=str(children))
    return project.outputs("cha_dev", params["experiment"]["id"])


def test_all_visits_of_three_modalities(project, children):
    out = run(project, children)
    metrics = pd.read_csv(out / "metrics.csv")
    assert {"brain", "eeg", "behaviour", "fusion", "covariates"} <= set(metrics["model"])
    auc = metrics[metrics["metric"] == "auroc"].set_index(["model", "variant"])["value"]
    # Items load on factors that diagnoses shift.
    assert auc["behaviour", "adjusted"] > 0.65
    card = yaml.safe_load(project.results[-1].read_text())
    assert card["cohort"] == "cha_dev"
    flow = {step["step"]: step for step in card["sample_flow"]}
    assert any("Euler" in step for step in flow)
    assert any("eeg" in step for step in flow)
    report = next((project.path / "data/08_reporting/cha_dev").rglob("report.html")).read_text()
    assert "family_id" in report


def test_a_later_wave_from_an_earlier_one(project, children):
    fewer = {"fusion": None, "blocks": {"brain": "smri_cha_dev_pca64_v1"}}
    plan = {"features": "ses-1", "outcome": "ses-2"}
    out = run(
        project, children, **fewer, id="prospective", prospective=plan, analyses=["prediction"]
    )
    predictions = pd.read_parquet(out / "predictions.parquet")
    assert predictions.index.str.endswith("_ses-1").all()
    sessions = pd.read_csv(children / "sessions.tsv", sep="\t")
    second = set(sessions.loc[sessions["session_id"] == "ses-2", "participant_id"])
    assert set(predictions.index.str.removesuffix("_ses-1")) <= second


@pytest.mark.slow
def test_longitudinal_combat_takes_the_scanner_out_and_leaves_age(project, children):
    plan = {
        "fusion": None,
        "blocks": {"brain": "smri_cha_dev_pca64_v1"},
        "harmonization": "longitudinal_combat",
        "analyses": ["prediction", "audit"],
    }
    audit = pd.read_csv(run(project, children, id="longitudinal", **plan) / "audit.csv")
    own = audit[audit["check"] == "harmonization"]
    site = own[own["unit"].eq("balanced accuracy")]
    age = own[own["unit"].eq("R²")]
    # `reference` is what was found without harmonization.
    assert site["value"].item() < 0.75 < site["reference"].item()
    assert age["value"].item() > age["reference"].item() - 0.1


def test_the_ladder_keeps_children_who_lack_a_block(project, children):
    """Most visits have no EEG; the shipped experiment with its quick rung."""
    shipped = yaml.safe_load(
        (project.path / "conf/experiments/11_ladder_developmental.yml").read_text()
    )
    ladder = shipped["run"]["params"]["experiment"]
    ladder |= {"folds": QUICK["folds"], "ladder": ["interaction_product_kernel"]}
    out = run(project, children, **ladder, exchangeability=None, exchange_rows=True)
    choice = pd.read_csv(out / "ladder_choice.csv").iloc[0]
    rungs = pd.read_csv(out / "ladder_rungs.csv").set_index("rung")
    assert {"late fusion", "interaction_product_kernel", "masks only"} <= set(rungs.index)
    assert 0 < choice["p_masks"] <= 1
    card = yaml.safe_load(project.results[-1].read_text())
    lacking = [line for line in card["warnings"] if "people lack it" in line]
    assert any(line.startswith("Block 'eeg'") for line in lacking)
    cohort = pd.read_parquet(
        project.path / "data/05_model_input/cha_dev/11_ladder_developmental/cohort.parquet"
    )
    assert len(cohort) == choice["n"] > 150
    assert card["headline"][0].startswith(("Use ", "Stay at late fusion: "))
