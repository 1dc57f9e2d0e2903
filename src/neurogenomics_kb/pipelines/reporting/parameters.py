"""Parameters of the reporting pipeline."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DisclosureParameters(BaseModel):
    """What may be shown of a cohort.

    Parameters
    ----------
    minimum_cell : int
        Smallest count of subjects on result cards and in MLflow metrics.
    """

    model_config = ConfigDict(extra="forbid")

    minimum_cell: int = Field(10, ge=1)
