"""From an extract in the shape of UK Biobank's to the report, by ``--env ukb`` alone."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml

QUICK = {
    "n_permutations": 99,
    "n_bootstraps": 0,
    "algorithms": ["linear"],
    "analyses": ["cca", "prediction"],
    "folds": {"n_splits": 3},
}
ID = "ukb_gene_brain"


@pytest.fixture(scope="module")
def ukb(project):
    """A project with a simulated extract in the folder that the environment reads by default."""
    done = subprocess.run(
        [sys.executable, "scripts/simulate_ukb.py", "data/01_raw/ukb", "--subjects", "120"],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    project.raw = project.path / "data/01_raw/ukb"
    project.withdrawn = (project.raw / "withdrawn/w00000_20260101.csv").read_text().split()
    return project


@pytest.mark.slow
def test_from_extract_to_report(ukb):
    done = ukb.run("--env", "ukb", *ukb.changed(**QUICK))
    flow = pd.read_csv(ukb.path / f"data/05_model_input/ukb/{ID}/sample_flow.csv")
    assert flow["step"].tolist()[0] == "in the participants table"
    assert flow["remaining"].iloc[0] == 120 + 12 - 2
    assert flow["remaining"].iloc[-1] > 100
    cohort = pd.read_parquet(ukb.path / f"data/05_model_input/ukb/{ID}/cohort.parquet")
    assert not set(cohort.index) & set(ukb.withdrawn)
    for file in (ukb.path / "data").rglob("*.parquet"):
        if "01_raw" not in file.parts:
            table = pd.read_parquet(file)
            assert not set(table.index.astype(str)) & set(ukb.withdrawn), file
    metrics = pd.read_csv(ukb.outputs("ukb", ID) / "metrics.csv")
    assert {"covariates", "gene", "brain", "fusion"} <= set(metrics["model"])
    cca = pd.read_csv(ukb.outputs("ukb", ID) / "cca.csv")
    assert cca["p_adjusted"].between(1 / 991, 1).all()
    card = yaml.safe_load(ukb.results[-1].read_text())
    assert card["cohort"] == "ukb"
    assert "ukb_manifest_stub" in card["cards"]
    report = (ukb.path / f"data/08_reporting/ukb/{ID}/report.html").read_text()
    said = done.stdout + done.stderr
    assert "rows of withdrawn participants dropped (3 on the lists)" in said
    for eid in [*ukb.withdrawn, *cohort.index]:
        assert eid not in said
        assert eid not in report
        assert eid not in ukb.results[-1].read_text()


@pytest.mark.slow
def test_resuming_after_a_withdrawal_is_refused(ukb):
    later = ukb.raw / "withdrawn/w00000_20260601.csv"
    later.write_text(ukb.withdrawn[0] + "\n")
    done = ukb.kedro(
        "run", "--pipeline=integration", "--env", "ukb", *ukb.changed(**QUICK),
        "--only-missing-outputs",
    )  # fmt: skip
    later.unlink()
    assert done.returncode == 1
    assert "participants" in done.stderr
    assert "Run without --only-missing-outputs" in done.stderr


@pytest.mark.slow
def test_gene_embeddings_instead_of_variants(ukb):
    file = ukb.path / "conf/ukb/globals.yml"
    text = file.read_text()
    changed = text.replace("variants: vcf", "variants: absent")
    changed = changed.replace("  embeddings: absent", "  embeddings: parquet")
    changed = changed.replace("freesurfer: fields", "freesurfer: tables")
    shutil.rmtree(ukb.path / "data/04_feature/ukb", ignore_errors=True)
    try:
        file.write_text(changed)
        blocks = {"gene": "genetics_gene_fm_pca512_v1", "pgs": "genetics_pgs_20traits"}
        ukb.run("--env", "ukb", *ukb.changed(**QUICK, blocks=blocks))
    finally:
        file.write_text(text)
    features = pd.read_parquet(ukb.path / "data/04_feature/ukb/genomics.features.parquet")
    groups = {c.split("__")[1] for c in features}
    assert groups == {"caduceus_ps_131k", "pgs"}
    assert not set(features.index) & set(ukb.withdrawn)


def refusal(ukb, *arguments):
    done = ukb.kedro("run", "--pipeline=smri", "--env", "ukb", *arguments)
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1
    return done.stderr.split("Error: ")[1]


def test_an_extract_without_a_field(ukb):
    path = ukb.raw / "tables/imaging.csv"
    kept = path.read_text()
    try:
        path.write_text(kept.replace("p26521_i2", "p26521_i1", 1))
        message = refusal(ukb)
    finally:
        path.write_text(kept)
    assert "field 26521 (estimated total intracranial volume), instance 2" in message
    assert "instances 1, 3 only" in message
    assert "\n" not in message.strip()


def test_no_list_of_withdrawn_participants(ukb):
    folder = ukb.raw / "withdrawn"
    try:
        folder.rename(ukb.raw / "elsewhere")
        message = refusal(ukb)
    finally:
        (ukb.raw / "elsewhere").rename(folder)
    assert "there is no list of withdrawn participants" in message


def test_a_choice_that_does_not_exist(ukb):
    file = ukb.path / "conf/ukb/globals.yml"
    text = file.read_text()
    try:
        file.write_text(text.replace("freesurfer: fields", "freesurfer: filds"))
        message = refusal(ukb)
    finally:
        file.write_text(text)
    assert "there is no '_freesurfer.filds'" in message
    assert "smri.freesurfer" in message
    assert "globals.yml" in message
