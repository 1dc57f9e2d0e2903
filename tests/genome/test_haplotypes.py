from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pysam.bcftools
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.haplotypes import personal_sequences


def make_regions(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["region_id", "gene_id", "chrom", "start", "end"])
    return table.assign(strand="+")


REFERENCE = {"chr1": "ACGTACGTACGTACGTACGTACGTACGTACGT", "chr2": "TTTTCCCCAAAAGGGG"}
EXON = make_regions(("G.1", "G", "chr1", 4, 20))
TWO_CONTIGS = make_regions(
    ("A.1", "A", "chr1", 10, 160),
    ("A.2", "A", "chr1", 200, 420),
    ("B.1", "B", "chr2", 0, 350),
    ("B.2", "B", "chr2", 351, 600),
)


def sequences_of(result, sample):
    rows = result.index[result.index["sample"] == sample]
    return {
        (row.region_id, row.haplotype): result.distinct[row.sequence_id]
        for row in rows.itertuples()
    }


def naive_haplotype(reference: str, start: int, end: int, rows, sample: int, side: int) -> str:
    """One cell per reference base; alleles overwrite cells, first come first served."""
    cells = list(reference[start:end])
    taken_to, inserted = -1, False
    for _, position, ref, alts, genotypes in rows:
        first = position - 1 - start
        last = first + len(ref) - 1
        if first < 0 or last >= len(cells):
            continue
        allele = genotypes[sample].split("|")[side]
        if allele in ".0":
            continue
        alt = alts.split(",")[int(allele) - 1]
        if first <= taken_to:
            indel_on_last = first == taken_to and len(alt) != len(ref) and alt[0] == ref[0]
            if not indel_on_last or inserted:
                continue
            cells[first] += alt[1:]
        else:
            cells[first] = alt
        for cell in range(first + 1, last + 1):
            cells[cell] = ""
        taken_to, inserted = last, len(alt) > len(ref)
    return "".join(cells)


def test_phased_alleles_go_to_their_haplotypes(files):
    rows = [
        ("chr1", 6, "C", "T", ["0|1", "1|1"]),
        ("chr1", 10, "C", "CGG", ["1|0", "0|0"]),
        ("chr1", 14, "CGT", "C", ["0|1", "0|0"]),
        ("chr1", 19, "G", "A,T", ["2|1", "0|2"]),
    ]
    fasta, vcf = files(REFERENCE, ["a", "b"], rows)
    result = personal_sequences(fasta, EXON, vcf)
    assert sequences_of(result, "a") == {
        ("G.1", 1): "ACGTACGGGTACGTACTT",
        ("G.1", 2): "ATGTACGTACACAT",
    }
    assert sequences_of(result, "b") == {
        ("G.1", 1): "ATGTACGTACGTACGT",
        ("G.1", 2): "ATGTACGTACGTACTT",
    }
    assert result.counts["records"] == 4
    assert result.counts["applied_alleles"] == 8


def test_samples_come_in_the_order_asked_for(files):
    rows = [("chr1", 6, "C", "T", ["0|1", "1|1", "0|0"])]
    fasta, vcf = files(REFERENCE, ["a", "b", "c"], rows)
    everyone = personal_sequences(fasta, EXON, vcf)
    some = personal_sequences(fasta, EXON, vcf, ["c", "a"])
    assert some.index["sample"].tolist() == ["c", "c", "a", "a"]
    for sample in ("a", "c"):
        assert sequences_of(some, sample) == sequences_of(everyone, sample)


