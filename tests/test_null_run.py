"""A cohort without signal, confounds left in: nothing may come out significant."""

from __future__ import annotations

import json

import pandas as pd


def test_null_cohort_gives_nothing(project):
    done = project.kedro("run", "--pipeline=simulation", "--env", "demo_null")
    assert done.returncode == 0, done.stderr[-2000:]
    project.run("--env", "demo_null")
    outputs = project.outputs("demo_null", "demo_null")
    assert (pd.read_csv(outputs / "cca.csv")["p_adjusted"] > 0.05).all()
    comparisons = pd.read_csv(outputs / "comparisons.csv")
    assert (comparisons["p_adjusted"] > 0.05).all()
    assert (pd.read_csv(outputs / "attribution.csv")["p_adjusted"] > 0.05).all()
    associations = pd.read_csv(outputs / "associations.csv")
    assert (associations["p_adjusted"].dropna() > 0.05).all()
    assert (pd.read_csv(outputs / "tests.csv")["p_run"] > 0.05).all()
    assert (pd.read_csv(outputs / "cca.csv")["p_held_out_adjusted"] > 0.05).all()
    verdict = json.loads((outputs / "audit_verdict.json").read_text())
    assert "artefact" not in {sentence["level"] for sentence in verdict}
    metrics = pd.read_csv(outputs / "metrics.csv")
    auroc = metrics[(metrics["metric"] == "auroc") & (metrics["algorithm"] == "linear")]
    plain = (auroc["model"] == "covariates") & (auroc["variant"] == "adjusted")
    covariates = auroc.loc[plain, "value"].item()
    assert covariates > 0.58  # the confounds are still there to be found


def test_simulation_does_not_overwrite_a_real_cohort(project):
    done = project.kedro("run", "--pipeline=simulation", "--env", "aomic")
    assert done.returncode == 1
    assert "would overwrite" in done.stderr
    assert not (project.path / "data/01_raw/aomic").exists()
