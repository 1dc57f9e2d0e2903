from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pgenlib
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import PgenDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import open_variants
from tests.genome.conftest import write_fasta, write_vcf
from tests.genome.test_haplotypes import EXON, REFERENCE, TWO_CONTIGS


def write_pgen(path, samples, rows):
    """Rows as for `write_vcf`; a slash in a genotype is unphased."""
    offsets = [len(alt.split(",")) + 1 for *_, alt, _ in rows]
    writer = pgenlib.PgenWriter(
        str(path).encode(), len(samples), variant_ct=len(rows), nonref_flags=False,
        allele_ct_limit=max(offsets), hardcall_phase_present=True,
    )  # fmt: skip
    for (*_, genotypes), n_alleles in zip(rows, offsets, strict=True):
        pairs = [g.replace("/", "|").split("|") for g in genotypes]
        # PGEN knows whole missing calls only.
        alleles = [[-9, -9] if "." in pair else [int(a) for a in pair] for pair in pairs]
        phased = np.array(["|" in g for g in genotypes])
        writer.append_partially_phased(
            np.array(alleles, dtype=np.int32).reshape(-1), phased, allele_ct=n_alleles
        )
    writer.close()
    pvar = ["#CHROM\tPOS\tID\tREF\tALT"]
    pvar += [f"{chrom}\t{position}\t.\t{ref}\t{alt}" for chrom, position, ref, alt, _ in rows]
    path.with_suffix(".pvar").write_text("\n".join(pvar) + "\n")
    psam = ["#IID\tSEX", *(f"{sample}\tNA" for sample in samples)]
    path.with_suffix(".psam").write_text("\n".join(psam) + "\n")
    return path


ROWS = [
    ("chr1", 6, "C", "T", ["0|1", "1|1"]),
    ("chr1", 10, "C", "CGG", ["1|0", "0|0"]),
    ("chr1", 14, "CGT", "C", ["0|1", "0|0"]),
    ("chr1", 16, "T", "<DEL>", ["0|0", "0|1"]),
    ("chr1", 19, "G", "A,T", ["2|1", "0|2"]),
    ("chr2", 3, "T", "C", ["0|0", "./."]),
]


def whole(rows):
    """A call with one missing allele as wholly missing, as PGEN stores it."""
    return [(*site, [".|." if "." in g else g for g in calls]) for *site, calls in rows]


def test_same_people_as_from_vcf(cohort, tmp_path):
    rows = whole(cohort.rows)
    fasta = write_fasta(tmp_path / "reference.fa", cohort.contigs)
    lengths = {name: len(s) for name, s in cohort.contigs.items()}
    vcf = write_vcf(tmp_path / "v.vcf.gz", lengths, cohort.samples, rows)
    pgen = write_pgen(tmp_path / "v.pgen", cohort.samples, rows)
    for samples in (None, ["s4", "s0", "s2"]):
        wanted = personal_sequences(fasta, TWO_CONTIGS, vcf, samples)
        got = personal_sequences(fasta, TWO_CONTIGS, pgen, samples)
        assert got.distinct == wanted.distinct
        pd.testing.assert_frame_equal(got.index, wanted.index)
        assert got.counts == wanted.counts
        pd.testing.assert_series_equal(got.missing_call_rate, wanted.missing_call_rate)
    assert wanted.counts["missing_alleles"] > 0


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")
@pytest.mark.parametrize("packed", [[], ["vzs"]])
def test_files_of_plink2_are_read(cohort, tmp_path, packed):
    rows = whole(cohort.rows)
    fasta = write_fasta(tmp_path / "reference.fa", cohort.contigs)
    lengths = {name: len(s) for name, s in cohort.contigs.items()}
    vcf = write_vcf(tmp_path / "v.vcf.gz", lengths, cohort.samples, rows)
    command = ["plink2", "--vcf", str(vcf), "--output-chr", "chrM", "--threads", "1"]
    command += ["--make-pgen", *packed, "--sort-vars", "--out", str(tmp_path / "v")]
    subprocess.run(command, check=True, capture_output=True)
    got = personal_sequences(fasta, TWO_CONTIGS, tmp_path / "v.pgen")
    wanted = personal_sequences(fasta, TWO_CONTIGS, vcf)

    # plink2 sorts records of one position anew, which decides which of two overlapping ones wins.
    def alone(result):
        table = result.index.assign(text=[result.distinct[i] for i in result.index["sequence_id"]])
        return table.drop(columns="sequence_id")

    same = (alone(got) == alone(wanted)).all(axis=1)
    assert same.mean() > 0.5
    assert got.counts["records"] == wanted.counts["records"]
    assert got.counts["missing_alleles"] == wanted.counts["missing_alleles"]


