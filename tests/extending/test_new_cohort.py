"""A new cohort's environment names only what it has, and runs."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import yaml

SETTINGS = {"cohort": "small", "experiment": "small_brain", "collected": ["smri.freesurfer"]}
EXPERIMENT = {
    "id": "${globals:experiment}",
    "blocks": {"brain": "smri_free_surfer_thickness_pca32_v1"},
    "outcome": "mdd_diagnosis",
    "folds": {"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id", "seed": 42},
    "analyses": ["prediction"],
    "algorithms": ["linear"],
}


@pytest.fixture(scope="module")
def cohort(project):
    """Somebody's folder: participants and FreeSurfer's tables, nothing else of the demo's."""
    raw, demo = project.path / "data/01_raw/small", project.path / "data/01_raw/demo"
    (raw / "freesurfer").mkdir(parents=True)
    shutil.copy(demo / "participants.tsv", raw)
    for file in (demo / "freesurfer").glob("*.tsv"):
        if file.name != "euler.tsv":
            shutil.copy(file, raw / "freesurfer")
    shutil.rmtree(demo)  # whoever still read it would fail
    card = yaml.safe_load((project.path / "kb/datasets/demo.yaml").read_text())
    card |= {"id": "small", "cohort": "small"}
    (project.path / "kb/datasets/small.yaml").write_text(yaml.safe_dump(card))
    environment = project.path / "conf/small"
    (environment / "parameters").mkdir(parents=True)
    (environment / "globals.yml").write_text(yaml.safe_dump(SETTINGS))
    parameters = environment / "parameters/cohort.yml"
    parameters.write_text(yaml.safe_dump({"experiment": EXPERIMENT}))
    return project


def test_the_environment_has_no_catalog_and_negates_nothing(cohort):
    files = sorted(p.name for p in (cohort.path / "conf/small").rglob("*.yml"))
    assert files == ["cohort.yml", "globals.yml"]
    text = (cohort.path / "conf/small/globals.yml").read_text()
    assert "NotCollected" not in text
    assert "fmri" not in text
    assert "genomics" not in text


def test_it_runs_from_raw_files_to_the_report(cohort):
    cohort.run("--env", "small")
    flow = pd.read_csv(cohort.path / "data/05_model_input/small/small_brain/sample_flow.csv")
    assert flow["remaining"].iloc[0] == 400
    assert flow["remaining"].iloc[-1] > 350
    metrics = pd.read_csv(cohort.outputs("small", "small_brain") / "metrics.csv")
    assert {"brain", "covariates"} <= set(metrics["model"])
    assert list((cohort.path / "data/08_reporting/small").rglob("report.html"))


def test_files_that_are_missing_are_all_named_with_how_to_say_so(cohort):
    settings = cohort.path / "conf/small/globals.yml"
    settings.write_text(yaml.safe_dump({**SETTINGS, "collected": ["smri", "fmri"]}))
    done = cohort.kedro("run", "--pipeline=integration", "--env", "small")
    assert done.returncode == 1
    said = " ".join(done.stderr.split("Error: ")[-1].split())
    for missing in ("euler.tsv", "timeseries", "fmriprep", "task-rest_bold.json"):
        assert missing in said
    assert "fmri.confounds, fmri.sidecar, fmri.timeseries, smri.euler were not collected" in said
    advice = "`collected: [participants, smri.freesurfer]` in globals.yml"
    assert advice in said
    # What it advises is what runs.
    assert yaml.safe_load(advice.split("`")[1])["collected"][1:] == SETTINGS["collected"]
