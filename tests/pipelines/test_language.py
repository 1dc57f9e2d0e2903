"""Axes and blocks in words, on a cohort with real names of genes and regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.language.encoder import load_text
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import infer_pairs
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import AXES as VARIATES
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import axes_to_rows
from neurogenomics_kb.pipelines.integration.analyses.language import ANALYSIS
from neurogenomics_kb.pipelines.integration.analyses.language.nodes import describe_in_language
from neurogenomics_kb.pipelines.integration.analyses.language.tables import AXES, SPACES
from neurogenomics_kb.pipelines.integration.analyses.language.units import (
    PEOPLE,
    PROFILE,
    count_lost,
    similarity,
    text_key,
    units_with_texts,
)
from neurogenomics_kb.pipelines.integration.family import collect_tests
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.stats.prediction.folds import make_folds
from tests.conftest import ROOT
from tests.language.tiny_text_model import save_tiny_bert
from tests.pipelines.conftest import make_cohort, make_recipe

REGISTRY = Registry(ROOT / "kb")
TEXTS = {
    name: REGISTRY.get(name, "text_set")
    for name in REGISTRY.get("llm_semantic_alignment").bridge.texts
}
GENES = list(TEXTS["gene_function_texts_v1"].texts)[:24]
REGIONS = [r for r in TEXTS["brain_region_texts_v1"].texts if r.islower()][:20]
LEVELS = ("AAA", "AAC", "ACA")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    said = [
        t.text for card in TEXTS.values() for t in [*card.texts.values(), *card.concepts.values()]
    ]
    words = {w.strip(".,:;()") for text in said for w in text.split()}
    return str(save_tiny_bert(tmp_path_factory.mktemp("language") / "tiny", words))


def recipe_of(weights, *names, **experiment):
    names = names or ("llm_semantic_alignment",)
    recipe = make_recipe(
        analyses=["cca", "language"], bridges=list(names), n_permutations=99, n_components=1,
        n_bootstraps=0, **experiment,
    )  # fmt: skip
    return recipe.model_copy(
        update={
            "bridges": {name: REGISTRY.get(name, "alignment") for name in names},
            "bridge_texts": TEXTS,
            "bridge_encoders": {
                "llm_semantic_bridge": {"type": "text", "weights": weights, "pooling": "mean"}
            },
        }
    )


def nearness(encoder, card, names, concept):
    """How near the texts of units lie to a concept's, from 0 to 1."""
    units = encoder.embed([card.texts[name].text for name in names])
    concepts = encoder.embed([each.text for each in card.concepts.values()])
    middle = np.vstack([units, concepts]).mean(axis=0)
    units, near = units - middle, concepts[list(card.concepts).index(concept)] - middle
    cosine = units @ near / np.linalg.norm(units, axis=1)
    return dict(zip(names, np.argsort(np.argsort(cosine)) / (len(names) - 1), strict=True))


def named_cohort(weights, n=240, seed=0):
    """The toy cohort with features of known names, and one axis near a concept in each block."""
    participants, *_ = make_cohort(n=n, seed=seed)
    rng = np.random.default_rng(seed + 1)
    axis = rng.normal(size=n)
    encoder = load_text(weights)
    gene = nearness(encoder, TEXTS["gene_function_texts_v1"], GENES, "glutamate")
    brain = nearness(encoder, TEXTS["brain_region_texts_v1"], REGIONS, "vision")
    genes = {
        f"genomics__kmer__{g}__{c}": rng.normal(size=n) + gene[g] * axis
        for g in GENES
        for c in LEVELS
    }
    regions = {
        f"smri__thickness__{side}_{r}": rng.normal(size=n) + brain[r] * axis
        for r in REGIONS
        for side in ("lh", "rh")
    }
    regions["smri__thickness__lh_MeanThickness"] = rng.normal(size=n)
    blocks = {"gene": pd.DataFrame(genes, participants.index),
              "brain": pd.DataFrame(regions, participants.index)}  # fmt: skip
    return participants, blocks


@pytest.fixture(scope="module")
def canonical(weights):
    """Blocks and the tables of their canonical correlation."""
    participants, blocks = named_cohort(weights)
    recipe = make_recipe(n_permutations=99, n_components=1, n_bootstraps=0, analyses=["cca"])
    folds = make_folds(participants["diagnosis"], scheme="stratified", n_splits=3, seed=0)
    inference, _, loadings, axes = infer_pairs(recipe, participants, blocks, folds)
    return participants, blocks, inference, loadings, axes_to_rows(axes, VARIATES)


