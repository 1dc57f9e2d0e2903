"""A brain strategy on the demo cohort, with a random model of the real architecture."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.brain.tiny_models import save_brainlm

EXPERIMENT = {
    "id": "brain_fm",
    "blocks": {"brain": "rsfmri_brainlm_segments_v1"},
    "outcome": "mdd_diagnosis",
    "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id", "seed": 1},
    "analyses": ["prediction"],
    "algorithms": ["linear"],
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
