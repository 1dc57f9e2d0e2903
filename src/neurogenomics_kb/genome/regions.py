"""Exon regions from a gene annotation."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.genome.annotation import has_tag
from neurogenomics_kb.genome.gene_units import name_genes
from neurogenomics_kb.genome.sequences import check_contigs

logger = logging.getLogger(__name__)

REGION_COLUMNS = ["region_id", "gene_id", "chrom", "start", "end", "strand"]
TAGS = {"mane_select": "MANE_Select", "canonical": "Ensembl_canonical"}
Transcripts = Literal["all", "mane_select", "canonical"]
_NEEDED = ["seqname", "feature", "start", "end", "strand", "gene_id"]


def exon_regions(
    annotation: pd.DataFrame,
    contigs: Mapping[str, int] | None = None,
    genes: Collection[str] | None = None,
    *,
    transcripts: Transcripts = "all",
    file: str = "genomics.annotation",
) -> pd.DataFrame:
    """Merge the exons of each gene into regions.

    Exons of one gene that overlap or touch (different transcripts) become one region, so that no
    base is embedded twice. Exons of different genes stay apart even where they overlap.

    Parameters
    ----------
    annotation : DataFrame
        GTF rows: ``seqname, feature, start, end, strand, gene_id`` and optionally ``gene_name``;
        positions 1-based, both ends included.
    contigs : mapping of str to int, optional
        Contig lengths (bp) of the reference that the regions will be cut from.
    genes : collection of str, optional
        Keep these genes only (names as in the result); default all.
    transcripts : {"all", "mane_select", "canonical"}
        Exons of all transcripts, of the one that MANE selected, or of Ensembl's canonical one; the
        latter two by the annotation's tags.
    file : str
        What to call the annotation in messages.

    Returns
    -------
    DataFrame
        ``region_id, gene_id, chrom, start, end, strand``; positions 0-based, half-open, sorted by
        gene (order of the annotation) and position. A gene is what has an id of its own;
        ``gene_id`` is its name, or ``name.id`` where several genes share the name (its id where it
        has none). Copies on Y of pseudoautosomal genes are left out. Regions are numbered along
        the chromosome: ``APOE.1, APOE.2, …``.

    Raises
    ------
    InputError
        If there is no exon, no exon says its gene, a wanted gene is absent or several, an exon is
        empty or runs past its contig, or a contig is not in the reference.
    """
    return _merge(gene_exons(annotation, contigs, genes, transcripts=transcripts, file=file))


def gene_exons(
    annotation: pd.DataFrame,
    contigs: Mapping[str, int] | None = None,
    genes: Collection[str] | None = None,
    *,
    transcripts: Transcripts = "all",
    file: str = "genomics.annotation",
) -> pd.DataFrame:
    """Exon rows of the wanted genes and transcripts, checked, with the gene's label as ``gene``.

    Parameters, errors and coordinates are those of `exon_regions`; positions stay 1-based.
    """
    absent = [column for column in _NEEDED if column not in annotation]
    if absent:
        raise InputError(
            "a column is missing", file=file, column=absent[0], remedy="Supply a GTF or GFF3 file."
        )
    exons = annotation.loc[annotation["feature"] == "exon"].copy()
    if exons.empty:
        raise InputError(
            f"there is no exon among its {len(annotation)} rows",
            file=file,
            remedy="Supply a GTF or GFF3 with 'exon' in the third column.",
        )
    exons = name_genes(_with_gene(exons, file))
    exons = exons if genes is None else _choose_genes(exons, genes, file)
    exons = _choose_transcripts(exons, transcripts, file)
    _check_bounds(exons, contigs, file)
    return exons


def _with_gene(exons: pd.DataFrame, file: str) -> pd.DataFrame:
    """Exons that say which gene they are of; how many do not is warned of."""
    ids = exons["gene_id"]
    known = ids.notna() & (ids.astype(str).str.strip() != "")
    if not known.any():
        raise InputError(
            f"none of its {len(exons)} exons says which gene it is of (gene_id)",
            file=file,
            remedy="Supply a GTF with gene_id in the last column, or a GFF3 with the genes that "
            "its exons descend from.",
        )
    if not known.all():
        logger.warning(
            "%s: %d of %d exons do not say which gene they are of and are left out",
            file,
            int((~known).sum()),
            len(exons),
        )
    return exons[known]


def _choose_genes(exons: pd.DataFrame, genes: Collection[str], file: str) -> pd.DataFrame:
    if not len(genes):
        raise InputError(
            "no gene is asked for",
            file=file,
            remedy="Name genes in genomics.sequences.genes or a gene set, or leave the list out "
            "for all.",
        )
    unknown = sorted(set(genes) - set(exons["gene"]))
    shared = exons[exons["gene_name"].isin(unknown)]
    if len(shared):
        name = shared["gene_name"].iloc[0]
        labels = listing(dict.fromkeys(shared.loc[shared["gene_name"] == name, "gene"]))
        raise InputError(
            f"{name} is the name of several genes ({labels})",
            file=file,
            remedy="Name the one that is meant as it stands in brackets.",
        )
    if unknown:
        raise InputError(
            f"gene {listing(unknown)} has no exon in the annotation",
            file=file,
            remedy="Check the spelling, or remove the gene from genomics.sequences.genes.",
        )
    return exons[exons["gene"].isin(set(genes))]


def _choose_transcripts(exons: pd.DataFrame, transcripts: Transcripts, file: str) -> pd.DataFrame:
    """Exons of the transcript that the annotation marks, for every gene."""
    tag = TAGS.get(transcripts)
    if tag is None:
        return exons
    tags = exons["tag"] if "tag" in exons else pd.Series(None, index=exons.index, dtype=object)
    chosen = exons[has_tag(tags, tag)]
    without = [g for g in dict.fromkeys(exons["gene"]) if g not in set(chosen["gene"])]
    if without:
        raise InputError(
            f"{len(without)} genes have no transcript with the tag '{tag}' ({listing(without)})",
            file=file,
            remedy="Use an annotation that has the tag, leave these genes out, or set "
            "genomics.sequences.transcripts to all.",
        )
    return chosen


def _check_bounds(exons: pd.DataFrame, contigs: Mapping[str, int] | None, file: str) -> None:
    empty = (exons["start"] < 1) | (exons["end"] < exons["start"])
    if empty.any():
        first = exons[empty].iloc[0]
        raise InputError(
            f"{int(empty.sum())} exons end before they start or start before base 1, "
            f"first {first['gene']} {first['seqname']}:{first['start']}-{first['end']}",
            file=file,
            remedy="Correct the annotation.",
        )
    if contigs is None:
        return
    check_contigs(exons["seqname"].astype(str), contigs, file="reference FASTA", source=file)
    beyond = exons["end"] > exons["seqname"].map(contigs)
    if beyond.any():
        first = exons[beyond].iloc[0]
        raise InputError(
            f"{int(beyond.sum())} exons run past the end of their contig, first {first['gene']} "
            f"{first['seqname']}:{first['start']}-{first['end']} "
            f"({contigs[first['seqname']]} bp long)",
            file=file,
            remedy="Use annotation and reference of the same genome build.",
        )


def _merge(exons: pd.DataFrame) -> pd.DataFrame:
    order = {gene: rank for rank, gene in enumerate(dict.fromkeys(exons["gene"]))}
    table = pd.DataFrame(
        {
            "rank": exons["gene"].map(order).to_numpy(),
            "gene_id": exons["gene"].to_numpy(),
            "chrom": exons["seqname"].astype(str).to_numpy(),
            "strand": exons["strand"].astype(str).to_numpy(),
            "start": exons["start"].to_numpy(dtype=np.int64) - 1,
            "end": exons["end"].to_numpy(dtype=np.int64),
        }
    ).sort_values(["rank", "chrom", "strand", "start", "end"], kind="stable")
    place = ["rank", "gene_id", "chrom", "strand"]
    reach = table.groupby(place, sort=False)["end"].cummax()
    # A new region begins where nothing before it, in the same gene, reaches its start.
    before = reach.groupby([table[column] for column in place], sort=False).shift()
    table["region"] = (before.isna() | (table["start"] > before)).cumsum()
    merged = table.groupby([*place, "region"], sort=False, as_index=False).agg(
        start=("start", "min"), end=("end", "max")
    )
    number = merged.groupby("gene_id", sort=False).cumcount() + 1
    merged["region_id"] = merged["gene_id"] + "." + number.astype(str)
    return merged[REGION_COLUMNS].reset_index(drop=True)
