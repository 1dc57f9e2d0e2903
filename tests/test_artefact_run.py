"""A cohort whose only signal is missingness by batch: the naive recipe falls for it, the audit not.

The numbers are those of the simulated cohort with its fixed seed.
"""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from neurogenomics_kb.calibration.naive_logo import naive_leave_one_gene_out

GENE, BATCH = "SIM38", "B3"


@pytest.fixture(scope="module")
def artefact(project):
    done = project.kedro("run", "--pipeline=simulation", "--env", "demo_artefact")
    assert done.returncode == 0, done.stderr[-2000:]
    truth = json.loads((project.path / "data/01_raw/demo_artefact/truth.json").read_text())
    assert truth["artefact"]["gene"] == GENE
    options = project.changed(
        analyses=["prediction", "audit"], algorithms=["linear"], n_permutations=199
    )
    project.run("--env", "demo_artefact", *options)
    return project


def test_naive_recipe_reports_the_failing_gene_at_its_floor(artefact):
    features = pd.read_parquet(
        artefact.path / "data/04_feature/demo_artefact/genomics.features.parquet"
    )
    cohort = pd.read_parquet(
        artefact.path / "data/05_model_input/demo_artefact/demo_artefact/cohort.parquet"
    )
    kmers = features.loc[cohort.index, [c for c in features if "__kmer" in c]]
    table = naive_leave_one_gene_out(kmers, cohort["mdd_diagnosis"])
    first = table.iloc[0]
    assert first["unit"] == GENE
    assert first["delta"] > 0.1
    assert first["p_raw"] == pytest.approx(2 / 2**10)  # the smallest that ten folds allow
    assert (table["p_raw"][1:] > 0.01).all()


def test_audit_names_gene_batch_and_size(artefact):
    outputs = artefact.outputs("demo_artefact", "demo_artefact")
    verdict = json.loads((outputs / "audit_verdict.json").read_text())
    worst = verdict[0]
    assert worst["level"] == "artefact"
    assert [v["level"] for v in verdict].count("artefact") == 1
    text = worst["text"]
    assert text.startswith(f"{GENE}: ")
    assert f"sequencing_batch {BATCH}" in text
    assert "signal is missingness by sequencing_batch" in text
    missing, elsewhere, cases, controls = (int(n) for n in re.findall(r"(\d+)%", text))
    assert missing > 70
    assert elsewhere < 5
    assert cases > controls + 25
    overall, fixed = re.search(r"loses (\S+) AUROC overall and (\S+) among", text).groups()
    assert float(overall) > 0.08
    assert abs(float(fixed)) < 0.03
    table = pd.read_csv(outputs / "audit.csv")
    named = table[table["check"] == "missing calls by batch"]
    assert list(named["unit"]) == [GENE]
    assert named["p_raw"].item() == 1 / 200


def test_report_and_card_carry_the_verdict(artefact):
    folder = artefact.path / "data/08_reporting/demo_artefact/demo_artefact"
    assert "signal is missingness by sequencing_batch" in (folder / "report.html").read_text()
    assert f"{GENE}: " in artefact.results[-1].read_text()


def test_audit_runs_again_alone(artefact):
    outputs = artefact.outputs("demo_artefact", "demo_artefact")
    before = (outputs / "audit.csv").read_text()
    (outputs / "audit.csv").unlink()
    done = artefact.kedro(
        "run", "--pipeline=integration", "--env", "demo_artefact", "--tags", "audit",
        "--config", str(artefact.path / "changed.yml"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (outputs / "audit.csv").read_text() == before
