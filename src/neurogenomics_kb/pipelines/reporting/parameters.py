"""Parameters of the reporting pipeline."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from neurogenomics_kb.registry.disclosure import FLOOR


class DisclosureParameters(BaseModel):
    """What may be shown of a cohort.

    Parameters
    ----------
    minimum_cell : int
        Smallest count of subjects on result cards and in MLflow metrics; 5 or more.
    """

    model_config = ConfigDict(extra="forbid")

    minimum_cell: int = Field(10, ge=FLOOR)
