"""A cohort with EEG, from recordings to the report, by its catalog and cards alone."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from tests.brain.eeg.synthetic import make_raw, write_recording

N_SUBJECTS = 60


@pytest.fixture(scope="module")
def eeg_project(project):
    """The demo cohort with EEG of some of its subjects; cases have a weak alpha rhythm."""
    raw = project.path / "data/01_raw/demo"
    people = pd.read_csv(raw / "participants.tsv", sep="\t", dtype={"participant_id": str})
    people = people[people["mdd_diagnosis"].notna()].head(N_SUBJECTS)
    for number, (subject, case) in enumerate(
        zip(people["participant_id"], people["mdd_diagnosis"], strict=True)
    ):
        weak = float(case) == 1
        signal = make_raw(number, seconds=64, sfreq=128.0, alpha_uv=2.0 if weak else 8.0)
        write_recording(raw / "eeg", signal, subject=subject)
    entry = {
        "eeg.recordings": {
            "type": "neurogenomics_kb.datasets.EegRecordingsDataset",
            "filepath": "data/01_raw/demo/eeg",
            "metadata": {"kedro-viz": {"layer": "raw", "preview": False}},
        }
    }
    file = project.path / "conf/demo/catalog/raw.yml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(entry))
    return project


@pytest.mark.slow
def test_eeg_predicts_what_was_planted_in_it(eeg_project):
    # The names of the default experiment, whose blocks these take the places of.
    blocks = {"brain": "eeg_bandpower_v1", "gene": "eeg_segments_bandpower_v1"}
    options = eeg_project.changed(id="eeg_trial", blocks=blocks, analyses=["prediction"])
    eeg_project.run("--to-nodes=integration.score_models", *options)
    metrics = pd.read_csv(eeg_project.outputs(experiment="eeg_trial") / "metrics.csv")
    auc = metrics[metrics["metric"] == "auroc"].groupby("model")["value"].max()
    assert auc["brain"] > 0.8
    assert auc["gene"] > 0.8
    quality = pd.read_parquet(eeg_project.path / "data/03_primary/demo/eeg.quality.parquet")
    assert len(quality) == N_SUBJECTS
    assert quality["n_clean_segments"].eq(32).all()
    flow = pd.read_csv(eeg_project.path / "data/05_model_input/demo/eeg_trial/sample_flow.csv")
    assert flow["remaining"].iloc[-1] == N_SUBJECTS
    assert flow["step"].tolist()[1:] == ["no eeg data"]
