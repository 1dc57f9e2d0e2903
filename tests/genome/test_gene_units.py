"""Genes are told apart by their ids, whatever their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.regions import exon_regions
from neurogenomics_kb.genome.regulatory import RegulatoryWindow, regulatory_regions

CONTIGS = {"chr1": 10_000, "chr2": 10_000, "chrX": 10_000, "chrY": 10_000}
WINDOW = RegulatoryWindow(flank=100, bases=80)


def exons(*rows):
    """Rows are (seqname, start, end, strand, gene_id, gene_name, tag)."""
    columns = ["seqname", "start", "end", "strand", "gene_id", "gene_name", "tag"]
    return pd.DataFrame(rows, columns=columns).assign(feature="exon")


def units(table, **options):
    regions = exon_regions(table, CONTIGS, **options)
    assert regions["region_id"].is_unique
    assert all(len(set(own["chrom"])) == 1 for _, own in regions.groupby("gene_id"))
    windows = regulatory_regions(table, CONTIGS, WINDOW, **options)
    for unit, own in windows.groupby("gene_id"):
        gene = regions[regions["gene_id"] == unit.removesuffix(":window")]
        assert set(own["chrom"]) == set(gene["chrom"])
        assert own["start"].min() <= gene["end"].max()
        assert own["end"].max() >= gene["start"].min()
    return {unit: own["chrom"].iloc[0] for unit, own in regions.groupby("gene_id", sort=False)}


X = [("chrX", 501, 600, "+"), ("chrX", 701, 800, "+")]
Y = [("chrY", 301, 400, "+"), ("chrY", 501, 600, "+")]


@pytest.mark.parametrize(
    ("ids", "tag"),
    [
        (("ENSG1.16", "ENSG1.16_PAR_Y"), "basic"),  # GENCODE
        (("ENSG1.16", "ENSG2.1"), "PAR"),  # GENCODE from release 44
        (("ENSG1", "ENSG2"), "basic"),  # Ensembl: no mark, the same exons
        (("VAMP7", "VAMP7-2"), None),  # RefSeq as GFF3
        (("VAMP7", "VAMP7"), None),  # UCSC
    ],
)
def test_copies_on_y_are_left_out(ids, tag):
    table = exons(
        *((*place, ids[0], "VAMP7", None) for place in X),
        *((*place, ids[1], "VAMP7", tag) for place in Y),
        ("chrY", 2001, 2100, "+", "ENSG9", "SRY", None),
    )
    assert units(table) == {"VAMP7": "chrX", "SRY": "chrY"}
    assert units(table, genes=["VAMP7"]) == {"VAMP7": "chrX"}


def test_genes_of_one_name_stay_apart():
    table = exons(
        ("chr1", 1001, 1100, "+", "E1", "Y_RNA", None),
        ("chr2", 5001, 5100, "-", "E2", "Y_RNA", None),
        ("chr2", 7001, 7100, "-", "E3", "Y_RNA", None),
        ("chr2", 7001, 7200, "-", "E4", "OTHER", None),
        # One exon of the same length on X and on Y does not make a copy.
        ("chrX", 101, 200, "+", "E5", "U6", None),
        ("chrY", 301, 400, "+", "E6", "U6", None),
    )
    assert units(table) == {
        "Y_RNA.E1": "chr1", "Y_RNA.E2": "chr2", "Y_RNA.E3": "chr2", "OTHER": "chr2",
        "U6.E5": "chrX", "U6.E6": "chrY",
    }  # fmt: skip
    assert units(table, genes=["Y_RNA.E2", "OTHER"]) == {"Y_RNA.E2": "chr2", "OTHER": "chr2"}
    with pytest.raises(InputError, match=r"Y_RNA is the name of several genes \(Y_RNA.E1, Y_RN"):
        units(table, genes=["OTHER", "Y_RNA"])


def test_one_id_at_several_contigs_is_several_genes():
    table = exons(
        ("chr1", 1001, 1100, "+", "HLA-A", "HLA-A", None),
        ("chr2", 1001, 1100, "+", "HLA-A", "HLA-A", None),
        ("chr2", 3001, 3100, "+", "E1", None, None),
        ("chr1", 3001, 3100, "+", "E1", None, None),
    )
    assert units(table) == {
        "HLA-A.chr1": "chr1", "HLA-A.chr2": "chr2", "E1.chr2": "chr2", "E1.chr1": "chr1",
    }  # fmt: skip


def test_readthroughs_stay_apart():
    table = exons(
        ("chr1", 1001, 1100, "+", "E1", "AAA", None),
        ("chr1", 2001, 2100, "+", "E2", "BBB", None),
        ("chr1", 1001, 1100, "+", "E3", "AAA-BBB", "readthrough_gene"),
        ("chr1", 2001, 2100, "+", "E3", "AAA-BBB", "readthrough_gene"),
        ("chr1", 1001, 1100, "+", "E4", "AAA", "readthrough_gene"),
    )
    assert list(units(table)) == ["AAA.E1", "BBB", "AAA-BBB", "AAA.E4"]


def test_a_gene_on_both_strands_has_no_window():
    table = exons(
        ("chr1", 1001, 1100, "+", "E1", "A", None), ("chr1", 1001, 1100, "-", "E1", "A", None)
    )
    with pytest.raises(InputError, match="gene A has exons on both strands"):
        regulatory_regions(table, CONTIGS, WINDOW)


@pytest.mark.parametrize("seed", range(8))
def test_units_are_ids_on_contigs(seed):
    """Random names that collide with one another and with ids: as many units as genes."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(30):
        chrom = str(rng.choice(["chr1", "chr2"]))
        name = rng.choice(["A", "B", f"E{rng.integers(30)}", None, ""])
        for start in rng.integers(200, 9000, int(rng.integers(1, 4))):
            rows.append((chrom, int(start), int(start) + 50, "+", f"E{number}", name, None))
    table = exons(*[rows[i] for i in rng.permutation(len(rows))])
    found = exon_regions(table, CONTIGS)
    assert found["gene_id"].nunique() == 30
    assert found["region_id"].is_unique
    covered = ({b for s, e in own for b in range(s, e + 1)} for own in places(rows))
    bases = sum(map(len, covered))
    assert int((found["end"] - found["start"]).sum()) == bases


def places(rows):
    table = pd.DataFrame(rows)
    return [own[[1, 2]].to_numpy().tolist() for _, own in table.groupby([4, 0])]


def test_labels_are_one_genes_even_where_a_name_looks_like_one():
    rng = np.random.default_rng(4)
    names = ["A", "A.E1", "A.E1.chr1", "E1", "E2", "A.E2"]
    for _ in range(60):
        genes = [
            (str(rng.choice(["chr1", "chr2"])), f"E{i}", str(rng.choice(names))) for i in range(6)
        ]
        rows = [(c, 100 * i + 1, 100 * i + 20, "+", gene, name, None)
                for i, (c, gene, name) in enumerate(genes)]  # fmt: skip
        assert len(units(exons(*rows))) == len(genes)