def test_agrees_with_naive_oracle(cohort, files):
    fasta, vcf = files(cohort.contigs, cohort.samples, cohort.rows)
    result = personal_sequences(fasta, TWO_CONTIGS, vcf)
    for number, sample in enumerate(cohort.samples):
        got = sequences_of(result, sample)
        for region in TWO_CONTIGS.itertuples():
            rows = [row for row in cohort.rows if row[0] == region.chrom]
            for side in (0, 1):
                wanted = naive_haplotype(
                    cohort.contigs[region.chrom], region.start, region.end, rows, number, side
                )
                assert got[region.region_id, side + 1] == wanted
    assert result.counts["overlapping_alleles"] > 0
    assert len(set(result.distinct)) == len(result.distinct)


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_agrees_with_bcftools_consensus(cohort, files, tmp_path):
    # bcftools trims records that run past a region instead of leaving them out: give it the rest.
    fasta, vcf = files(cohort.contigs, cohort.samples, cohort.inside(TWO_CONTIGS))
    result = personal_sequences(fasta, TWO_CONTIGS, vcf)
    cut = tmp_path / "cut.fa"
    cut.write_text(
        "".join(
            f">{region.chrom}:{region.start + 1}-{region.end}\n"
            f"{cohort.contigs[region.chrom][region.start : region.end]}\n"
            for region in TWO_CONTIGS.itertuples()
        )
    )
    for sample in cohort.samples:
        got = sequences_of(result, sample)
        for haplotype in (1, 2):
            run = subprocess.run(
                ["bcftools", "consensus", "-H", str(haplotype), "-s", sample, "-f", cut, vcf],
                capture_output=True,
                text=True,
                check=True,
            )
            blocks = ["".join(part.split("\n")[1:]) for part in run.stdout.split(">")[1:]]
            wanted = dict(zip(TWO_CONTIGS["region_id"], blocks, strict=True))
            assert {name: got[name, haplotype] for name in wanted} == wanted


def test_missing_alleles_take_the_reference_and_are_counted(files):
    rows = [
        ("chr1", 6, "C", "T", [".|1", "./.", "1|1"]),
        ("chr1", 12, "T", "G", ["0|0", ".|.", "0|0"]),
        ("chr1", 30, "C", "G", [".|.", ".|.", ".|."]),  # outside every region
    ]
    fasta, vcf = files(REFERENCE, ["a", "b", "c"], rows)
    result = personal_sequences(fasta, EXON, vcf)
    assert sequences_of(result, "a")["G.1", 1] == REFERENCE["chr1"][4:20]
    assert sequences_of(result, "a")["G.1", 2] == "ATGTACGTACGTACGT"
    assert result.counts["missing_alleles"] == 5
    assert result.missing_call_rate.to_dict() == {"a": 0.5, "b": 1.0, "c": 0.0}
    with pytest.raises(InputError, match=r"5 missing alleles.*Impute"):
        personal_sequences(fasta, EXON, vcf, missing="error")


def test_records_shared_by_overlapping_regions_count_once(files):
    rows = [("chr1", 8, "T", "G", [".|0", "1|1"])]
    fasta, vcf = files(REFERENCE, ["a", "b"], rows)
    regions = make_regions(("G.1", "G", "chr1", 4, 20), ("H.1", "H", "chr1", 6, 12))
    result = personal_sequences(fasta, regions, vcf)
    assert result.counts["records"] == 1
    assert result.counts["missing_alleles"] == 1
    assert result.missing_call_rate["a"] == 1.0
    assert sequences_of(result, "b")["H.1", 1] == "GGACGT"[:2] + "ACGT"


def test_unphased_heterozygotes_need_a_policy(files):
    rows = [
        ("chr1", 6, "C", "T", ["0/1", "1/1"]),
        ("chr1", 8, "T", "G", ["1/0", "0/0"]),
    ]
    fasta, vcf = files(REFERENCE, ["a", "b"], rows)
    with pytest.raises(InputError, match=r"2 unphased heterozygous calls.*as_listed"):
        personal_sequences(fasta, EXON, vcf)
    result = personal_sequences(fasta, EXON, vcf, unphased="as_listed")
    assert sequences_of(result, "a")["G.1", 1].startswith("ACGG")
    assert sequences_of(result, "a")["G.1", 2].startswith("ATGT")
    assert result.counts["unphased_heterozygotes"] == 2


def test_haploid_call_stands_for_both_haplotypes(files):
    fasta, vcf = files(REFERENCE, ["a", "b"], [("chr1", 6, "C", "T", ["1", "0|1"])])
    result = personal_sequences(fasta, EXON, vcf)
    assert set(sequences_of(result, "a").values()) == {"ATGTACGTACGTACGT"}
    assert result.counts["haploid_calls"] == 1
    _, only_haploid = files(REFERENCE, ["a", "b"], [("chr1", 6, "C", "T", ["1", "0"])])
    result = personal_sequences(fasta, EXON, only_haploid)
    assert set(sequences_of(result, "a").values()) == {"ATGTACGTACGTACGT"}
    assert result.counts["haploid_calls"] == 2


