"""Parameters of the fMRI pipeline."""

from __future__ import annotations

from pydantic import Field, model_validator

from neurogenomics_kb.brain.connectivity import NUISANCE
from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters


class FmriQuality(QualityParameters):
    """``params:fmri.quality``.

    Attributes
    ----------
    max_mean_fd : float
        Largest mean framewise displacement, in mm.
    min_frames : int
        Smallest number of frames.
    """

    max_mean_fd: float = Field(0.5, gt=0)
    min_frames: int = Field(100, ge=1)


class ConnectivityParameters(Parameters):
    """``params:fmri.connectivity``.

    Attributes
    ----------
    nuisance : list of str
        Columns of the confounds to regress out.
    high_pass, low_pass : float or None
        Band kept, in Hz; None leaves that side open.
    detrend : bool
        Remove the linear trend.
    n_jobs : int
        Subjects worked on at a time.
    """

    nuisance: list[str] = Field(default_factory=lambda: list(NUISANCE))
    high_pass: float | None = Field(0.01, gt=0)
    low_pass: float | None = Field(0.1, gt=0)
    detrend: bool = True
    n_jobs: int = 2

    @model_validator(mode="after")
    def _check_band(self) -> ConnectivityParameters:
        if self.high_pass and self.low_pass and self.high_pass >= self.low_pass:
            raise ValueError(f"high_pass {self.high_pass} is not below low_pass {self.low_pass}")
        return self
