"""The same two genes as GENCODE, Ensembl and RefSeq write them."""

from __future__ import annotations

import pandas as pd
import pytest

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