@pytest.fixture(scope="module")
def told(weights, canonical):
    participants, blocks, *tables = canonical
    return describe_in_language(recipe_of(weights), participants, blocks, *tables)


def test_tables_keep_their_contracts_and_hold_every_concept(told):
    axes, spaces = told
    AXES.check(axes)
    SPACES.check(spaces)
    for block, card in (("gene", "gene_function_texts_v1"), ("brain", "brain_region_texts_v1")):
        rows = axes[axes["block"] == block]
        assert sorted(rows["concept"]) == sorted(TEXTS[card].concepts)
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert (rows["p_concepts"] >= rows["p_raw"]).all()
        assert rows["weights"].str.len().eq(16).all()
    assert axes.set_index("block")["n_units"].to_dict() == {"gene": 24, "brain": 20}
    # The mean thickness has no text; both hemispheres of a region are one unit.
    assert axes.set_index("block")["n_lost"].to_dict() == {"gene": 0, "brain": 1}


def test_the_planted_axis_is_described_by_its_concepts(told):
    axes, _ = told
    first = axes[axes["rank"] == 1].set_index("block")
    assert first.loc["gene", "concept"] == "glutamate"
    assert first.loc["brain", "concept"] == "vision"
    assert (first["p_adjusted"] < 0.05).all()
    others = axes[axes["rank"] > 1]
    assert others["p_adjusted"].isna().all()


def test_only_the_first_concept_of_an_axis_is_a_claim_and_none_is_secondary(told, weights):
    axes, spaces = told
    recipe = recipe_of(weights, primary=[])
    tables = [("language", c, t) for c, t in zip(ANALYSIS.claims, told, strict=True)]
    tests = collect_tests(recipe, tables)
    assert len(tests) == (axes["rank"] == 1).sum() + spaces["p_raw"].notna().sum()
    assert set(tests["tier"]) == {"exploratory"}
    entered = tests[tests["source"] == "axis in words"]["p_entered"]
    assert sorted(entered) == sorted(axes.loc[axes["rank"] == 1, "p_concepts"])
    # Lobes alone make regions like their texts; genes name no groups.
    entered = tests[tests["source"] == "block and texts"]["p_entered"]
    told = spaces.set_index(["block", "measure"])
    assert sorted(entered) == sorted([*told.loc["brain", "p_within"], *told.loc["gene", "p_raw"]])
    assert told.loc["gene", "p_within"].isna().all()
    primary = {"test": "axis in words", "block": "brain"}
    tests = collect_tests(recipe_of(weights, primary=[primary]), tables)
    assert tests["tier"].tolist().count("primary") == 1
    assert "brain, component 1 of gene and brain, near “vision”" in tests["test"].iloc[0]


def test_the_report_ranks_concepts_and_says_where_none_stands_out(told, weights, canonical):
    part = ANALYSIS.present(recipe_of(weights), *told)
    assert "In words: 2 of 2 sides of axes have a concept that stands out" in part.findings[0]
    assert "brain, component 1 of gene and brain: “vision” (r = +0." in part.findings[0]
    table = part.sections[0].items[0]
    assert len(table.rows) == 10
    assert [row.css for row in table.rows].count("hit") == 2
    assert part.cautions == []
    axes, spaces = told
    quiet = axes.assign(p_adjusted=axes["p_adjusted"] * 0 + 0.3)
    said = ANALYSIS.present(recipe_of(weights), quiet, spaces)
    assert said.findings[0] == "In words: no concept stands out."
    notes = [i.text for i in said.sections[0].items if i.kind == "note"]
    assert sum("no concept stands out." in text for text in notes) == 2
    assert part.metrics["language/llm_semantic_alignment/gene/brain/1/brain/p_adjusted"] < 0.05


def test_absent_weights_are_one_line_and_the_run_goes_on(canonical, weights):
    participants, blocks, *tables = canonical
    recipe = recipe_of("/no/such/folder")
    axes, spaces = describe_in_language(recipe, participants, blocks, *tables)
    assert axes.empty
    SPACES.check(spaces)
    part = ANALYSIS.present(recipe, axes, spaces)
    assert len(part.cautions) == 1
    assert "\n" not in part.cautions[0]
    assert part.cautions[0].startswith("Language, llm_semantic_alignment: not told: the weights")
    assert (part.sections, part.findings, part.metrics) == ([], [], {})
    assert collect_tests(recipe, [("language", ANALYSIS.claims[1], spaces)]).empty


