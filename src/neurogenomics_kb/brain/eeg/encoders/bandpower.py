"""The default encoder: log band power per region, which needs no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neurogenomics_kb.brain.eeg.regions import REGIONS, region_of
from neurogenomics_kb.brain.eeg.spectra import BANDS, band_power, fourier_coefficients


class BandPowerEncoder:
    """Log10 power (µV²) of every band in every region, segment by segment.

    Parameters
    ----------
    bands : mapping of str to (low, high), optional
        Hz.
    """

    def __init__(self, bands: Mapping[str, Sequence[float]] | None = None) -> None:
        self.bands = {name: (low, high) for name, (low, high) in (bands or BANDS).items()}
        self.names = [f"{region}~{band}" for region in REGIONS for band in self.bands]
        self.dim = len(self.names)
        self.framing = {"window": "Hann", "regions": len(REGIONS), "bands": self.bands}

    def embed(self, segments: np.ndarray, channels: Sequence[str], sfreq: float) -> np.ndarray:
        """Embed segments; regions without a channel are NaN; shape (n_segments, dim)."""
        low = min(limits[0] for limits in self.bands.values())
        high = max(limits[1] for limits in self.bands.values())
        frequencies, coefficients = fourier_coefficients(segments, sfreq, low, high)
        power = np.abs(coefficients) ** 2
        regions = np.array([region_of(channel) for channel in channels])
        columns = []
        for region in REGIONS:
            own = regions == region
            mean = power[:, own].mean(axis=1) if own.any() else np.full(power[:, 0].shape, np.nan)
            columns += list(band_power(frequencies, mean, self.bands).values())
        return np.log10(np.stack(columns, axis=1))
