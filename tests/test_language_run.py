"""Both bridges to language from raw files to the result card, with a tiny encoder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from neurogenomics_kb.pipelines.simulation.children import write_children
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.simulate.children import ChildrenSettings
from tests.conftest import ROOT
from tests.language.tiny_text_model import save_tiny_bert

WEIGHTS = "NeuML/pubmedbert-base-embeddings"
QUICK = {
    "outcome": "mdd_diagnosis",
    "folds": {"scheme": "stratified_grouped", "n_splits": 3, "group": "family_id", "seed": 1},
    "analyses": ["cca", "language"],
    "algorithms": ["linear"],
    "n_permutations": 99,
    "max_permutations": 99,
    "n_bootstraps": 0,
}
DEMO = {
    **QUICK,
    "id": "words",
    "blocks": {
        "gene": "genetics_gene_kmer_pca512_v1",
        "brain": "smri_free_surfer_thickness_pca32_v1",
    },
    "bridges": ["llm_semantic_alignment"],
}
CHILDREN = {
    **QUICK,
    "id": "child_words",
    "blocks": {
        "brain": "smri_cha_dev_pca64_v1",
        "behaviour": "cha_dev_behaviour_latent_v1",
        "notes": "clinical_me_llama_v1",
    },
    "outcome": "developmental_delay",
    "exchangeability": "families",
    "bridges": ["vlm_developmental_alignment"],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    cards = list(Registry(ROOT / "kb").cards("text_set"))
    said = [t.text for c in cards for t in [*c.texts.values(), *c.concepts.values()]]
    save_tiny_bert(folder / WEIGHTS, {w.strip(".,:;()") for t in said for w in t.split()})
    return str(folder)


@pytest.mark.slow
def test_the_demo_is_described_where_it_has_texts(project, models):
    project.run(*project.changed(**DEMO), NGKB_MODEL_DIR=models)
    out = project.outputs(experiment="words")
    axes, spaces = (pd.read_csv(out / f"language_{name}.csv") for name in ("axes", "spaces"))
    # The demo's genes are made up and have no texts; its regions have.
    assert set(axes["block"]) == {"brain"}
    assert set(axes["n_units"]) == {34}
    gene = spaces[spaces["block"] == "gene"]
    assert gene["note"].str.contains("0 of its units have a text").all()
    card = yaml.safe_load(project.results[-1].read_text())
    assert "llm_semantic_alignment" in card["cards"]
    assert any("llm_semantic_alignment" in s["test"] for s in card["primary"])
    assert any("block 'gene': 0 of its units" in line for line in card["warnings"])
    tables = project.results[-1].with_suffix("")
    assert len(pd.read_csv(tables / "language_spaces.csv")) == len(spaces)
    report = next((project.path / "data/08_reporting/demo/words").rglob("report.html")).read_text()
    assert "In words" in report
    stands = (axes["p_adjusted"] < 0.05).any()
    assert stands or "no concept stands out" in report


@pytest.mark.slow
def test_without_weights_one_line_says_so_and_the_run_ends_well(project):
    done = project.run(*project.changed(**{**DEMO, "id": "no_words"}), NGKB_MODEL_DIR="/nowhere")
    assert "not told" in done.stdout + done.stderr
    card = yaml.safe_load(project.results[-1].read_text())
    assert any(WEIGHTS in line and "not told" in line for line in card["warnings"])
    assert len(pd.read_csv(project.outputs(experiment="no_words") / "cca.csv"))


def add_notes(project, folder):
    """Vectors of notes of every visit, declared as the environment's own comment says."""
    sessions = pd.read_csv(folder / "sessions.tsv", sep="\t", dtype=str)
    table = sessions[["participant_id", "session_id"]].reset_index(drop=True)
    vectors = np.random.default_rng(0).normal(size=(len(table), 12))
    table = table.join(pd.DataFrame(vectors, columns=[f"d{i}" for i in range(12)]))
    (folder / "clinical_embeddings").mkdir()
    table.to_parquet(folder / "clinical_embeddings/me_llama.parquet")
    catalog = project.path / "conf/cha_dev/catalog/raw.yml"
    lines = catalog.read_text().splitlines()
    entry = [x.removeprefix("#   ") for x in lines if x.startswith("#   ")]
    assert entry[0] == "clinical.embeddings:"
    catalog.write_text("\n".join([*lines, "", *entry, ""]))


@pytest.mark.slow
def test_children_are_described_by_regions_and_instruments(project, models, tmp_path):
    write_children(tmp_path / "raw", ChildrenSettings(n_children=90, eeg_seconds=12, eeg_share=0.1))
    add_notes(project, tmp_path / "raw")
    config = project.path / "children.yml"
    eeg = {"quality": {"min_clean_segments": 2}}
    run = {"env": "cha_dev", "params": {"experiment": CHILDREN, "eeg": eeg}}
    config.write_text(yaml.safe_dump({"run": run}))
    folder = str(tmp_path / "raw")
    project.run("--config", str(config), NGKB_CHA_DEV_DIR=folder, NGKB_MODEL_DIR=models)
    cca = pd.read_csv(project.outputs("cha_dev", "child_words") / "cca.csv")
    assert set(zip(cca["x"], cca["y"], strict=True)) >= {("brain", "notes"), ("behaviour", "notes")}
    axes = pd.read_csv(project.outputs("cha_dev", "child_words") / "language_axes.csv")
    assert axes.groupby("block")["n_units"].first().to_dict() == {"behaviour": 6, "brain": 48}
    card = yaml.safe_load(project.results[-1].read_text())
    assert any("vlm_developmental_alignment" in s["test"] for s in card["primary"])
