"""Several files as one source of genotypes."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import VcfDataset, WithoutWithdrawnDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome import blocks, vcf
from neurogenomics_kb.genome.haplotypes import personal_sequences
from neurogenomics_kb.genome.variants import open_variants
from tests.genome.conftest import write_fasta, write_vcf
from tests.genome.test_haplotypes import TWO_CONTIGS

LENGTHS = {"chr1": 600, "chr2": 600}


def split(folder, cohort, edges):
    """The rows of a cohort in blocks, named as UK Biobank names its exomes."""
    rows = sorted(cohort.rows, key=lambda row: (row[0], row[1]))
    paths = []
    for contig in ("chr1", "chr2"):
        own = [row for row in rows if row[0] == contig]
        for number, (low, high) in enumerate(zip(edges, [*edges[1:], 10_000], strict=True)):
            part = [row for row in own if low <= row[1] < high]
            path = folder / f"ukb23157_c{contig[3:]}_b{number}_v1.vcf.gz"
            paths.append(write_vcf(path, LENGTHS, cohort.samples, part))
    return paths


@pytest.mark.parametrize("whole", [0, 1 << 30])
def test_blocks_are_the_one_file(cohort, tmp_path, monkeypatch, whole):
    monkeypatch.setattr(vcf, "WHOLE", whole)
    monkeypatch.setattr(blocks, "OPEN", 2)
    fasta = write_fasta(tmp_path / "reference.fa", cohort.contigs)
    one = write_vcf(tmp_path / "one.vcf.gz", LENGTHS, cohort.samples, cohort.rows)
    # The fourth block has no record; the eleventh comes before the second by name.
    paths = split(tmp_path, cohort, [0, 70, 200, 599, 600])
    wanted = personal_sequences(fasta, TWO_CONTIGS, one)
    chosen = cohort.samples[::-1][:3]
    for source in (paths, paths[::-1], tmp_path / "ukb23157_c*_b*_v1.vcf.gz"):
        found = personal_sequences(fasta, TWO_CONTIGS, source)
        assert found.distinct == wanted.distinct
        assert found.counts == wanted.counts
        pd.testing.assert_frame_equal(found.index, wanted.index)
        with open_variants(source, chosen) as calls:
            assert calls.samples == chosen
            starts = [r.position for r in calls.records("chr1", 0, 600)]
            assert starts == [row[1] - 1 for row in cohort.rows if row[0] == "chr1"]


def test_overlapping_blocks_are_refused(cohort, tmp_path):
    paths = split(tmp_path, cohort, [0, 300])
    rows = [row for row in cohort.rows if row[0] == "chr1" and 250 < row[1] < 290]
    more = write_vcf(tmp_path / "ukb23157_c1_b9_v1.vcf.gz", LENGTHS, cohort.samples, rows)
    with pytest.raises(InputError, match=r"c1_b9_v1.vcf.gz: holds chr1:\d+, which .*c1_b0.* cov"):
        open_variants([*paths, more])
    with pytest.raises(InputError, match="listed more than once"):
        open_variants([paths[0], paths[0]])


def test_blocks_of_other_people_are_refused(cohort, tmp_path):
    paths = split(tmp_path, cohort, [0, 300])
    rows = [row for row in cohort.rows if row[0] == "chr2" and row[1] >= 300]
    for people, what in (
        (["x", *cohort.samples[1:]], "s0, x in one only"),
        (cohort.samples[::-1], "in another order"),
    ):
        write_vcf(paths[-1], LENGTHS, people, rows)
        with pytest.raises(InputError, match=rf"c2_b1_v1.vcf.gz: the people are not.*{what}"):
            open_variants(paths)


def test_a_damaged_or_missing_block_is_named(cohort, tmp_path):
    paths = split(tmp_path, cohort, [0, 300])
    data = bytearray(paths[2].read_bytes())
    data[60] ^= 1
    paths[2].write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"c2_b0_v1.vcf.gz: the compressed block at byte 0"):
        open_variants(paths)
    with pytest.raises(InputError, match=r"b7.*does not exist"):
        open_variants([*paths, tmp_path / "ukb23157_c1_b7_v1.vcf.gz"])
    with pytest.raises(InputError, match="no file of variants fits the pattern"):
        open_variants(tmp_path / "none*.vcf.gz")
    (tmp_path / "v.pgen").write_bytes(b"")
    with pytest.raises(InputError, match=r"the format is pgen, that of .* vcf"):
        open_variants([paths[0], tmp_path / "v.pgen"])


def test_the_catalog_names_a_pattern_or_a_list(cohort, tmp_path):
    paths = split(tmp_path, cohort, [0, 300])
    pattern = VcfDataset(filepath=str(tmp_path / "ukb23157_c*_b*_v1.vcf.gz"))
    listed = VcfDataset(filepath=[str(path) for path in paths])
    assert pattern.exists()
    assert pattern.choices == listed.choices
    assert VcfDataset(filepath=str(paths[0])).choices == ""
    before = pattern.choices
    os.utime(paths[1], (1, 1))
    assert pattern.choices != before
    for dataset in (pattern, listed):
        with open_variants(dataset.load()) as calls:
            assert sum(len(list(calls.records(c, 0, 600))) for c in LENGTHS) == len(cohort.rows)
    rows = np.array([row[1] for row in cohort.rows])
    assert rows.max() < 600


def test_withdrawn_people_are_looked_for_in_all_blocks(cohort, tmp_path):
    paths = split(tmp_path, cohort, [0, 300])
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/w1.csv").write_text("s3\n")
    for filepath in ([str(path) for path in paths], str(tmp_path / "ukb*.vcf.gz")):
        inner = {"type": "neurogenomics_kb.datasets.VcfDataset", "filepath": filepath}
        dataset = WithoutWithdrawnDataset(dataset=inner, withdrawn=str(tmp_path / "lists"))
        with pytest.raises(Exception, match="withdrawn participants are in the variant file"):
            dataset.load()


def test_blocks_that_name_a_chromosome_differently_are_refused(tmp_path):
    paths = [
        write_vcf(tmp_path / f"{name}.vcf.gz", {name: 600}, ["a"], [(name, p, "A", "C", ["0|1"])])
        for name, p in (("chr1", 10), ("1", 300))
    ]
    with pytest.raises(InputError, match="records under 'chr1' and under '1'"):
        open_variants(paths)
