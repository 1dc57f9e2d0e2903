from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pysam
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders import KmerEncoder
from neurogenomics_kb.pipelines.genomics import create_pipeline
from neurogenomics_kb.pipelines.genomics.levels import gene_pooling, regulatory_window
from neurogenomics_kb.pipelines.genomics.nodes import embed_sequences
from neurogenomics_kb.pipelines.genomics.parameters import CacheParameters
from tests.pipelines.modality_runs import check_persisted, run_pipeline
from tests.recipes import partial_recipe

SEQUENCE = "ACGTTGCAAGGCTATCCGATTACAGGCATTACGAGCTAGCATCGATTGCAC"
SAMPLES = ["s1", "s2", "s3", "s4"]
RECORDS = [  # (position, ref, alt, genotypes)
    (6, "G", "T", ["0|1", "1|1", "0|0", ".|."]),
    (12, "C", "CAA", ["0|0", "1|0", "0|0", ".|."]),
    (33, "G", "A", ["1|0", "0|0", ".|0", ".|."]),
]
ABSENT = NotCollected(modality="genomics", reason="no blood samples")
INTERMEDIATE = (
    "regions",
    "distinct_sequences",
    "haplotype_index",
    "call_rates",
    "exon_embeddings",
)


def make_recipe(levels=(), **encoders):
    """Recipe with one genomics block for each encoder."""
    blocks = {
        f"block_{encoder}": {
            "modality": "genomics",
            "encoder": encoder,
            "levels": [{"level": level, "pooling": how} for level, how in levels],
        }
        for encoder in encoders
    }
    blocks["brain"] = {"modality": "smri", "encoder": None, "levels": []}
    return {"encoders": encoders, "blocks": blocks}


@pytest.fixture
def run_modality(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return run_pipeline


@pytest.fixture
def raw(tmp_path):
    fasta = tmp_path / "raw.fa"
    fasta.write_text(f">chr1\n{SEQUENCE}\n")
    header = (
        "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=50>\n"
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    )
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *SAMPLES]
    lines = ["\t".join(columns)]
    for position, ref, alt, calls in RECORDS:
        lines.append("\t".join(["chr1", str(position), ".", ref, alt, ".", ".", ".", "GT", *calls]))
    plain = tmp_path / "raw.vcf"
    plain.write_text(header + "\n".join(lines) + "\n")
    vcf = tmp_path / "raw.vcf.gz"
    pysam.tabix_compress(str(plain), str(vcf))
    pysam.tabix_index(str(vcf), preset="vcf")
    annotation = pd.DataFrame(
        [("chr1", "exon", 3, 20, "+", "E1", "ALPHA"), ("chr1", "exon", 30, 45, "-", "E2", "BETA")],
        columns=["seqname", "feature", "start", "end", "strand", "gene_id", "gene_name"],
    )
    scores = pd.DataFrame(
        {"participant_id": ["s2", "s1", "s4", "s5"], "PGS01": [0.1, np.nan, 0.3, 0.4]}
    )
    return {
        "genomics.reference": fasta,
        "genomics.annotation": annotation,
        "genomics.variants": vcf,
        "genomics.polygenic_scores": scores,
        "recipe": make_recipe(kmer2={"type": "kmer", "k": 2}),
    }


LENIENT = {"genomics": {"quality": {"max_missing_call_rate": 0.4}}}


def test_features_and_quality(raw, run_modality):
    catalog = run_modality(create_pipeline(), raw, LENIENT)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("genomics.quality")
    assert quality.index.name == "subject_id"
    assert quality["reason"].to_dict() == {
        "s1": "",
        "s2": "",
        "s3": "",
        "s4": "missing call rate above 0.4",
        "s5": "no genotypes",
    }
    assert quality["included"].tolist() == [True, True, True, False, False]
    assert quality["missing_call_rate"].iloc[2] == pytest.approx(1 / 3)
    features = catalog.load("genomics.features")
    assert features.index.tolist() == ["s1", "s2", "s3"]
    assert features.columns[-1] == "genomics__pgs__PGS01"
    assert features["genomics__pgs__PGS01"].isna().tolist() == [True, False, True]
    assert set(features.dtypes) == {np.dtype(float)}


