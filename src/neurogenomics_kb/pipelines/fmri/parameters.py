"""Parameters of the fMRI pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from neurogenomics_kb.brain.connectivity import NUISANCE
from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters

ConnectivityKind = Literal[
    "connectivity", "partial_correlation", "covariance", "precision", "network", "coskewness"
]


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

    Cleaning follows these where no strategy of the experiment names an acquisition.

    Attributes
    ----------
    kinds : list of str
        Kinds of connectivity that are made always; those that strategies name are added.
    nuisance : list of str
        Columns of the confounds to regress out.
    high_pass, low_pass : float or None
        Band kept, in Hz; None leaves that side open.
    detrend : bool
        Remove the linear trend.
    missing_parcels : {"error", "drop"}
        What to do with a parcel that has no signal in somebody (n/a or the same value in all
        frames): end the run, or leave the parcel out for everybody.
    max_missing_parcels : float
        Largest share of parcels that may be left out.
    n_jobs : int, optional
        Subjects worked on at a time, on this machine; by default what ``compute`` says.
    cache : str or None
        Folder in which series that are averaged here and connectivity are kept by the content of
        what they are made of; None keeps nothing.
    """

    kinds: list[ConnectivityKind] = Field(default=["connectivity"])
    nuisance: list[str] = Field(default_factory=lambda: list(NUISANCE))
    high_pass: float | None = Field(0.01, gt=0)
    low_pass: float | None = Field(0.1, gt=0)
    detrend: bool = True
    missing_parcels: Literal["error", "drop"] = "error"
    max_missing_parcels: float = Field(0.2, ge=0, le=1)
    n_jobs: int | None = None
    cache: str | None = None

    @model_validator(mode="after")
    def _check_band(self) -> ConnectivityParameters:
        if self.high_pass and self.low_pass and self.high_pass >= self.low_pass:
            raise ValueError(f"high_pass {self.high_pass} is not below low_pass {self.low_pass}")
        return self


class EmbeddingParameters(Parameters):
    """``params:fmri.embedding``.

    Attributes
    ----------
    censor_fd : float or None
        Frames above it (mm) are censored.
    min_seconds : float
        Runs with less time of frames that are not censored are left out.
    fd_floor : float
        Smallest displacement (mm) in a weight by inverse displacement.
    batch : int or None
        Segments that go through an encoder together; None leaves it to the encoder.
    device : str
        Where encoders run: ``cpu``, ``cuda``.
    cache : str or None
        Folder in which the vectors of runs are kept by content; None keeps nothing.
    """

    censor_fd: float | None = Field(0.5, gt=0)
    min_seconds: float = Field(120, ge=0)
    fd_floor: float = Field(0.05, gt=0)
    batch: int | None = Field(None, ge=1)
    device: str = "cpu"
    cache: str | None = None

    @property
    def rules(self) -> dict[str, float | None]:
        """What the rules of windows take from here."""
        return self.model_dump(include={"censor_fd", "min_seconds", "fd_floor"})

    @property
    def loading(self) -> dict[str, str | int]:
        """What encoders take from here."""
        options: dict[str, str | int] = {"device": self.device}
        return options if self.batch is None else {**options, "batch": self.batch}
