"""Runs that a user makes after the first: again, otherwise, interrupted, on real people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import mlflow
import pandas as pd
import pytest
import yaml

QUICK = {"n_permutations": 99, "analyses": ["cca", "prediction"]}


@pytest.fixture(scope="module")
def first(project):
    project.run(*project.changed(**QUICK))
    project.first_metrics = (project.outputs() / "metrics.csv").read_text()
    project.first_cca = (project.outputs() / "cca.csv").read_text()
    return project


def test_same_seed_gives_identical_results(first):
    first.run(*first.changed(**QUICK))
    assert len(first.results) == 1  # the same evidence
    assert (first.outputs() / "metrics.csv").read_text() == first.first_metrics
    assert (first.outputs() / "cca.csv").read_text() == first.first_cca


def test_another_strategy_is_a_second_card_and_a_second_run(first):
    before = len(first.results)
    other = "smri_free_surfer_thickness_pca32_v1"
    first.run(*first.changed(**QUICK, blocks={"brain": other}))
    assert len(first.results) == before + 1
    cards = [yaml.safe_load(p.read_text()) for p in (first.results[0], first.results[-1])]
    assert cards[0]["parameters"]["blocks"]["brain"] == "smri_free_surfer_pca512_v1"
    assert cards[1]["parameters"]["blocks"]["brain"] == other
    assert cards[0]["primary"] != cards[1]["primary"]
    assert cards[0]["folds"]["hash"] == cards[1]["folds"]["hash"]
    client = mlflow.MlflowClient(f"sqlite:///{first.path}/mlflow.db")
    runs = [client.get_run(card["mlflow_run_id"]) for card in cards]
    assert runs[0].info.experiment_id == runs[1].info.experiment_id
    assert {r.data.params["experiment.blocks.brain"] for r in runs} == {
        "smri_free_surfer_pca512_v1",
        other,
    }


def test_changing_the_card_changes_what_runs(first):
    file = first.path / "kb/integration_cards/embedding_strategies.yaml"
    text = file.read_text()
    start = text.index("smri_free_surfer_pca512_v1:")
    changed = text[:start] + text[start:].replace("dim: 512", "dim: 4", 1)
    try:
        file.write_text(changed)
        first.run(*first.changed(n_permutations=19, analyses=["cca"]))
    finally:
        file.write_text(text)
    assert pd.read_csv(first.outputs() / "cca.csv")["y_dim"].unique().tolist() == [4]
    before, after = (yaml.safe_load(first.results[i].read_text()) for i in (0, -1))
    card = "smri_free_surfer_pca512_v1"
    assert before["cards"][card] != after["cards"][card]


def test_an_experiment_file_replaces_the_default_blocks(first):
    done = first.kedro("run", "--config", "conf/experiments/02_prediction_baselines.yml")
    assert done.returncode == 0, done.stderr[-2000:]
    metrics = pd.read_csv(first.outputs(experiment="02_prediction_baselines") / "metrics.csv")
    assert set(metrics["model"]) == {
        "covariates", "fusion", "fusion + covariates", "gene", "gene + covariates", "pgs",
        "pgs + covariates", "brain", "brain + covariates", "connectivity",
        "connectivity + covariates",
    }  # fmt: skip
    card = yaml.safe_load(first.results[-1].read_text())
    assert any("polygenic scores" in w for w in card["warnings"])


def test_killed_run_is_finished_by_resuming(first):
    for folder in ("02_intermediate", "03_primary", "04_feature", "05_model_input", "06_models"):
        subprocess.run(["rm", "-rf", str(first.path / "data" / folder / "demo")], check=True)
    subprocess.run(["rm", "-rf", str(first.outputs())], check=True)
    arguments = ("run", "--pipeline=integration", *first.changed(**QUICK))
    with subprocess.Popen(
        first.command(*arguments),
        cwd=first.path,
        env=first.environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        for line in running.stderr:
            if "recipes fitted in fold 2" in line:
                break
        os.killpg(running.pid, signal.SIGKILL)
    assert not (first.outputs() / "metrics.csv").exists()
    assert (first.path / "data/04_feature/demo/smri.features.parquet").exists()

    refused = first.kedro(*arguments[:2], "--only-missing-outputs")
    assert refused.returncode == 1
    assert "Run without --only-missing-outputs" in refused.stderr

    started = time.time()
    done = first.kedro(*arguments, "--only-missing-outputs")
    assert done.returncode == 0, done.stderr[-2000:]
    assert (first.outputs() / "metrics.csv").read_text() == first.first_metrics
    features = first.path / "data/04_feature/demo/smri.features.parquet"
    assert features.stat().st_mtime < started


@pytest.mark.real_data
def test_real_cohort_by_environment_alone(first, aomic_dir):
    first.run("--env", "aomic", NGKB_AOMIC_DIR=str(aomic_dir))
    outputs = first.outputs("aomic", "aomic_brain_personality")
    metrics = pd.read_csv(outputs / "metrics.csv")
    assert set(metrics["metric"]) == {"r2", "mae"}
    assert metrics["n"].unique().tolist() == [224]
    flow = pd.read_csv(
        first.path / "data/05_model_input/aomic/aomic_brain_personality/sample_flow.csv"
    )
    assert flow["remaining"].tolist() == [226, 225, 224]
    card = yaml.safe_load(first.results[-1].read_text())
    assert card["cohort"] == "aomic"
    assert card["sample_flow"][1]["excluded"] == "<10"
    assert json.loads((outputs / "decision.json").read_text())["escalate"] is False
    cohort = pd.read_parquet(
        first.path / "data/05_model_input/aomic/aomic_brain_personality/cohort.parquet"
    )
    assert cohort["mean_fd"].between(0, 0.5).all()  # motion reaches the covariates without series