def test_gene_embedding_is_that_of_the_personal_sequences(raw, run_modality):
    features = run_modality(create_pipeline(), raw, LENIENT).load("genomics.features")
    encoder = KmerEncoder(2)
    exon = SEQUENCE[2:20]
    with_snv = exon[:3] + "T" + exon[4:]
    with_both = with_snv[:9] + "CAA" + with_snv[10:]
    wanted = encoder.embed([with_snv, with_both]).mean(axis=0)
    columns = [f"genomics__kmer2__ALPHA__{name}" for name in encoder.names]
    np.testing.assert_allclose(features.loc["s2", columns].astype(float), wanted)


def test_deduplicated_embedding_equals_embedding_everybody(raw, run_modality):
    catalog = run_modality(create_pipeline(), raw)
    distinct = catalog.load("genomics.distinct_sequences")
    index = catalog.load("genomics.haplotype_index")
    embeddings = catalog.load("genomics.exon_embeddings")
    everybody = KmerEncoder(2).embed(distinct["sequence"].loc[index["sequence_id"]].tolist())
    np.testing.assert_array_equal(embeddings.loc[index["sequence_id"]].to_numpy(), everybody)
    assert len(distinct) < len(index)


def test_intermediate_results_survive_their_files(raw, run_modality):
    catalog = run_modality(create_pipeline(), raw)
    index = catalog.load("genomics.haplotype_index")
    assert list(index["sample"].cat.categories) == SAMPLES
    assert catalog.load("genomics.distinct_sequences").index.name == "sequence_id"
    assert catalog.load("genomics.sequence_counts")["missing_alleles"] == 7
    assert catalog.load("genomics.regions")["region_id"].tolist() == ["ALPHA.1", "BETA.1"]


def test_log_tells_how_many_sequences_are_distinct(raw, run_modality, caplog):
    with caplog.at_level(logging.INFO):
        run_modality(create_pipeline(), raw)
    assert "5 distinct among 16 sequences" in caplog.text
    assert "no genotypes: 1" in caplog.text
    assert "1 subjects have no polygenic scores" in caplog.text


def test_two_encoders_make_two_groups(raw, run_modality):
    raw["recipe"] = make_recipe(kmer2={"type": "kmer", "k": 2}, kmer1={"type": "kmer", "k": 1})
    features = run_modality(create_pipeline(), raw).load("genomics.features")
    groups = {column.split("__")[1] for column in features}
    assert groups == {"kmer2", "kmer1", "pgs"}


def test_cohort_without_genetics_gives_empty_tables(raw, run_modality):
    inputs = dict.fromkeys(raw, ABSENT) | {"recipe": raw["recipe"]}
    catalog = run_modality(create_pipeline(), inputs)
    check_persisted(create_pipeline(), catalog)
    for name in (*INTERMEDIATE, "features", "quality"):
        table = catalog.load(f"genomics.{name}")
        assert table.shape == (0, 0)
        assert table.index.name == "subject_id"
    assert catalog.load("genomics.sequence_counts") == {}


def test_scores_alone_are_enough(raw, run_modality):
    inputs = dict.fromkeys(raw, ABSENT) | {
        "recipe": raw["recipe"],
        "genomics.polygenic_scores": raw["genomics.polygenic_scores"],
    }
    catalog = run_modality(create_pipeline(), inputs)
    assert catalog.load("genomics.features").columns.tolist() == ["genomics__pgs__PGS01"]
    assert catalog.load("genomics.quality")["included"].all()
    assert len(catalog.load("genomics.features")) == 4


def test_sequences_alone_are_enough(raw, run_modality):
    catalog = run_modality(create_pipeline(), raw | {"genomics.polygenic_scores": ABSENT})
    features = catalog.load("genomics.features")
    assert {column.split("__")[1] for column in features} == {"kmer2"}
    assert catalog.load("genomics.quality").index.tolist() == SAMPLES


