"""Channels that measure something else than the brain."""

from __future__ import annotations

import numpy as np


def find_bad_channels(
    data: np.ndarray,
    sfreq: float,
    *,
    flat_uv: float = 0.5,
    max_ratio: float = 5.0,
    min_correlation: float | None = 0.4,
    max_uncorrelated: float = 0.1,
    window: float = 1.0,
) -> dict[str, np.ndarray]:
    """Flat, deviating and uncorrelated channels of a filtered recording.

    Criteria follow the PREP pipeline (Bigdely-Shamlo et al., Frontiers in Neuroinformatics 2015),
    with its threshold of correlation. Other than there, a window is uncorrelated on the strength of
    the best partner alone, as electrodes of sparse caps have few, and amplitudes are compared as
    ratios.

    Parameters
    ----------
    data : ndarray, shape (n_channels, n_times)
        Band-passed, in µV.
    sfreq : float
        Sampling rate in Hz.
    flat_uv : float
        A channel is flat if its standard deviation is below this in half of the windows.
    max_ratio : float
        A channel deviates if its amplitude, the interquartile range over time, is this many times
        the median over channels, or a this-manieth of it. A strong alpha rhythm alone makes the
        back of the head three or four times as loud as the front, which also stretches any z-score
        over channels; hence a ratio.
    min_correlation : float or None
        A window is uncorrelated if the largest absolute correlation with another channel is below
        this; None leaves the criterion out.
    max_uncorrelated : float
        Largest share of uncorrelated windows.
    window : float
        Length of windows in seconds.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_channels,)
        ``flat``, ``deviating``, ``uncorrelated``; a flat channel is nothing else.
    """
    length = max(round(window * sfreq), 2)
    n_windows = max(data.shape[1] // length, 1)
    windows = data[:, : n_windows * length].reshape(len(data), n_windows, -1)
    spread = windows.std(axis=2)
    flat = np.median(spread, axis=1) < flat_uv
    live = ~flat
    amplitude = np.log(np.maximum(np.subtract(*np.percentile(data, [75, 25], axis=1)), 1e-12))
    centre = np.median(amplitude[live]) if live.any() else 0.0
    deviating = live & (np.abs(amplitude - centre) > np.log(max_ratio))
    uncorrelated = np.zeros(len(data), dtype=bool)
    if min_correlation is not None and live.sum() > 1:
        low = np.zeros(live.sum())
        for number in range(n_windows):
            part = windows[live, number]
            part = part - part.mean(axis=1, keepdims=True)
            norm = np.linalg.norm(part, axis=1)
            part = part / np.where(norm > 0, norm, 1.0)[:, None]
            correlation = np.abs(part @ part.T)
            np.fill_diagonal(correlation, 0.0)
            low += correlation.max(axis=1) < min_correlation
        uncorrelated[live] = low / n_windows > max_uncorrelated
    return {"flat": flat, "deviating": deviating, "uncorrelated": uncorrelated & ~deviating}