def test_symbolic_alleles_are_left_out_and_counted(files):
    rows = [("chr1", 6, "C", "T,<DEL>,*", ["2|1", "3|0"])]
    fasta, vcf = files(REFERENCE, ["a", "b"], rows)
    result = personal_sequences(fasta, EXON, vcf)
    reference = REFERENCE["chr1"][4:20]
    assert sequences_of(result, "a") == {("G.1", 1): reference, ("G.1", 2): "ATGTACGTACGTACGT"}
    assert set(sequences_of(result, "b").values()) == {reference}
    assert result.counts["symbolic_alleles"] == 2


def test_records_across_a_boundary_are_left_out_and_counted(files):
    rows = [
        ("chr1", 4, "TAC", "T", ["1|1"]),
        ("chr1", 20, "T", "TGG", ["0|1"]),  # an insertion behind the last base lies inside
        ("chr1", 20, "TA", "T", ["1|0"]),
    ]
    fasta, vcf = files(REFERENCE, ["a"], rows)
    result = personal_sequences(fasta, EXON, vcf)
    reference = REFERENCE["chr1"][4:20]
    assert sequences_of(result, "a") == {("G.1", 1): reference, ("G.1", 2): reference + "GG"}
    assert result.counts["boundary_records"] == 2


def test_equal_sequences_of_different_patterns_are_one(files):
    # Deleting either copy of a repeated base gives one sequence.
    rows = [("chr2", 2, "TT", "T", ["1|0"]), ("chr2", 3, "TT", "T", ["0|1"])]
    fasta, vcf = files(REFERENCE, ["a"], rows)
    result = personal_sequences(fasta, make_regions(("X.1", "X", "chr2", 0, 16)), vcf)
    assert result.distinct == ["TTTCCCCAAAAGGGG"]
    assert result.index["sequence_id"].tolist() == [0, 0]


def test_strings_are_built_per_distinct_haplotype(files, monkeypatch):
    rng = np.random.default_rng(0)
    founders = rng.integers(0, 2, size=(5, 3))
    picks = rng.integers(0, 5, size=(500, 2))
    positions = [(6, "C", "T"), (9, "A", "G"), (15, "G", "C")]
    rows = [
        ("chr1", position, ref, alt, [f"{founders[a, i]}|{founders[b, i]}" for a, b in picks])
        for i, (position, ref, alt) in enumerate(positions)
    ]
    fasta, vcf = files(REFERENCE, [f"s{i}" for i in range(500)], rows)
    import neurogenomics_kb.genome.haplotypes as module

    built = []
    original = module.apply_alleles
    monkeypatch.setattr(module, "apply_alleles", lambda *a: built.append(1) or original(*a))
    result = personal_sequences(fasta, EXON, vcf)
    assert len(result.index) == 1000
    assert len(built) == len(result.distinct) == len(np.unique(founders, axis=0))


def test_index_has_every_haplotype_once(cohort, files):
    fasta, vcf = files(cohort.contigs, cohort.samples, cohort.rows)
    index = personal_sequences(fasta, TWO_CONTIGS, vcf).index
    assert list(index.columns) == ["sample", "region_id", "haplotype", "sequence_id"]
    assert not index.duplicated(["sample", "region_id", "haplotype"]).any()
    assert len(index) == len(cohort.samples) * len(TWO_CONTIGS) * 2
    assert set(index["haplotype"]) == {1, 2}


def test_soft_masked_reference_is_the_same_reference(files):
    rows = [("chr1", 6, "C", "T", ["1|0"])]
    lower = {name: sequence.lower() for name, sequence in REFERENCE.items()}
    fasta, vcf = files(lower, ["a"], rows)
    result = personal_sequences(fasta, EXON, vcf)
    assert sorted(result.distinct) == ["ACGTACGTACGTACGT", "ATGTACGTACGTACGT"]