def test_embeddings_made_elsewhere_are_enough(raw, run_modality):
    made = pd.DataFrame({"participant_id": SAMPLES[:3], "caduceus__G1__0": [0.1, 0.2, 0.3]})
    inputs = dict.fromkeys(raw, ABSENT) | {
        "recipe": raw["recipe"],
        "genomics.polygenic_scores": raw["genomics.polygenic_scores"],
        "genomics.gene_embeddings": made,
    }
    catalog = run_modality(create_pipeline(), inputs)
    features = catalog.load("genomics.features")
    assert features.columns.tolist() == ["genomics__caduceus__G1__0", "genomics__pgs__PGS01"]
    assert features["genomics__caduceus__G1__0"].tolist() == [0.1, 0.2, 0.3]
    quality = catalog.load("genomics.quality")
    assert quality.loc["s4", "reason"] == "no gene embeddings"


def test_one_embedding_from_two_places_is_refused(raw, run_modality):
    encoder = next(iter(raw["recipe"]["encoders"]))
    features = run_modality(create_pipeline(), raw).load("genomics.features")
    column = next(c for c in features if encoder in c).removeprefix("genomics__")
    made = pd.DataFrame({"participant_id": SAMPLES, column: 0.5})
    with pytest.raises(InputError, match="the cohort has variants, from which the same"):
        run_modality(create_pipeline(), raw | {"genomics.gene_embeddings": made})


def test_subjects_can_be_left_out_by_hand(raw, run_modality):
    changes = {"genomics": {"quality": {"exclude": ["s1"]}}}
    quality = run_modality(create_pipeline(), raw, changes).load("genomics.quality")
    assert quality.loc["s1", "reason"] == "excluded by hand"
    changes["genomics"]["quality"]["exclude"] = ["s9"]
    with pytest.raises(InputError, match="s9 is to be left out but not in the data"):
        run_modality(create_pipeline(), raw, changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality": {"max_mising_call_rate": 0.1}}, "max_mising_call_rate"),
        ({"quality": {"max_missing_call_rate": 5}}, "less than or equal to 1"),
        ({"sequences": {"unphased": "guess"}}, "unphased"),
    ],
)
def test_parameters_are_checked_before_anything_runs(raw, run_modality, changes, message):
    with pytest.raises(ParameterValidationError, match=message):
        run_modality(create_pipeline(), raw, {"genomics": changes})


def test_encoders_embed_each_distinct_sequence_once(monkeypatch):
    seen = []
    original = KmerEncoder.embed
    monkeypatch.setattr(
        KmerEncoder, "embed", lambda self, texts: seen.extend(texts) or original(self, texts)
    )
    distinct = pd.DataFrame({"sequence": ["ACGT", "AAAA"]}).rename_axis("sequence_id")
    index = pd.DataFrame({"sample": ["a", "a"], "sequence_id": [0, 1]})
    recipe = make_recipe(k2={"type": "kmer", "k": 2})
    _, notes = embed_sequences(
        distinct, index, partial_recipe(**recipe), CacheParameters(folder="unused")
    )
    assert notes["k2"]["computed"] == len(distinct)
    assert seen == ["ACGT", "AAAA"]


LEVELS = [("exon", "mean"), ("gene", "prior_weighted"), ("subject", "mean")]


def test_levels_of_the_card_are_what_runs(raw, run_modality):
    side_by_side = run_modality(create_pipeline(), raw, LENIENT).load("genomics.features")
    raw["recipe"] = make_recipe(LEVELS, kmer2={"type": "kmer", "k": 2})
    raw["genomics.pooling_weights"] = pd.DataFrame(
        {"id": ["ALPHA.1", "BETA.1"], "weight": [3.0, 0.5]}
    )
    pooled = run_modality(create_pipeline(), raw, LENIENT).load("genomics.features")
    names = pooled.columns[pooled.columns.str.startswith("genomics__kmer2__")]
    assert names.str.startswith("genomics__kmer2__all_genes__").all()
    for name in names:
        genes = side_by_side.filter(regex=rf"^genomics__kmer2__.*__{name.split('__')[-1]}$")
        assert genes.shape[1] == 2
        np.testing.assert_allclose(pooled[name], genes.mean(axis=1))