def test_records_reach_into_a_region(tmp_path):
    pgen = write_pgen(tmp_path / "v.pgen", ["a", "b"], ROWS)
    with open_variants(pgen) as calls:
        assert calls.contigs == ["chr1", "chr2"]
        assert [r.position for r in calls.records("chr1", 14, 16)] == [13, 15]
        assert [r.position for r in calls.records("chr1", 18, 19)] == [18]
        assert [r.alts for r in calls.records("chr1", 15, 16)][-1] == (None,)
        assert list(calls.records("chr2", 5, 9)) == []
        assert list(calls.records("chr3", 0, 9)) == []


def test_unphased_calls_are_refused_unless_asked_for(tmp_path):
    fasta = write_fasta(tmp_path / "reference.fa", REFERENCE)
    rows = [("chr1", 6, "C", "T", ["0/1", "1/1"])]
    pgen = write_pgen(tmp_path / "v.pgen", ["a", "b"], rows)
    with pytest.raises(InputError, match="1 unphased heterozygous"):
        personal_sequences(fasta, EXON, pgen)
    assert len(personal_sequences(fasta, EXON, pgen, unphased="as_listed").distinct) == 2


def break_pgen(path):
    path.write_bytes(path.read_bytes()[:-3])


def drop_sample(path):
    lines = path.with_suffix(".psam").read_text().splitlines()
    path.with_suffix(".psam").write_text("\n".join(lines[:-1]) + "\n")


def drop_variant(path):
    lines = path.with_suffix(".pvar").read_text().splitlines()
    path.with_suffix(".pvar").write_text("\n".join(lines[:-1]) + "\n")


def unsort(path):
    lines = path.with_suffix(".pvar").read_text().splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    path.with_suffix(".pvar").write_text("\n".join(lines) + "\n")


def read_everything(path):
    with open_variants(path) as calls:
        for contig in calls.contigs:
            list(calls.records(contig, 0, 100))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_pgen, "damaged|cannot be opened"),
        (drop_sample, "cannot be opened with its .pvar and .psam"),
        (drop_variant, "cannot be opened with its .pvar and .psam"),
        (unsort, "not sorted by position"),
        (lambda path: path.with_suffix(".pvar").unlink(), "v.pvar: the file does not exist"),
        (lambda path: path.with_suffix(".psam").unlink(), "v.psam: the file does not exist"),
        (lambda path: path.with_suffix(".psam").write_text("a b\n1 2\n"), "column 'IID'"),
        (lambda path: path.unlink(), "does not exist"),
    ],
)
def test_unusable_files_are_refused(tmp_path, damage, message):
    pgen = write_pgen(tmp_path / "v.pgen", ["a", "b"], ROWS)
    damage(pgen)
    with pytest.raises(InputError, match=message):
        read_everything(pgen)


def test_dataset_checks_the_three_files(tmp_path):
    pgen = write_pgen(tmp_path / "v.pgen", ["a", "b"], ROWS)
    assert PgenDataset(filepath=str(pgen)).load() == pgen
    drop_sample(pgen)
    with pytest.raises(DatasetError, match="must be of one"):
        PgenDataset(filepath=str(pgen)).load()


def test_unknown_sample_is_refused(tmp_path):
    pgen = write_pgen(tmp_path / "v.pgen", ["a", "b"], ROWS)
    with pytest.raises(InputError, match="samples are not in the file: c"):
        open_variants(pgen, ["a", "c"])
