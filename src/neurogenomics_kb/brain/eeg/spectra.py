"""Power spectra of segments, canonical bands, the aperiodic part, and the alpha peak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from neurogenomics_kb.brain.choices import choose

Band = tuple[float, float]
BANDS: dict[str, Band] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
MAD = 1.4826
# Half-width (Hz) of the parabola at a peak. On simulated spectra of 60 segments it halves the error
# of one through the maximum and its two neighbours.
FLANK = 1.5


class Aperiodic(NamedTuple):
    """Line ``log10 power = offset − exponent · log10 frequency``."""

    offset: float
    exponent: float

    def log_power(self, frequencies: np.ndarray) -> np.ndarray:
        """Log10 of the aperiodic power at frequencies (Hz)."""
        return self.offset - self.exponent * np.log10(frequencies)


def fourier_coefficients(
    segments: np.ndarray, sfreq: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fourier coefficients of Hann-windowed segments, scaled to a spectral density.

    Parameters
    ----------
    segments : ndarray, shape (n_segments, n_channels, n_times)
        µV.
    sfreq : float
        Hz.
    low, high : float
        Frequencies returned, both included (Hz).

    Returns
    -------
    frequencies : ndarray, shape (n_frequencies,)
        Hz; one over the segments' length apart.
    coefficients : ndarray of complex, shape (n_segments, n_channels, n_frequencies)
        The squared modulus is the one-sided density in µV²/Hz.
    """
    n_times = segments.shape[2]
    window = np.hanning(n_times + 1)[:-1]
    frequencies = np.fft.rfftfreq(n_times, 1 / sfreq)
    keep = (frequencies >= low - 1e-9) & (frequencies <= high + 1e-9) & (frequencies > 0)
    centred = segments - segments.mean(axis=2, keepdims=True)
    coefficients = np.fft.rfft(centred * window, axis=2)[..., keep]
    return frequencies[keep], coefficients * np.sqrt(2 / (sfreq * (window**2).sum()))


def band_mask(frequencies: np.ndarray, band: Band) -> np.ndarray:
    """Frequencies of a band; the upper edge belongs to the next one."""
    low, high = band
    last = frequencies[-1] <= high + 1e-9
    return (frequencies >= low - 1e-9) & ((frequencies < high - 1e-9) | last)


def band_power(
    frequencies: np.ndarray, power: np.ndarray, bands: Mapping[str, Band]
) -> dict[str, np.ndarray]:
    """Power (µV²) of bands, the integral of a density over each.

    Parameters
    ----------
    frequencies : ndarray, shape (n_frequencies,)
        Frequencies in Hz.
    power : ndarray, shape (..., n_frequencies)
        µV²/Hz.
    bands : mapping of str to (low, high)
        Hz.
    """
    step = frequencies[1] - frequencies[0]
    return {
        name: power[..., band_mask(frequencies, band)].sum(axis=-1) * step
        for name, band in bands.items()
    }


def fit_aperiodic(
    frequencies: np.ndarray, power: np.ndarray, *, band: Band = (2.0, 40.0), rounds: int = 30
) -> Aperiodic:
    """Line through a spectrum in log-log space that lets peaks stand out of it.

    A straight line without knee, as in the "fixed" mode of Donoghue et al. (Nature Neuroscience
    2020), fitted by least squares of which frequencies that stand out above the line by more than
    two robust standard deviations are left out, with their neighbours, until nothing changes.
    Peaks are thereby left out rather than modelled.

    Parameters
    ----------
    frequencies, power : ndarray, shape (n_frequencies,)
        Hz, µV²/Hz.
    band : tuple of float
        Frequencies fitted.
    rounds : int
        Largest number of repetitions.

    Returns
    -------
    Aperiodic
        NaN where fewer than ten frequencies are in the band or a power is not positive.
    """
    inside = (frequencies >= band[0] - 1e-9) & (frequencies <= band[1] + 1e-9)
    x, y = np.log10(frequencies[inside]), power[inside]
    if len(x) < 10 or not (y > 0).all():
        return Aperiodic(np.nan, np.nan)
    y = np.log10(y)
    design = np.stack([np.ones_like(x), -x], axis=1)
    used = np.ones(len(x), dtype=bool)
    for _ in range(rounds):
        line = np.linalg.lstsq(design[used], y[used], rcond=None)[0]
        rest = y - design @ line
        scale = MAD * np.median(np.abs(rest[used] - np.median(rest[used])))
        peak = rest > 2 * max(scale, 1e-3)
        # Flanks of a peak belong to it.
        wide = peak | np.append(peak[1:], False) | np.insert(peak[:-1], 0, False)
        kept = ~(wide & (rest > 0))
        if kept.sum() < len(x) / 3 or (kept == used).all():
            break
        used = kept
    return Aperiodic(float(line[0]), float(line[1]))


def peak_frequency(
    frequencies: np.ndarray,
    power: np.ndarray,
    aperiodic: Aperiodic,
    *,
    band: Band = (7.0, 13.0),
    min_height: float = 0.1,
    method: Literal["parabola", "centre_of_gravity"] = "parabola",
) -> float:
    """Frequency (Hz) of the largest peak of a band above the aperiodic part.

    Parameters
    ----------
    frequencies, power : ndarray, shape (n_frequencies,)
        Frequencies in Hz, and power at them.
    aperiodic : Aperiodic
        Fit of the 1/f part.
    band : tuple of float
        Where the peak may lie.
    min_height : float
        Height of the parabola above the aperiodic part (log10 units) from which a peak counts.
    method : {"parabola", "centre_of_gravity"}
        Vertex of the least-squares parabola through the log spectrum 1.5 Hz around the maximum, or
        mean frequency of the band weighted by power above the aperiodic part (Klimesch, Brain
        Research Reviews 1999), which is drawn to the middle of the band.

    Returns
    -------
    float
        NaN if there is no peak: a missing alpha rhythm stays missing.
    """
    locate = choose(method, PEAKS, "alpha_method")
    if not np.isfinite(aperiodic.offset) or not (power > 0).all():
        return float("nan")
    rest = np.log10(power) - aperiodic.log_power(frequencies)
    inside = np.flatnonzero((frequencies >= band[0] - 1e-9) & (frequencies <= band[1] + 1e-9))
    top = inside[np.argmax(rest[inside])]
    near = np.flatnonzero(np.abs(frequencies - frequencies[top]) <= FLANK + 1e-9)
    if len(near) < 3:
        return float("nan")
    # The height, too, is that of the parabola: the largest of many noisy values is always high.
    curvature, slope, level = np.polyfit(frequencies[near] - frequencies[top], rest[near], 2)
    if curvature >= 0:
        return float("nan")
    vertex = frequencies[top] - slope / (2 * curvature)
    height = level - slope**2 / (4 * curvature)
    beside = abs(vertex - frequencies[top]) > FLANK or not band[0] <= vertex <= band[1]
    if beside or height < min_height:
        return float("nan")
    above = np.maximum(power[inside] - 10 ** aperiodic.log_power(frequencies[inside]), 0)
    return locate(float(vertex), frequencies[inside], above)


def at_vertex(vertex: float, frequencies: np.ndarray, above: np.ndarray) -> float:
    """Vertex of the parabola through the log spectrum around the maximum."""
    return vertex


def at_centre_of_gravity(vertex: float, frequencies: np.ndarray, above: np.ndarray) -> float:
    """Mean frequency weighted by the power above the aperiodic part."""
    return float(above @ frequencies / above.sum())


# Where a peak lies, by the name of the method.
PEAKS = {"parabola": at_vertex, "centre_of_gravity": at_centre_of_gravity}
