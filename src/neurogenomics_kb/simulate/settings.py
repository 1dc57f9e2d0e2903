"""What a simulated cohort looks like."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Effects(BaseModel):
    """Strength of every effect relative to the demo cohort; 0 switches it off.

    The first three are the planted signal, the others confound. A null cohort has no signal and
    keeps the confounds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gene_brain: float = Field(1.0, ge=0)
    gene_diagnosis: float = Field(1.0, ge=0)
    brain_diagnosis: float = Field(1.0, ge=0)
    site: float = Field(1.0, ge=0)
    age: float = Field(1.0, ge=0)
    sex: float = Field(1.0, ge=0)
    motion: float = Field(1.0, ge=0)
    ancestry: float = Field(1.0, ge=0)
    batch: float = Field(1.0, ge=0)


class SimulationSettings(BaseModel):
    """Size, seed and effects of a simulated cohort.

    Attributes
    ----------
    cohort : str
        Cohort that may be overwritten; the pipeline refuses to write over any other.
    seed : int
    n_subjects : int
    effects : Effects
    n_frames : int
        Frames of every resting-state run.
    repetition_time : float
        Seconds.
    artefact : bool
        Whether one gene's calls fail in one batch; see `simulate.artefact`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cohort: str = "demo"
    seed: int = 1
    n_subjects: int = Field(400, ge=60)
    effects: Effects = Effects()
    n_frames: int = Field(110, ge=60)
    repetition_time: float = Field(2.0, gt=0)
    artefact: bool = False
