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
    missing : {"reference", "error"}
        What a missing allele becomes.
    unphased : {"error", "as_listed"}
        Unphased heterozygotes: refuse, or take alleles in the order listed.
    """

    genes: list[str] | None = None
    missing: Literal["reference", "error"] = "reference"
    unphased: Literal["error", "as_listed"] = "error"


class ScoreParameters(Parameters):
    """``params:genomics.scores``.

    Attributes
    ----------
    id_column : str
        Column of the polygenic-score table with the subject ids.
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
