"""Parameters of the clinical pipeline."""

from __future__ import annotations

from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters


class ClinicalEmbeddings(Parameters):
    """``params:clinical.embeddings``.

    Attributes
    ----------
    id_column : str
        Column with the ids of people.
    wave_column : str or None
        Column with the waves, where a row is a visit.
    """

    id_column: str = "participant_id"
    wave_column: str | None = None


class ClinicalQuality(QualityParameters):
    """``params:clinical.quality``."""
