"""`genetics_gene_fm_pca512_v1` on the demo cohort, with a random model of the real architecture."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.genome.tiny_models import CADUCEUS, save_caduceus

EXPERIMENT = {
    "id": "fm",
    "blocks": {"gene": "genetics_gene_fm_pca512_v1"},
    "outcome": "mdd_diagnosis",
    "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id", "seed": 1},
    "analyses": ["prediction"],
    "algorithms": ["linear"],
    "rivals": {"seeds": 1},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_caduceus(folder / CADUCEUS)
    return str(folder)


def encoding(project, encoder="caduceus_ps_131k"):
    file = project.path / "data/02_intermediate/demo/genomics/encoding.json"
    return json.loads(file.read_text())[encoder]


def test_without_weights_the_run_says_what_to_do(project):
    done = project.kedro("run", "--pipeline=genomics", *project.changed(**EXPERIMENT))
    assert done.returncode == 1
    error = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(error) == 1
    assert "NGKB_MODEL_DIR" in error[0]


def test_strategy_runs_as_it_is_written_and_nothing_is_embedded_twice(project, models):
    project.run(*project.changed(**EXPERIMENT), NGKB_MODEL_DIR=models)
    first = encoding(project)
    assert first["strand"] == "equivariant"
    assert first["computed"] == first["distinct"] < first["sequences"] / 5
    table = project.path / "data/04_feature/demo/genomics.features.parquet"
    features = pd.read_parquet(table)
    own = [c for c in features if "__caduceus_ps_131k__" in c]
    genes = {c.split("__")[2] for c in own}
    assert len(own) == len(genes) * 12
    before = features[own]
    metrics = pd.read_csv(project.outputs(experiment="fm") / "metrics.csv")
    assert {"gene", "gene + covariates", "covariates"} <= set(metrics["model"])

    # The twin reads the same sequences and is cached beside the model; k-mers and dosages of the
    # same genes are the other rivals, and nobody left the cohort because of them.
    twin = encoding(project, "caduceus_ps_131k_random_0")
    assert (twin["computed"], twin["random_weights"]) == (first["computed"], 0)
    theirs = features[[c for c in features if "__caduceus_ps_131k_random_0__" in c]]
    assert theirs.shape == before.shape
    assert not np.allclose(theirs.to_numpy(), before.to_numpy(), atol=1e-3)
    assert {c.split("__")[2] for c in features if "__dosage__" in c} <= genes
    rivals = pd.read_csv(project.outputs(experiment="fm") / "rivals.csv").set_index("rival")
    assert set(rivals.index) == {
        "covariates", "genetics_gene_kmer_pca512_v1", "genetics_gene_dosage_pca512_v1",
        "caduceus_ps_131k_random_0", "twins",
    }  # fmt: skip
    assert rivals["p_raw"].between(0, 1).all()
    assert (rivals["without"].astype(str) == "0").all()
    (card,) = (yaml.safe_load(p.read_text()) for p in project.results)
    (verdict,) = card["models"]
    assert verdict["model"] == "caduceus_ps_131k"
    assert verdict["verdict"].startswith("not shown at this N")
    assert verdict["licence"].startswith("Apache-2.0")
    shown = project.kedro("kb", "show", "caduceus_ps_131k")
    assert f"# beside its rivals: {verdict['verdict']}" in shown.stdout

    project.run(*project.changed(**EXPERIMENT), NGKB_MODEL_DIR=models)
    assert encoding(project, "caduceus_ps_131k_random_0")["computed"] == 0
    assert encoding(project)["computed"] == 0
    after = pd.read_parquet(table)[own]
    pd.testing.assert_frame_equal(before, after)


@pytest.mark.slow
def test_genes_are_left_out_of_the_model_and_together_where_they_correlate(project, models):
    file = project.path / "conf/experiments/03_logo_gene_attribution_fm.yml"
    fewer = file.read_text().replace("n_permutations: 5000", "n_permutations: 2000")
    (project.path / "fewer.yml").write_text(fewer.replace("n_splits: 10", "n_splits: 5"))
    project.run("--config", "fewer.yml", NGKB_MODEL_DIR=models)
    table = pd.read_csv(
        project.outputs(experiment="03_logo_gene_attribution_fm") / "attribution.csv"
    )
    features = pd.read_parquet(project.path / "data/04_feature/demo/genomics.features.parquet")
    genes = {c.split("__")[2] for c in features if "__caduceus_ps_131k__" in c}
    assert set(table.loc[table["level"] == "unit", "unit"]) == genes
    assert table["p_adjusted"].between(1 / 2001, 1).all()
    assert table["single_score"].between(0, 1).all()
