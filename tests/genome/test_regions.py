from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.regions import REGION_COLUMNS, exon_regions


def annotation(*rows):
    """Rows are (seqname, feature, start, end, strand, gene_id, gene_name)."""
    columns = ["seqname", "feature", "start", "end", "strand", "gene_id", "gene_name"]
    return pd.DataFrame(rows, columns=columns)


GTF = annotation(
    ("chr2", "gene", 1, 900, "-", "E2", "BETA"),
    ("chr2", "exon", 301, 400, "-", "E2", "BETA"),
    ("chr2", "exon", 101, 200, "-", "E2", "BETA"),
    ("chr1", "exon", 11, 20, "+", "E1", "ALPHA"),
    ("chr1", "exon", 15, 30, "+", "E1", "ALPHA"),
    ("chr1", "exon", 12, 13, "+", "E1", "ALPHA"),
    ("chr1", "exon", 31, 40, "+", "E1", "ALPHA"),
    ("chr1", "exon", 42, 50, "+", "E1", "ALPHA"),
    ("chr1", "exon", 18, 25, "+", "E3", None),
)


def test_exons_become_half_open_merged_regions():
    regions = exon_regions(GTF)
    assert list(regions.columns) == REGION_COLUMNS
    assert regions.values.tolist() == [
        ["BETA.1", "BETA", "chr2", 100, 200, "-"],
        ["BETA.2", "BETA", "chr2", 300, 400, "-"],
        ["ALPHA.1", "ALPHA", "chr1", 10, 40, "+"],
        ["ALPHA.2", "ALPHA", "chr1", 41, 50, "+"],
        ["E3.1", "E3", "chr1", 17, 25, "+"],
    ]


def test_an_exon_inside_an_earlier_longer_one_does_not_cut_the_region():
    exons = annotation(
        ("chr1", "exon", 1, 100, "+", "E1", "A"),
        ("chr1", "exon", 10, 20, "+", "E1", "A"),
        ("chr1", "exon", 50, 60, "+", "E1", "A"),
    )
    assert exon_regions(exons)[["start", "end"]].values.tolist() == [[0, 100]]


def test_genes_can_be_chosen():
    assert exon_regions(GTF, genes=["ALPHA"])["gene_id"].unique().tolist() == ["ALPHA"]
    with pytest.raises(InputError, match="gene GAMMA has no exon"):
        exon_regions(GTF, genes=["ALPHA", "GAMMA"])


def test_gene_id_serves_where_there_are_no_names():
    assert set(exon_regions(GTF.drop(columns="gene_name"))["gene_id"]) == {"E1", "E2", "E3"}


@pytest.mark.parametrize(
    ("table", "contigs", "message"),
    [
        (GTF.iloc[:0], None, "no exon among its 0 rows"),
        (GTF.iloc[:1], None, "no exon among its 1 rows"),
        (GTF.drop(columns="strand"), None, "column 'strand': a column is missing"),
        (GTF, {"chr1": 100, "chr2": 350}, r"1 exons run past .*BETA chr2:301-400 \(350 bp long\)"),
        (GTF, {"1": 100, "2": 500}, "calls 'chr1' '1'"),
        (annotation(("chr1", "exon", 9, 8, "+", "E1", "A")), None, "end before they start"),
        (annotation(("chr1", "exon", 0, 8, "+", "E1", "A")), None, "before base 1"),
    ],
)
def test_unusable_annotation_is_refused(table, contigs, message):
    with pytest.raises(InputError, match=message):
        exon_regions(table, contigs)
