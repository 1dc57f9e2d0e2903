"""Coherence and weighted phase lag index between channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.eeg.spectra import Band, band_mask

# Values in flight at a time: bounds memory, does not change results.
_CHUNK = 1 << 23


def debiased_coherence(coefficients: np.ndarray) -> np.ndarray:
    """Magnitude-squared coherence of all pairs of channels, without the bias of few segments.

    Of n segments, unrelated signals have an expected coherence of 1/n, so that people with fewer
    clean segments would seem more coherent; ``(n C − 1) / (n − 1)`` has expectation 0 there and
    stays 1 for identical signals. It may come out slightly negative.

    Parameters
    ----------
    coefficients : ndarray of complex, shape (n_segments, n_channels)
        Of one frequency.

    Returns
    -------
    ndarray, shape (n_channels, n_channels)
        NaN with fewer than two segments or for a channel without power.
    """
    n = len(coefficients)
    if n < 2:
        return np.full((coefficients.shape[1],) * 2, np.nan)
    cross = coefficients.T @ coefficients.conj()
    power = np.real(np.diag(cross))
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence = np.abs(cross) ** 2 / np.outer(power, power)
        return (n * coherence - 1) / (n - 1)


def debiased_wpli(coefficients: np.ndarray) -> np.ndarray:
    """Debiased squared weighted phase lag index of all pairs of channels.

    ``(|Σ I|² − Σ I²) / ((Σ |I|)² − Σ I²)`` over segments, I the imaginary part of the cross
    spectrum (Vinck et al., NeuroImage 2011, equation 12). Insensitive to sources that reach two
    electrodes at once; expectation 0 without lagged coupling, at most 1.

    Parameters
    ----------
    coefficients : ndarray of complex, shape (n_segments, n_channels)
        Of one frequency.

    Returns
    -------
    ndarray, shape (n_channels, n_channels)
        NaN with fewer than two segments and where no segment has an imaginary part.
    """
    n_segments, n_channels = coefficients.shape
    total, absolute, squared = np.zeros((3, n_channels, n_channels))
    step = max(_CHUNK // n_channels**2, 1)
    for start in range(0, n_segments, step):
        part = coefficients[start : start + step]
        left, right = part[:, :, None], part[:, None, :]
        # Imaginary part of left · conj(right), without the real half of the work.
        imaginary = left.imag * right.real
        imaginary -= left.real * right.imag
        total += imaginary.sum(axis=0)
        squared += np.einsum("sij,sij->ij", imaginary, imaginary)
        absolute += np.abs(imaginary, out=imaginary).sum(axis=0)
    denominator = absolute**2 - squared
    # A zero lag leaves rounding errors, which are no imaginary part.
    power = np.sqrt((np.abs(coefficients) ** 2).sum(axis=0))
    real = absolute > 1e-12 * np.outer(power, power)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = (total**2 - squared) / denominator
    return np.where(real & (denominator > 0), index, np.nan)


MEASURES = {"coherence": debiased_coherence, "wpli": debiased_wpli}


def connect_regions(
    frequencies: np.ndarray,
    coefficients: np.ndarray,
    regions: np.ndarray,
    bands: Mapping[str, Band],
    measures: Sequence[str],
) -> dict[tuple[str, str, str, str], float]:
    """Connectivity of bands between regions.

    Parameters
    ----------
    frequencies : ndarray, shape (n_frequencies,)
        Frequencies in Hz.
    coefficients : ndarray of complex, shape (n_segments, n_channels, n_frequencies)
        As from `fourier_coefficients`.
    regions : ndarray of str, shape (n_channels,)
        "" for channels that do not count.
    bands : mapping of str to (low, high)
        Frequency bands in Hz, by name.
    measures : sequence of str
        Among ``coherence`` and ``wpli``.

    Returns
    -------
    dict of (measure, region, region, band) to float
        Averaged over the band's frequencies, then over the pairs of channels of two regions,
        regions in alphabetical order.
    """
    methods = {name: choose(name, MEASURES, "connectivity") for name in measures}
    placed = np.flatnonzero(regions != "")
    names = sorted(set(regions[placed].tolist()))
    members = {name: np.flatnonzero(regions[placed] == name) for name in names}
    result = {}
    for band, limits in bands.items():
        inside = np.flatnonzero(band_mask(frequencies, limits))
        for measure, method in methods.items():
            mean = np.zeros((len(placed), len(placed)))
            for k in inside:
                # A copy in order, since a strided view would be slow in every operation.
                mean += method(np.ascontiguousarray(coefficients[:, placed, k]))
            mean /= max(len(inside), 1)
            for i, first in enumerate(names):
                for second in names[i + 1 :]:
                    pairs = mean[np.ix_(members[first], members[second])]
                    known = pairs[np.isfinite(pairs)]
                    value = known.mean() if known.size and inside.size else np.nan
                    result[measure, first, second, band] = float(value)
    return result
