"""Channels that measure something else than the brain."""

from __future__ import annotations

import numpy as np

# Scale of a normal distribution by its median absolute deviation.
MAD = 1.4826


def find_bad_channels(
    data: np.ndarray,
    sfreq: float,
    *,
    flat_uv: float = 0.5,
    max_deviation: float = 5.0,
    min_correlation: float | None = 0.4,
    max_uncorrelated: float = 0.1,
    window: float = 1.0,
) -> dict[str, np.ndarray]:
    """Flat, deviating and uncorrelated channels of a filtered recording.

    The criteria on amplitude and correlation are those of the PREP pipeline (Bigdely-Shamlo et al.,
    Frontiers in Neuroinformatics 2015), with its thresholds as defaults for amplitude and
    correlation; a window counts as uncorrelated on the strength of the best partner alone, as
    electrodes of sparse caps have few.

    Parameters
    ----------
    data : ndarray, shape (n_channels, n_times)
        Band-passed, in µV.
    sfreq : float
        Sampling rate in Hz.
    flat_uv : float
        A channel is flat if its standard deviation is below this in half of the windows.
    max_deviation : float
        Largest distance of a channel's log amplitude from the median over channels, in robust
        standard deviations. The amplitude is the interquartile range over time.
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
    scale = MAD * np.median(np.abs(amplitude[live] - centre)) if live.any() else 0.0
    # Caps of equal gains have hardly any spread; a tenth of a log unit is no defect.
    deviating = live & (np.abs(amplitude - centre) > max_deviation * max(scale, 0.1))
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