def test_a_block_without_texts_is_told_so_and_the_other_described(canonical, weights):
    participants, blocks, *tables = canonical
    unnamed = blocks["gene"].rename(columns=lambda c: c.replace("__kmer__", "__kmer__SIM"))
    given = {"gene": unnamed, "brain": blocks["brain"]}
    recipe = recipe_of(weights)
    axes, spaces = describe_in_language(recipe, participants, given, *tables)
    assert set(axes["block"]) == {"brain"}
    assert "block 'gene': 0 of its units have a text, 5 are needed" in spaces["note"].iloc[0]
    assert len(ANALYSIS.present(recipe, axes, spaces).cautions) == 1


def test_nothing_is_read_where_nobody_asked(canonical):
    participants, _, *tables = canonical
    axes, spaces = describe_in_language(make_recipe(), participants, {}, *tables)
    assert axes.empty
    assert spaces.empty


def test_blocks_whose_axes_are_factors_are_described_by_their_features(canonical, weights):
    """Loadings of factors have names of no unit; the axis is correlated with the features."""
    participants, blocks, inference, loadings, scores = canonical
    of_brain = loadings["block"] == "brain"
    factors = loadings[of_brain].head(3).assign(
        feature=[f"smri__factor_analysis__f{i}" for i in range(3)],
        unit=["f0", "f1", "f2"], group="factor_analysis",
    )  # fmt: skip
    table = pd.concat([loadings[~of_brain], factors])
    recipe = recipe_of(weights)
    axes, _ = describe_in_language(recipe, participants, blocks, inference, table, scores)
    direct, _ = describe_in_language(recipe, participants, blocks, inference, loadings, scores)
    one, two = (t[t["block"] == "brain"].set_index("concept")["statistic"] for t in (axes, direct))
    assert one.sub(two).abs().max() < 0.02


def test_units_of_two_hemispheres_are_one_and_groups_serve_items():
    columns = pd.Index(
        [
            "smri__thickness__lh_insula", "smri__volume__rh_insula", "smri__v__Left-Hippocampus",
            "smri__v__Brain-Stem", "behaviour__motor__motor_01", "eeg__band__frontal_left__alpha",
            "genomics__enc__DRD2:promoter__d0",
        ]
    )  # fmt: skip
    texts = dict.fromkeys(["insula", "Hippocampus", "motor", "frontal", "DRD2"])
    found = units_with_texts(columns, texts)
    assert found == {
        "insula": [0, 1],
        "Hippocampus": [2],
        "motor": [4],
        "frontal": [5],
        "DRD2": [6],
    }
    assert count_lost(columns, texts) == 1
    assert text_key("lh_bankssts") == text_key("ctx-rh-bankssts") == "bankssts"


def test_vectors_of_units_are_profiles_of_encoders_and_values_of_tables():
    rng = np.random.default_rng(0)
    people = pd.RangeIndex(30)
    names = [f"genomics__enc__{g}__{c}" for g in "ABC" for c in "xyz"]
    raw = pd.DataFrame(rng.normal(size=(30, 9)) + np.arange(9), people, names)
    K, units, what = similarity(raw, raw, dict.fromkeys("ABC"))
    assert (units, what) == (["A", "B", "C"], PROFILE)
    means = raw.mean().to_numpy().reshape(3, 3)
    V = (means - means.mean(axis=0)) / means.std(axis=0)
    np.testing.assert_allclose(K, V @ V.T)
    regions = ["insula", "cuneus", "lingual"]
    names = [f"smri__t__{side}_{r}" for r in regions for side in ("lh", "rh", "mean")]
    table = raw.set_axis(names, axis=1)
    table = (table - table.mean()) / table.std()
    K, units, what = similarity(table, table, dict.fromkeys(regions))
    assert (units, what) == (regions, PEOPLE)
    both = [table[[f"smri__t__{s}_{r}" for s in ("lh", "rh")]].mean(axis=1) for r in regions]
    np.testing.assert_allclose(K, np.corrcoef(both), atol=0.05)
