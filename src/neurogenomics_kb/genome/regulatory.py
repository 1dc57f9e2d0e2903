"""Regions around transcription start sites, in tiles, with annotated elements apart."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import require_columns, require_numbers
from neurogenomics_kb.genome.regions import REGION_COLUMNS, Transcripts, gene_exons

logger = logging.getLogger(__name__)

# A window beyond this is longer than any published encoder sees at once.
MAX_WINDOW = 1_000_000
BETWEEN = ":"


@dataclass(frozen=True)
class RegulatoryWindow:
    """Window around a transcription start site.

    Parameters
    ----------
    flank : int
        Bases on each side of the transcription start site.
    bases : int
        Length of a tile.
    overlap : float
        Share of a tile that the next one covers again.
    """

    flank: int = 100_000
    bases: int = 8192
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < 2 * self.flank <= MAX_WINDOW:
            raise InputError(
                f"a window of 2 × {self.flank:,} bases is not between 1 and {MAX_WINDOW:,}",
                column="flank",
                remedy="Begin with 100,000; the largest is 500,000.",
            )
        if not 0 <= self.overlap < 1 or self.bases < 1:
            raise InputError(
                f"tiles of {self.bases} bases with overlap {self.overlap} do not advance",
                column="overlap",
                remedy="Choose an overlap from 0 to below 1.",
            )


def regulatory_regions(
    annotation: pd.DataFrame,
    contigs: Mapping[str, int],
    window: RegulatoryWindow,
    genes: Collection[str] | None = None,
    elements: pd.DataFrame | None = None,
    *,
    transcripts: Transcripts = "all",
    file: str = "genomics.annotation",
) -> pd.DataFrame:
    """Tiles of the window around each gene's transcription start site, and its elements.

    The start site is the first base of the chosen transcript, or the outermost one where a gene
    has several. The window is cut off at the ends of the contig.

    Parameters
    ----------
    annotation : DataFrame
        As for `exon_regions`.
    contigs : mapping of str to int
        Contig lengths (bp) of the reference.
    window : RegulatoryWindow
        Window around a transcription start site.
    genes : collection of str, optional
        Keep these genes only; default all.
    elements : DataFrame, optional
        Candidate regulatory elements: ``chrom, start, end`` (0-based, half-open, as in BED) and
        ``element``, their class (``promoter``, ``enhancer``, …). Those that lie inside a window
        become regions of their own, pooled by class; tiles cover the window all the same.
    transcripts : {"all", "mane_select", "canonical"}
        Whose start site.
    file : str
        What to call the annotation in messages.

    Returns
    -------
    DataFrame
        ``region_id, gene_id, chrom, start, end, strand`` as from `exon_regions`; ``gene_id`` is
        ``APOE:window`` for tiles and ``APOE:<element>`` for elements.

    Raises
    ------
    InputError
        As `exon_regions`; also for elements without the columns, empty ones, or a contig of
        another naming style (no element would be found).
    """
    exons = gene_exons(annotation, contigs, genes, transcripts=transcripts, file=file)
    if elements is not None:
        _check_elements(elements, contigs)
    tables = [
        _gene_window(str(gene), own, contigs, window, elements, file)
        for gene, own in exons.groupby("gene", sort=False)
    ]
    regions = pd.concat(tables, ignore_index=True)
    # By class, so that what is pooled together stands together.
    order = {name: rank for rank, name in enumerate(dict.fromkeys(regions["gene_id"]))}
    regions = regions.sort_values("gene_id", key=lambda c: c.map(order), kind="stable")
    number = regions.groupby("gene_id", sort=False).cumcount() + 1
    regions["region_id"] = regions["gene_id"] + "." + number.astype(str)
    return regions[REGION_COLUMNS].reset_index(drop=True)


def _gene_window(
    gene: str,
    exons: pd.DataFrame,
    contigs: Mapping[str, int],
    window: RegulatoryWindow,
    elements: pd.DataFrame | None,
    file: str,
) -> pd.DataFrame:
    """Tiles and elements around one gene's start site."""
    if len(set(exons["strand"])) > 1:
        raise InputError(
            f"gene {gene} has exons on both strands, so that it has no one start site",
            file=file,
            remedy="Correct the annotation, or leave the gene out.",
        )
    strand, chrom = str(exons["strand"].iloc[0]), str(exons["seqname"].iloc[0])
    # 0-based position of the transcript's first base.
    start_site = int(exons["end"].max()) - 1 if strand == "-" else int(exons["start"].min()) - 1
    first = max(0, start_site - window.flank)
    last = min(contigs[chrom], start_site + window.flank)
    table = pd.DataFrame({"start": first + tiles(last - first, window)})
    table["end"] = np.minimum(table["start"] + window.bases, last)
    table["gene_id"] = f"{gene}{BETWEEN}window"
    parts = [table]
    if elements is not None:
        inside = elements[
            (elements["chrom"].astype(str) == chrom)
            & (elements["start"] >= first)
            & (elements["end"] <= last)
        ].sort_values(["start", "end"])
        names = f"{gene}{BETWEEN}" + inside["element"].astype(str)
        parts.append(inside[["start", "end"]].assign(gene_id=names))
    return pd.concat(parts).assign(chrom=chrom, strand=strand)


def tiles(length: int, window: RegulatoryWindow) -> np.ndarray:
    """First base of each tile; the last one ends where the window ends."""
    if length <= window.bases:
        return np.array([0])
    step = max(1, window.bases - int(window.bases * window.overlap))
    starts = np.arange(0, length - window.bases, step)
    return np.append(starts, length - window.bases)


def _check_elements(elements: pd.DataFrame, contigs: Mapping[str, int]) -> None:
    file = "genomics.elements"
    require_columns(elements, ("chrom", "start", "end", "element"), file)
    if elements.empty:
        raise InputError(
            "there is no element", file=file, remedy="Declare the elements as not collected."
        )
    for column in ("start", "end"):
        require_numbers(elements[column], file, column)
        uneven = elements[column].isna() | (elements[column] % 1 != 0)
        if uneven.any():
            raise InputError(
                f"{int(uneven.sum())} positions are missing or no whole numbers",
                file=file,
                column=column,
                remedy="Positions are those of BED: 0-based, the end not included.",
            )
    nameless = elements["element"].isna() | (elements["element"].astype(str).str.strip() == "")
    if nameless.any():
        raise InputError(
            f"{int(nameless.sum())} elements have no class",
            file=file,
            column="element",
            remedy="Name the class of each element, such as promoter or enhancer.",
        )
    empty = (elements["start"] < 0) | (elements["end"] <= elements["start"])
    if empty.any():
        first = elements[empty].iloc[0]
        raise InputError(
            f"{int(empty.sum())} elements are empty or start before base 0, first "
            f"{first['chrom']}:{first['start']}-{first['end']}",
            file=file,
            remedy="Positions are those of BED: 0-based, the end not included.",
        )
    chroms = elements["chrom"].astype(str)
    if not set(chroms) & set(contigs):
        raise InputError(
            f"none of its contigs ({chroms.iloc[0]}, …) is in the reference "
            f"({next(iter(contigs))}, …)",
            file=file,
            column="chrom",
            remedy="Rename them (chr1 against 1), or use elements of the same genome build.",
        )
    beyond = elements["end"] > chroms.map(contigs).fillna(np.inf)
    if beyond.any():
        first = elements[beyond].iloc[0]
        logger.warning(
            "%s: %d elements run past the end of their contig, first %s:%d-%d; are they of the "
            "same genome build as the reference?",
            file,
            int(beyond.sum()),
            *first[["chrom", "start", "end"]],
        )