def test_wrong_build_names_how_many_records(files):
    rows = [
        ("chr1", 6, "C", "T", ["0|1"]),
        ("chr1", 7, "A", "T", ["0|1"]),
        ("chr1", 8, "A", "T", ["0|1"]),
    ]
    fasta, vcf = files(REFERENCE, ["a"], rows)
    with pytest.raises(
        InputError, match=r"in 2 of 3 records, first chr1:7 has REF A, the FASTA G.*build"
    ):
        personal_sequences(fasta, EXON, vcf)


def test_contig_spelt_differently_is_said(files):
    rows = [("1", 6, "C", "T", ["0|1"])]
    fasta, vcf = files(REFERENCE, ["a"], rows, vcf_contigs={"1": 32})
    with pytest.raises(InputError, match=r"variants\.vcf\.gz.*'chr1' '1'"):
        personal_sequences(fasta, EXON, vcf)
    with pytest.raises(InputError, match=r"reference\.fa.*'1' 'chr1'"):
        personal_sequences(fasta, EXON.assign(chrom="1"), vcf)
    with pytest.raises(InputError, match=r"contig chrX .*genome build"):
        personal_sequences(fasta, EXON.assign(chrom="chrX"), vcf)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": ["a", "z"]}, r"not in the file: z \(1 of 2 subjects\)"),
        ({"samples": ["a", "a"]}, "more than once: a"),
        ({"variants": "none.vcf.gz"}, "does not exist"),
        ({"variants": "some.pgen"}, "does not exist"),
        ({"reference": "none.fa"}, "does not exist"),
        ({"regions": EXON.assign(end=99)}, "runs past the contig's 32 bp"),
        ({"regions": pd.concat([EXON, EXON])}, "region ids repeat"),
    ],
)
def test_unusable_input_is_refused(files, change, message):
    fasta, vcf = files(REFERENCE, ["a"], [("chr1", 6, "C", "T", ["0|1"])])
    arguments = {"reference": fasta, "regions": EXON, "variants": vcf, **change}
    with pytest.raises(InputError, match=message):
        personal_sequences(**arguments)


def test_missing_index_is_refused(files):
    fasta, vcf = files(REFERENCE, ["a"], [("chr1", 6, "C", "T", ["0|1"])], index=False)
    with pytest.raises(InputError, match=r"no index.*bcftools index"):
        personal_sequences(fasta, EXON, vcf)


def test_polyploid_and_sites_only_files_are_refused(files):
    fasta, vcf = files(REFERENCE, ["a"], [("chr1", 6, "C", "T", ["0|1|1"])])
    with pytest.raises(InputError, match="ploidy 3"):
        personal_sequences(fasta, EXON, vcf)
    fasta, vcf = files(REFERENCE, [], [("chr1", 6, "C", "T", [])])
    with pytest.raises(InputError, match="sites only"):
        personal_sequences(fasta, EXON, vcf)


def test_region_without_records_is_the_reference(files):
    fasta, vcf = files(REFERENCE, ["a", "b"], [("chr1", 30, "C", "T", ["0|1", "0|0"])])
    regions = make_regions(("G.1", "G", "chr1", 4, 20), ("X.1", "X", "chr2", 0, 8))
    result = personal_sequences(fasta, regions, vcf)
    assert result.distinct == [REFERENCE["chr1"][4:20], REFERENCE["chr2"][:8]]
    assert (result.missing_call_rate == 0).all()


@pytest.mark.parametrize(("suffix", "option"), [(".bcf", "-Ob"), (".csi.vcf.gz", "-Oz")])
def test_bcf_and_csi_index_give_the_same(cohort, files, tmp_path, suffix, option):
    fasta, vcf = files(cohort.contigs, cohort.samples, cohort.rows)
    other = tmp_path / f"other{suffix}"
    pysam.bcftools.view(option, "-o", str(other), str(vcf), catch_stdout=False)
    pysam.bcftools.index("--csi", str(other))
    first = personal_sequences(fasta, TWO_CONTIGS, vcf)
    second = personal_sequences(fasta, TWO_CONTIGS, other)
    assert first.distinct == second.distinct
    pd.testing.assert_frame_equal(first.index, second.index)
