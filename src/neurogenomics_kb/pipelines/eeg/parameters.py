"""Parameters of the EEG pipeline."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from neurogenomics_kb.brain.eeg.formats import format_options
from neurogenomics_kb.brain.eeg.spectra import BANDS
from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters

Range = tuple[float, float]


class RecordingParameters(Parameters):
    """``params:eeg.recording``: how files are read.

    Attributes
    ----------
    montage : str
        ``auto`` (electrodes.tsv, else positions in the file, else 10-05 names), or the name of one
        of MNE's montages.
    min_placed : float
        Smallest share of EEG channels that must have a position.
    mixed_rates : {"refuse", "drop"}
        EEG channels of several sampling rates in one file: refuse it, or keep the commonest rate.
    line_frequency : float, optional
        Of the mains (Hz), where sidecars do not say.
    unusable : {"exclude", "error"}
        A recording that cannot be used is excluded and counted, or ends the run.
    recorded_filter : {"refuse", "leave_out", "ignore"}
        Recordings whose own high-pass or low-pass (of header or sidecars) reaches into the bands:
        they cannot be used, or these bands are missing in them, or the filters are not believed.
    formats : list of dict
        Options of single file formats, ``{format: edf, mixed_rates: drop}``; see
        `neurogenomics_kb.brain.eeg.formats`.
    """

    montage: str = "auto"
    min_placed: float = Field(0.5, gt=0, le=1)
    mixed_rates: Literal["refuse", "drop"] = "refuse"
    line_frequency: Literal[50, 60] | None = None
    unusable: Literal["exclude", "error"] = "exclude"
    recorded_filter: Literal["refuse", "leave_out", "ignore"] = "refuse"
    formats: list[dict[str, Any]] = Field(default_factory=list)

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, formats: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for chosen in formats:
            format_options(chosen)
        return formats


class CleaningParameters(Parameters):
    """``params:eeg.cleaning``; see `neurogenomics_kb.brain.eeg.cleaning.clean_recording`.

    Attributes
    ----------
    resample : float, optional
        Common sampling rate (Hz). None keeps the files' own, which must then all be the same.
    high_pass, low_pass : float
        Band kept, in Hz.
    flat_uv, max_ratio, min_correlation, max_uncorrelated : float
        Bad channels: standard deviation (µV) below which one is flat, ratio of its amplitude to
        the median (or the other way round), correlation with its best partner below which a second
        counts as uncorrelated (null: not looked at), and the largest share of such seconds.
    max_bad_share : float
        Recordings with a larger share of bad channels cannot be used.
    segment_seconds : float
    max_peak_to_peak, min_peak_to_peak : float
        Segments with a channel outside of these (µV) are rejected.
    """

    resample: float | None = Field(250.0, gt=0)
    high_pass: float = Field(1.0, gt=0)
    low_pass: float = Field(45.0, gt=0)
    flat_uv: float = Field(0.5, ge=0)
    max_ratio: float = Field(5.0, gt=1)
    min_correlation: float | None = Field(0.4, gt=0, lt=1)
    max_uncorrelated: float = Field(0.1, ge=0, lt=1)
    max_bad_share: float = Field(0.25, ge=0, lt=1)
    segment_seconds: float = Field(2.0, gt=0)
    max_peak_to_peak: float = Field(150.0, gt=0)
    min_peak_to_peak: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _check_order(self) -> CleaningParameters:
        if self.high_pass >= self.low_pass:
            raise ValueError(f"high_pass {self.high_pass} is not below low_pass {self.low_pass}")
        if self.resample is not None and self.low_pass >= self.resample / 2:
            raise ValueError(f"low_pass {self.low_pass} is not below half of {self.resample} Hz")
        if self.min_peak_to_peak >= self.max_peak_to_peak:
            raise ValueError("min_peak_to_peak is not below max_peak_to_peak")
        return self


class MeasureParameters(Parameters):
    """``params:eeg.measures``; see `neurogenomics_kb.brain.eeg.runs.describe_segments`.

    Attributes
    ----------
    bands : dict of str to (low, high)
        Hz.
    aperiodic_band, alpha_band : (low, high)
        Where the aperiodic part is fitted, and where the alpha peak may lie (Hz).
    alpha_min_height : float
        Height above the aperiodic part (log10 units) from which a peak counts.
    alpha_method : {"parabola", "centre_of_gravity"}
    connectivity : list of {"coherence", "wpli"}
    n_jobs : int, optional
        Recordings worked on at a time, on this machine; by default what ``compute`` says.
    cache : str or None
        Folder in which features are kept by the content of the recording; None keeps nothing.
    """

    bands: dict[str, Range] = Field(default_factory=lambda: dict(BANDS), min_length=1)
    aperiodic_band: Range = (2.0, 40.0)
    alpha_band: Range = (7.0, 13.0)
    alpha_min_height: float = Field(0.1, ge=0)
    alpha_method: Literal["parabola", "centre_of_gravity"] = "parabola"
    connectivity: list[Literal["coherence", "wpli"]] = Field(
        default_factory=lambda: ["coherence", "wpli"]
    )
    n_jobs: int | None = None
    cache: str | None = None

    @model_validator(mode="after")
    def _check_bands(self) -> MeasureParameters:
        for name, (low, high) in {
            **self.bands,
            "aperiodic_band": self.aperiodic_band,
            "alpha_band": self.alpha_band,
        }.items():
            if not name or SEPARATOR in name:
                raise ValueError(f"band '{name}' is empty or holds '{SEPARATOR}'")
            if not 0 < low < high:
                raise ValueError(f"{name}: {low} to {high} Hz is not a band")
        return self


class WaveParameters(Parameters):
    """``params:eeg.waves``.

    Attributes
    ----------
    session : str, optional
        Session whose recordings become ``eeg.features``; needed where there are several.
        ``eeg.wave_features`` holds all of them. ``all`` makes a row of every visit, for cohorts
        whose participants' table has visits.
    """

    session: str | None = None


class EegQuality(QualityParameters):
    """``params:eeg.quality``.

    Attributes
    ----------
    min_clean_segments : int
        Smallest number of clean segments over the runs of a wave.
    """

    min_clean_segments: int = Field(30, ge=2)
