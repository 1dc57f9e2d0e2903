"""A brain strategy on the demo cohort, with a random model of the real architecture."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from tests.brain.tiny_models import save_brainlm

EXPERIMENT = {
    "id": "brain_fm",
    "blocks": {"brain": "rsfmri_brainlm_segments_v1"},
    "outcome": "mdd_diagnosis",
    "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id", "seed": 1},
    "analyses": ["prediction"],
    "algorithms": ["linear"],
    "rivals": False,
}


def test_without_weights_the_run_says_what_to_do(project):
    done = project.kedro("run", "--pipeline=fmri", *project.changed(**EXPERIMENT))
    assert done.returncode == 1
    error = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(error) == 1
    assert "vandijklab/brainlm" in error[0]
    assert "NGKB_MODEL_DIR" in error[0]


@pytest.mark.slow
def test_strategy_runs_as_it_is_written(project, tmp_path):
    demo = project.path / "data/01_raw/demo/timeseries"
    parcels = pd.read_csv(next(demo.glob("*.tsv")), sep="\t").shape[1]
    save_brainlm(tmp_path / "vandijklab/brainlm/vitmae_111M", parcels)
    project.run(*project.changed(**EXPERIMENT), NGKB_MODEL_DIR=str(tmp_path))
    file = project.path / "data/02_intermediate/demo/fmri/encoding.json"
    note = json.loads(file.read_text())["brainlm"]
    assert note["acquisition"] == "hcp_like_minimal"
    assert (note["recorded_tr_s"], note["tr_s"]) == (2.0, 0.735)
    assert note["subjects_embedded"] + sum(note["subjects_dropped"].values()) == note["subjects"]
    # 110 frames of 2 s are 299 of 0.735 s, and so 17 windows of 32 at every 16th.
    assert note["segments"] == 17 * note["runs"]
    features = pd.read_parquet(project.path / "data/04_feature/demo/fmri.features.parquet")
    own = [c for c in features if c.startswith("fmri__brainlm__")]
    assert len(own) == 16
    assert len(features) == note["subjects_embedded"]
    assert features[own].notna().all(axis=None)
    metrics = pd.read_csv(project.outputs(experiment="brain_fm") / "metrics.csv")
    assert {"brain", "brain + covariates", "covariates"} <= set(metrics["model"])
    flow = pd.read_csv(project.path / "data/05_model_input/demo/brain_fm/sample_flow.csv")
    steps = "; ".join(flow["step"])
    for reason in note["subjects_dropped"]:
        assert f"fmri: brainlm: {reason}" in steps


@pytest.mark.slow
def test_a_brain_encoder_beside_its_rivals(project, tmp_path):
    """The experiment as it is shipped: its rivals and three twins come by themselves."""
    demo = project.path / "data/01_raw/demo/timeseries"
    parcels = pd.read_csv(next(demo.glob("*.tsv")), sep="\t").shape[1]
    save_brainlm(tmp_path / "vandijklab/brainlm/vitmae_111M", parcels)
    done = project.run(
        "--config", "conf/experiments/10_rivals_brain_encoders.yml", NGKB_MODEL_DIR=str(tmp_path)
    )
    log = done.stdout + done.stderr
    assert "fmri: rivals: 3 twins with random weights each go over the runs of" in log
    assert "so its 3 twins take about" in log
    features = pd.read_parquet(project.path / "data/04_feature/demo/fmri.features.parquet")
    groups = features.columns.str.split("__").str[1].value_counts()
    twins = [f"brainlm_random_{seed}" for seed in range(3)]
    assert (groups[["brainlm", *twins]] == 16).all()
    assert groups["coskewness"] == parcels * (parcels + 1) / 2
    folder = project.outputs(experiment="10_rivals_brain_encoders")
    rivals = pd.read_csv(folder / "rivals.csv", keep_default_na=False).set_index("rival")
    assert set(rivals.index) == {
        "covariates", "fmri_connectivity_pca512_v1", "fmri_coskewness_pca512_v1", "twins", *twins,
    }  # fmt: skip
    assert (rivals["not_told"] == "").all()
    (card,) = (yaml.safe_load(p.read_text()) for p in project.results if "10_rivals" in p.name)
    (verdict,) = card["models"]
    assert verdict["model"] == "brainlm"
    assert verdict["verdict"].startswith(("not shown at this N", "shown"))
    assert verdict["licence"]
