"""The same two genes as GENCODE, Ensembl and RefSeq write them."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import GtfDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.annotation import has_tag, parse_attributes
from neurogenomics_kb.genome.regions import exon_regions

# Gene ONE: transcript T1 (MANE, canonical) with exons 11-20 and 31-40, T2 with 16-25.
GENCODE_GTF = """\
1\tX\tgene\t11\t40\t.\t+\t.\tgene_id "G1"; gene_name "ONE";
1\tX\ttranscript\t11\t40\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; gene_name "ONE"; tag "basic"; \
tag "MANE_Select"; tag "Ensembl_canonical";
1\tX\texon\t11\t20\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; gene_name "ONE"; exon_number 1; \
tag "basic"; tag "MANE_Select"; tag "Ensembl_canonical";
1\tX\texon\t31\t40\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; gene_name "ONE"; exon_number 2; \
tag "basic"; tag "MANE_Select"; tag "Ensembl_canonical";
1\tX\texon\t16\t25\t.\t+\t.\tgene_id "G1"; transcript_id "T2"; gene_name "ONE"; tag "basic";
"""
GENCODE_GFF3 = """\
##gff-version 3
1\tX\tgene\t11\t40\t.\t+\t.\tID=G1;gene_id=G1;gene_name=ONE
1\tX\ttranscript\t11\t40\t.\t+\t.\tID=T1;Parent=G1;gene_id=G1;transcript_id=T1;gene_name=ONE;\
tag=basic,MANE_Select,Ensembl_canonical
1\tX\texon\t11\t20\t.\t+\t.\tID=exon:T1:1;Parent=T1;gene_id=G1;transcript_id=T1;gene_name=ONE;\
tag=basic,MANE_Select,Ensembl_canonical
1\tX\texon\t31\t40\t.\t+\t.\tID=exon:T1:2;Parent=T1;gene_id=G1;transcript_id=T1;gene_name=ONE;\
tag=basic,MANE_Select,Ensembl_canonical
1\tX\texon\t16\t25\t.\t+\t.\tID=exon:T2:1;Parent=T2;gene_id=G1;transcript_id=T2;gene_name=ONE
"""
ENSEMBL_GFF3 = """\
1\tX\tgene\t11\t40\t.\t+\t.\tID=gene:G1;Name=ONE;gene_id=G1
1\tX\tmRNA\t11\t40\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;Name=ONE-201;\
tag=basic,Ensembl_canonical,MANE_Select;transcript_id=T1
1\tX\texon\t11\t20\t.\t+\t.\tParent=transcript:T1;Name=E1;exon_id=E1;rank=1
1\tX\texon\t31\t40\t.\t+\t.\tParent=transcript:T1;Name=E2;exon_id=E2;rank=2
1\tX\tmRNA\t16\t25\t.\t+\t.\tID=transcript:T2;Parent=gene:G1;Name=ONE-202;transcript_id=T2
1\tX\texon\t16\t25\t.\t+\t.\tParent=transcript:T2;Name=E3;exon_id=E3;rank=1
"""
REFSEQ_GFF3 = """\
1\tX\tgene\t11\t40\t.\t+\t.\tID=gene-ONE;Dbxref=GeneID:1;Name=ONE;gene=ONE
1\tX\tmRNA\t11\t40\t.\t+\t.\tID=rna-T1;Parent=gene-ONE;Name=T1;gene=ONE;tag=MANE Select;\
transcript_id=T1
1\tX\texon\t11\t20\t.\t+\t.\tID=exon-T1-1;Parent=rna-T1;gene=ONE;tag=MANE Select;transcript_id=T1
1\tX\texon\t31\t40\t.\t+\t.\tID=exon-T1-2;Parent=rna-T1;gene=ONE;tag=MANE%20Select;transcript_id=T1
1\tX\texon\t16\t25\t.\t+\t.\tID=exon-T2-1;Parent=rna-T2;gene=ONE;transcript_id=T2
"""
STYLES = {
    "gencode gtf": GENCODE_GTF, "gencode gff3": GENCODE_GFF3, "ensembl gff3": ENSEMBL_GFF3,
    "refseq gff3": REFSEQ_GFF3,
}  # fmt: skip


@pytest.fixture(params=sorted(STYLES))
def annotation(request, tmp_path):
    file = tmp_path / "annotation"
    file.write_text(STYLES[request.param])
    return GtfDataset(filepath=str(file)).load()


def spans(regions):
    return regions[["region_id", "start", "end"]].to_numpy().tolist()


def test_all_transcripts_are_merged(annotation):
    regions = exon_regions(annotation, {"1": 100})
    assert spans(regions) == [["ONE.1", 10, 25], ["ONE.2", 30, 40]]


def test_one_transcript_is_chosen(annotation):
    regions = exon_regions(annotation, {"1": 100}, transcripts="mane_select")
    assert spans(regions) == [["ONE.1", 10, 20], ["ONE.2", 30, 40]]


def test_exons_know_their_gene_and_transcript(annotation):
    exons = annotation[annotation["feature"] == "exon"]
    assert set(exons["transcript_id"]) == {"T1", "T2"}
    assert set(exons["gene_name"]) == {"ONE"}
    assert exons["gene_id"].isin(["G1", "ONE"]).all()


def test_genes_without_the_tag_are_named(tmp_path):
    file = tmp_path / "a.gff3"
    file.write_text(REFSEQ_GFF3)
    annotation = GtfDataset(filepath=str(file)).load()
    with pytest.raises(InputError, match=r"1 genes have no transcript with the tag.*\(ONE\)"):
        exon_regions(annotation, {"1": 100}, transcripts="canonical")


def test_rings_of_parents_end():
    parsed = parse_attributes(["ID=a;Parent=b", "ID=b;Parent=a", "Parent=gone"])
    assert len(parsed) == 3


def test_tags_are_whole_words():
    tags = pd.Series(["basic,MANE_Select", "MANE_Select_not", None, "MANE_Plus_Clinical"])
    assert has_tag(tags, "MANE_Select").tolist() == [True, False, False, False]


def written(tmp_path, text, name="annotation"):
    file = tmp_path / name
    file.write_text(text)
    return GtfDataset(filepath=str(file)).load()


NOTES = ['Note=called the "epsilon" allele', "Note=see #2", 'Note=a key "value"; like b "c"']


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("style", ["gencode gff3", "ensembl gff3", "refseq gff3"])
def test_words_in_quotes_do_not_make_a_gtf(tmp_path, style, note):
    plain = written(tmp_path, STYLES[style])
    lines = STYLES[style].splitlines()
    noted = written(tmp_path, "\n".join(f"{x};{note}" if "\tgene\t" in x else x for x in lines))
    for transcripts in ("all", "mane_select"):
        wanted = spans(exon_regions(plain, {"1": 100}, transcripts=transcripts))
        assert spans(exon_regions(noted, {"1": 100}, transcripts=transcripts)) == wanted


@pytest.mark.parametrize("style", sorted(STYLES))
def test_signs_inside_a_field_lose_no_row(tmp_path, style):
    """Comment signs, semicolons and equals signs in the middle of a row are text."""
    gtf = style.endswith("gtf")
    extra = ' note "isoform #2; a=b";' if gtf else ";note=isoform #2 \u00e9, a%3Bb"
    lines = [f"{x}{extra}" if "\texon\t" in x else x for x in STYLES[style].splitlines()]
    regions = exon_regions(written(tmp_path, "#!x\n" + "\n".join(lines) + "\n\n"), {"1": 100})
    assert spans(regions) == [["ONE.1", 10, 25], ["ONE.2", 30, 40]]


def test_values_of_a_gtf_need_no_quotes(tmp_path):
    text = GENCODE_GTF.replace('"', "").replace("gene_name", " gene_name")
    assert spans(exon_regions(written(tmp_path, text), {"1": 100}, transcripts="canonical")) == [
        ["ONE.1", 10, 20],
        ["ONE.2", 30, 40],
    ]


def test_an_exon_is_of_all_its_parents(tmp_path):
    row = "chr1\tF\t{}\t{}\t{}\t.\t+\t.\t{}\n"
    text = row.format("gene", 1, 900, "ID=G1;Name=abc") + row.format("gene", 1, 990, "ID=G2")
    text += row.format("mRNA", 1, 900, "ID=T1;Parent=G1;tag=basic")
    text += row.format("mRNA", 1, 900, "ID=T2;Parent=G1;tag=Ensembl_canonical")
    # A readthrough shares exons with the genes that it runs through.
    text += row.format("mRNA", 1, 990, "ID=T3;Parent=G2;tag=Ensembl_canonical")
    exons = [(1, 100, "T1,T2,T3"), (200, 300, "T2"), (400, 500, "T1"), (800, 900, "T1,T2")]
    for number, (start, end, parents) in enumerate([*exons, (950, 990, "T3")]):
        text += row.format("exon", start, end, f"ID=e{number};Parent={parents}")
    table = written(tmp_path, text)
    regions = exon_regions(table, {"chr1": 1000}, transcripts="canonical")
    assert spans(regions) == [
        ["abc.1", 0, 100], ["abc.2", 199, 300], ["abc.3", 799, 900], ["G2.1", 0, 100],
        ["G2.2", 949, 990],
    ]  # fmt: skip
    assert len(exon_regions(table, {"chr1": 1000})) == 6


def test_exons_without_a_gene(tmp_path, caplog):
    row = "chr1\tx\texon\t{}\t{}\t.\t+\t.\t{}\n"
    none = row.format(301, 400, 'transcript_id "T2";') + row.format(601, 700, 'transcript_id "T3";')
    with pytest.raises(InputError, match="none of its 2 exons says which gene"):
        exon_regions(written(tmp_path, none))
    some = none + row.format(801, 900, 'gene_id "G1"; transcript_id "T2";')
    # Another row of the transcript knows its gene; nobody knows that of the other exon.
    assert spans(exon_regions(written(tmp_path, some))) == [["G1.1", 300, 400], ["G1.2", 800, 900]]
    assert "1 of 3 exons do not say which gene" in caplog.text
    with pytest.raises(InputError, match="no gene is asked for"):
        exon_regions(written(tmp_path, some), genes=[])


@pytest.mark.parametrize("cut", [False, True])
def test_packed_annotation(tmp_path, cut):
    data = gzip.compress(GENCODE_GTF.encode() * 50, mtime=0)
    file = tmp_path / "annotation.gtf.gz"
    file.write_bytes(data[: len(data) // 2] if cut else data)
    dataset = GtfDataset(filepath=str(file))
    if not cut:
        assert len(exon_regions(dataset.load(), {"1": 100})) == 2
        return
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "annotation.gtf.gz: not a GTF or GFF3: it cannot be read to its end" in str(
        error.value.__cause__
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#only a comment\n", "there is no row"),
        ("", "there is no row"),
        ("1\tX\texon\t1\t9\t.\t+\t.\n", "line 1 has 8 tab-separated fields, not 9"),
        (GENCODE_GTF + "1\tX\texon\t1\t9\t.\t+\t.\ta\tb\n", "line 6 has 10 tab-separated fields"),
        ("#x\n1\tX\texon\t1.5\t9\t.\t+\t.\ta\n", "line 2, invalid"),
    ],
)
def test_unusable_files_are_refused(tmp_path, text, message):
    with pytest.raises(DatasetError) as error:
        written(tmp_path, text)
    assert message in str(error.value.__cause__)


def test_sequences_behind_the_rows_are_no_rows(tmp_path):
    text = GENCODE_GFF3 + "##FASTA\n>1\nACGT\n"
    assert len(exon_regions(written(tmp_path, text), {"1": 100})) == 2


def gff3(*rows):
    return "".join(f"{c}\tx\t{f}\t{s}\t{e}\t.\t+\t.\t{a}\n" for c, f, s, e, a in rows)


def test_ids_of_gff3_are_those_of_their_contig(tmp_path):
    table = written(tmp_path, gff3(
        ("1", "gene", 1, 50, "ID=G;Name=A"), ("1", "mRNA", 1, 50, "ID=T;Parent=G"),
        ("1", "exon", 11, 20, "Parent=T"), ("2", "gene", 1, 50, "ID=G;Name=B"),
        ("2", "mRNA", 1, 50, "ID=T;Parent=G"), ("2", "exon", 31, 40, "Parent=T"),
    ))  # fmt: skip
    regions = exon_regions(table)
    assert regions[["gene_id", "chrom"]].to_numpy().tolist() == [["A", "1"], ["B", "2"]]


@pytest.mark.parametrize(
    "text",
    ['gene_id "E"; gene_name "A";', "gene_id E; gene_name A", "gene_id 'E'; gene_name 'A';",
     'gene_id "E" gene_name "A"', 'gene_id="E";gene_name="A"', ";gene_id=E;gene_name=A",
     'gene_id "E"; gene_name "A"; gene_name "B"; tag "x"; tag "y"',
     'gene_id "E"; note "a; b = c"; gene_name "A"'],
)  # fmt: skip
def test_genes_have_no_punctuation_in_their_names(tmp_path, text):
    table = written(tmp_path, f"1\tx\texon\t11\t20\t.\t+\t.\t{text}\n")
    assert table[["gene_id", "gene_name"]].to_numpy().tolist() == [["E", "A"]]
