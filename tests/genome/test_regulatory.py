from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.regulatory import RegulatoryWindow, regulatory_regions, tiles

ANNOTATION = pd.DataFrame(
    [
        ("chr1", "exon", 501, 600, "+", "PLUS"),
        ("chr1", "exon", 701, 800, "+", "PLUS"),
        ("chr1", "exon", 1001, 1100, "-", "MINUS"),
        ("chr1", "exon", 1201, 1300, "-", "MINUS"),
        ("chr2", "exon", 11, 50, "+", "EDGE"),
    ],
    columns=["seqname", "feature", "start", "end", "strand", "gene_id"],
)
CONTIGS = {"chr1": 2000, "chr2": 300}
SMALL = RegulatoryWindow(flank=100, bases=80, overlap=0.25)


def of(regions, unit):
    own = regions[regions["gene_id"] == unit]
    return list(zip(own["start"], own["end"], strict=True))


def test_the_window_lies_around_the_first_base_of_the_transcript():
    regions = regulatory_regions(ANNOTATION, CONTIGS, SMALL)
    plus, minus = of(regions, "PLUS:window"), of(regions, "MINUS:window")
    # The first transcribed base is 500 (0-based) forward, and 1299 on the other strand.
    assert (plus[0][0], plus[-1][1]) == (400, 600)
    assert (minus[0][0], minus[-1][1]) == (1199, 1399)
    edge = of(regions, "EDGE:window")
    assert (edge[0][0], edge[-1][1]) == (0, 110)
    assert regions["region_id"].is_unique


@pytest.mark.parametrize("length", [1, 79, 80, 81, 140, 141, 200, 1999])
def test_tiles_cover_the_window_and_overlap(length):
    starts = tiles(length, SMALL)
    covered = {b for s in starts for b in range(s, min(s + 80, length))}
    assert covered == set(range(length))
    assert (starts[1:] - starts[:-1] <= 60).all()
    assert starts[-1] + 80 <= max(length, 80)


def test_elements_are_pooled_by_class():
    elements = pd.DataFrame(
        [
            ("chr1", 410, 440, "promoter"),
            ("chr1", 450, 470, "enhancer"),
            ("chr1", 560, 590, "enhancer"),
            ("chr1", 390, 420, "enhancer"),  # begins before the window
            ("chr2", 450, 470, "enhancer"),
        ],
        columns=["chrom", "start", "end", "element"],
    )
    regions = regulatory_regions(ANNOTATION, CONTIGS, SMALL, ["PLUS"], elements)
    assert of(regions, "PLUS:promoter") == [(410, 440)]
    assert of(regions, "PLUS:enhancer") == [(450, 470), (560, 590)]
    assert len(of(regions, "PLUS:window")) == 3


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ([("1", 410, 440, "promoter")], r"none of its contigs \(1, …\) is in the reference"),
        ([("chr1", 440, 440, "promoter")], "1 elements are empty"),
        ([("chr1", -1, 440, "promoter")], "start before base 0"),
    ],
)
def test_unusable_elements_are_refused(elements, message):
    table = pd.DataFrame(elements, columns=["chrom", "start", "end", "element"])
    with pytest.raises(InputError, match=message):
        regulatory_regions(ANNOTATION, CONTIGS, SMALL, elements=table)


def test_a_class_of_elements_must_be_named():
    table = pd.DataFrame([("chr1", 410, 440)], columns=["chrom", "start", "end"])
    with pytest.raises(InputError, match="'element'"):
        regulatory_regions(ANNOTATION, CONTIGS, SMALL, elements=table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flank": 500_001}, "not between 1 and 1,000,000"),
        ({"overlap": 1.0}, "do not advance"),
        ({"bases": 0}, "do not advance"),
    ],
)
def test_impossible_windows_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        RegulatoryWindow(**options)