def test_weights_that_a_card_needs_must_be_there(raw, run_modality):
    raw["recipe"] = make_recipe(LEVELS, kmer2={"type": "kmer", "k": 2})
    with pytest.raises(InputError, match="weighs every exon by a table, which was not collected"):
        run_modality(create_pipeline(), raw, LENIENT)


def test_absent_weights_of_a_model_are_told_before_the_long_step(raw, run_modality, monkeypatch):
    monkeypatch.delenv("NGKB_MODEL_DIR", raising=False)
    raw["recipe"] = make_recipe(fm={"type": "hyenadna", "weights": "nowhere"})
    raw["genomics.variants"] = "never opened"
    with pytest.raises(InputError, match="no checkpoint folder 'nowhere'"):
        run_modality(create_pipeline(), raw, LENIENT)


def test_one_encoder_is_pooled_in_one_way_per_experiment():
    recipe = make_recipe(LEVELS, kmer2={"type": "kmer", "k": 2})
    recipe["blocks"]["other"] = recipe["blocks"]["block_kmer2"] | {"levels": []}
    with pytest.raises(InputError, match="'other' pools 'kmer2' otherwise"):
        gene_pooling(partial_recipe(**recipe))


def test_windows_around_the_start_site_run(raw, run_modality, caplog):
    levels = [("window", "mean"), ("gene", "mean"), ("subject", "concatenate")]
    raw["recipe"] = make_recipe(levels, kmer2={"type": "kmer", "k": 2})
    raw["recipe"]["blocks"]["block_kmer2"]["levels"][0] |= {"flank": 10, "bases": 8, "overlap": 0.5}
    raw["genomics.elements"] = pd.DataFrame(
        {"chrom": ["chr1"], "start": [3], "end": [9], "element": ["promoter"]}
    )
    catalog = run_modality(create_pipeline(), raw, LENIENT)
    units = catalog.load("genomics.regions")["gene_id"].unique().tolist()
    assert units == ["ALPHA:window", "ALPHA:promoter", "BETA:window"]
    groups = {c.split("__")[2] for c in catalog.load("genomics.features") if "__kmer2__" in c}
    assert groups == set(units)
    assert "bases a haplotype" in caplog.text


def test_exons_and_windows_are_two_experiments():
    recipe = make_recipe([("window", "mean")], kmer2={"type": "kmer", "k": 2})
    recipe["blocks"]["other"] = recipe["blocks"]["block_kmer2"] | {"levels": []}
    with pytest.raises(InputError, match="made of different regions"):
        regulatory_window(partial_recipe(**recipe))


def test_a_gene_set_decides_which_sequences_are_cut(raw, run_modality):
    raw["recipe"] = make_recipe(kmer2={"type": "kmer", "k": 2})
    raw["recipe"]["blocks"]["block_kmer2"]["gene_set"] = "one"
    raw["recipe"]["gene_sets"] = {"one": ["BETA"]}
    catalog = run_modality(create_pipeline(), raw, LENIENT)
    assert catalog.load("genomics.regions")["gene_id"].unique().tolist() == ["BETA"]
    # Another block of the same encoder that wants every gene gets every gene.
    raw["recipe"]["blocks"]["all"] = raw["recipe"]["blocks"]["block_kmer2"] | {"gene_set": None}
    catalog = run_modality(create_pipeline(), raw, LENIENT)
    assert set(catalog.load("genomics.regions")["gene_id"]) == {"ALPHA", "BETA"}


def test_one_vector_of_two_gene_sets_is_two_experiments():
    recipe = make_recipe(LEVELS, kmer2={"type": "kmer", "k": 2})
    recipe["blocks"]["block_kmer2"]["gene_set"] = "one"
    recipe["blocks"]["other"] = recipe["blocks"]["block_kmer2"] | {"gene_set": "two"}
    with pytest.raises(InputError, match="'other' pools 'kmer2' otherwise"):
        gene_pooling(partial_recipe(**recipe))
