"""Dosages are what a count of the VCF's own text gives."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd

from neurogenomics_kb.genome.dosages import allele_dosages
from neurogenomics_kb.genome.haplotypes import personal_sequences
from tests.genome.conftest import RandomCohort


def counted(file, regions):
    """Alternate alleles by gene, place and sample, from the lines of the file."""
    wanted = {}
    for line in gzip.decompress(file.read_bytes()).decode().splitlines():
        if line.startswith("#"):
            samples = line.split()[9:]
            continue
        chrom, position, _, ref, alts, *_, genotypes = line.rstrip("\n").split("\t", 9)
        start, end = int(position) - 1, int(position) - 1 + len(ref)
        for region in regions.itertuples():
            if region.chrom != chrom or start < region.start or end > region.end:
                continue
            for number, alt in enumerate(alts.split(","), 1):
                if not alt.startswith("<"):
                    key = (region.gene_id, f"{chrom}:{position}:{ref}:{alt}")
                    own = [
                        gt.replace("/", "|").split("|").count(str(number))
                        for gt in genotypes.split("\t")
                    ]
                    wanted.setdefault(key, own)
    return pd.DataFrame(wanted, index=samples).T


def test_dosages_equal_a_count_of_the_file(files):
    cohort = RandomCohort(3)
    fasta, vcf = files(cohort.contigs, cohort.samples, cohort.rows)
    regions = pd.DataFrame(
        {"region_id": ["a", "b", "c"], "gene_id": ["G1", "G1", "G2"],
         "chrom": ["chr1", "chr1", "chr2"], "start": [0, 300, 50], "end": [250, 590, 500]}
    )  # fmt: skip
    found = allele_dosages(regions, vcf)
    wanted = counted(vcf, regions)
    assert len(wanted) > 60
    names = found.columns.str.split("__", expand=True)
    assert set(names.get_level_values(0)) == {"genomics"}
    assert set(names.get_level_values(1)) == {"dosage"}
    own = {(gene, place): column for column, (_, _, gene, place) in zip(found, names, strict=True)}
    assert set(own) == set(wanted.index)
    for key, row in wanted.iterrows():
        assert found[own[key]].tolist() == row.tolist(), key
    assert found.index.tolist() == cohort.samples
    # Several alternates of one record have a column each, and somebody carries two of them.
    places = [place.rsplit(":", 1)[0] for _, place in own]
    assert len(set(places)) < len(places)
    # A region whose people differ in no dosage has one sequence, and the other way round.
    personal = personal_sequences(fasta, regions, vcf)
    kinds = personal.index.groupby("region_id", observed=True)["sequence_id"].nunique()
    assert (kinds > 1).all()
    assert found.to_numpy().max() == 2


def test_what_has_no_sequence_or_crosses_a_border_is_no_column(files):
    rows = [
        ("chr1", 11, "A", "<DEL>", ["0|1", "0|0"]),
        ("chr1", 20, "AAA", "A", ["0|1", "1|1"]),
        ("chr1", 30, "A", "C," + "A" * 30, ["1|2", ".|1"]),
    ]
    _, vcf = files({"chr1": "A" * 60}, ["s1", "s2"], rows)
    regions = pd.DataFrame({"gene_id": ["G"], "chrom": ["chr1"], "start": [5], "end": [21]})
    assert allele_dosages(regions, vcf).shape == (2, 0)
    wider = allele_dosages(regions.assign(end=50), vcf)
    assert wider.iloc[:, 0].tolist() == [1, 2]
    assert wider.iloc[:, 1].tolist() == [1, 1]
    assert wider.iloc[:, 2].tolist() == [1, 0]
    assert wider.columns[2].startswith("genomics__dosage__G__chr1:30:A:AAAAAAAA(30)")
    assert wider.dtypes.unique().tolist() == [np.dtype("int8")]
