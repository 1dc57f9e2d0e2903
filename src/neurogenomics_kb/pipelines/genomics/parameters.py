"""Parameters of the genomics pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters


class SequenceParameters(Parameters):
    """``params:genomics.sequences``.

    Attributes
    ----------
    genes : list of str or None
        Genes of the annotation to embed; None for all.
    transcripts : {"all", "mane_select", "canonical"}
        Exons of all transcripts, or of the one that the annotation's tags mark.
    missing : {"reference", "error"}
        What a missing allele becomes.
    unphased : {"error", "as_listed"}
        Unphased heterozygotes: refuse, or take alleles in the order listed.
    """

    genes: list[str] | None = None
    transcripts: Literal["all", "mane_select", "canonical"] = "all"
    missing: Literal["reference", "error"] = "reference"
    unphased: Literal["error", "as_listed"] = "error"


class CacheParameters(Parameters):
    """``params:genomics.cache``.

    Attributes
    ----------
    folder : str
        Cache of the cohort's embeddings.
    shared : str or None
        Cache that cohorts share; it gets sequences that enough people carry.
    minimum_cell : int
        Fewest carriers of a sequence that is shared.
    """

    folder: str
    shared: str | None = None
    minimum_cell: int = Field(10, ge=1)


class ScoreParameters(Parameters):
    """``params:genomics.scores``.

    Attributes
    ----------
    id_column : str
        Column with the subject ids in the tables of polygenic scores and of gene embeddings.
    """

    id_column: str = "participant_id"


class GenomicsQuality(QualityParameters):
    """``params:genomics.quality``.

    Attributes
    ----------
    max_missing_call_rate : float
        Largest share of records inside the regions that may have a missing allele.
    """

    max_missing_call_rate: float = Field(0.05, ge=0, le=1)
