"""The aperiodic fit against specparam, coherence and phase lag index against mne-connectivity."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.brain.eeg.coupling import debiased_coherence, debiased_wpli
from neurogenomics_kb.brain.eeg.spectra import fit_aperiodic, fourier_coefficients
from tests.brain.eeg.synthetic import coloured_noise, narrow_noise

SFREQ, N_EPOCHS, N_TIMES = 200.0, 60, 400
BAND = (2.0, 40.0)


def welch_spectrum(seed: int, exponent: float, alpha_uv: float):
    """Spectrum of a channel with planted exponent and alpha rhythm, as the product makes it."""
    rng = np.random.default_rng(seed)
    noise = coloured_noise(rng, (N_EPOCHS * N_TIMES,), SFREQ, exponent)
    signal = 10 * noise / noise.std()
    if alpha_uv:
        signal += alpha_uv * narrow_noise(rng, len(signal), SFREQ, 10.0, width=1.0)
    segments = signal.reshape(N_EPOCHS, 1, N_TIMES)
    frequencies, coefficients = fourier_coefficients(segments, SFREQ, 1.0, 45.0)
    return frequencies, (np.abs(coefficients[:, 0]) ** 2).mean(axis=0)


def test_exponents_and_offsets_agree_with_specparam():
    specparam = pytest.importorskip("specparam", reason="pip install specparam")
    ours, theirs, planted = [], [], []
    for seed in range(24):
        exponent = 0.6 + 0.08 * seed
        frequencies, power = welch_spectrum(seed, exponent, alpha_uv=[0.0, 2.0, 6.0][seed % 3])
        model = specparam.SpectralModel(
            aperiodic_mode="fixed", peak_width_limits=(1.0, 8.0), max_n_peaks=4,
            min_peak_height=0.1, verbose=False,
        )  # fmt: skip
        model.fit(frequencies, power, BAND)
        theirs.append(np.asarray(model.get_params("aperiodic"), dtype=float))
        line = fit_aperiodic(frequencies, power, band=BAND)
        ours.append([line.offset, line.exponent])
        planted.append(exponent)
    ours, theirs, planted = np.array(ours), np.array(theirs), np.array(planted)
    difference = ours - theirs
    assert np.abs(difference[:, 1]).max() < 0.08
    assert np.abs(difference[:, 1].mean()) < 0.03
    assert np.abs(difference[:, 0]).max() < 0.1
    own_error = np.abs(ours[:, 1] - planted).mean()
    their_error = np.abs(theirs[:, 1] - planted).mean()
    assert own_error < 0.05
    assert own_error < 1.2 * their_error
    assert np.corrcoef(ours[:, 1], theirs[:, 1])[0, 1] > 0.998


@pytest.fixture(scope="module")
def epochs() -> np.ndarray:
    """Two groups of channels coupled at 10 Hz with and without lag, and noise."""
    rng = np.random.default_rng(3)
    n = N_EPOCHS * N_TIMES
    shared = narrow_noise(rng, n, SFREQ, 10.0, width=1.0)
    lagged = np.roll(shared, 4)
    signals = rng.normal(size=(5, n))
    signals[0] += shared
    signals[1] += lagged
    signals[2] += shared
    return signals.reshape(5, N_EPOCHS, N_TIMES).swapaxes(0, 1).copy()


def their_connectivity(epochs: np.ndarray, method: str):
    connectivity = pytest.importorskip("mne_connectivity", reason="pip install mne-connectivity")
    found = connectivity.spectral_connectivity_epochs(
        epochs, method=method, sfreq=SFREQ, mode="fourier", fmin=5.0, fmax=30.0, verbose="error"
    )
    dense = found.get_data(output="dense")
    return np.array(found.freqs), dense + dense.swapaxes(0, 1)


def same_coefficients(epochs: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Fourier coefficients with mne-connectivity's window; (n_epochs, n_channels, n_freqs)."""
    centred = epochs - epochs.mean(axis=2, keepdims=True)
    all_frequencies = np.fft.rfftfreq(N_TIMES, 1 / SFREQ)
    at = [int(np.argmin(np.abs(all_frequencies - f))) for f in frequencies]
    return np.fft.rfft(centred * np.hanning(N_TIMES), axis=2)[..., at]


@pytest.mark.parametrize("method", ["coh", "wpli2_debiased"])
def test_coupling_equals_mne_connectivity_on_the_same_coefficients(epochs, method):
    frequencies, theirs = their_connectivity(epochs, method)
    coefficients = same_coefficients(epochs, frequencies)
    off = ~np.eye(5, dtype=bool)
    for k in range(len(frequencies)):
        part = np.ascontiguousarray(coefficients[:, :, k])
        if method == "coh":
            # Theirs is the modulus of coherency; ours its square, without the bias of n segments.
            wanted = (N_EPOCHS * theirs[..., k] ** 2 - 1) / (N_EPOCHS - 1)
            ours = debiased_coherence(part)
        else:
            wanted, ours = theirs[..., k], debiased_wpli(part)
        np.testing.assert_allclose(ours[off], wanted[off], atol=1e-9)


@pytest.mark.parametrize("method", ["coh", "wpli2_debiased"])
def test_coupling_agrees_with_mne_connectivity_from_the_signals(epochs, method):
    frequencies, theirs = their_connectivity(epochs, method)
    own_frequencies, coefficients = fourier_coefficients(epochs, SFREQ, 5.0, 30.0)
    np.testing.assert_allclose(own_frequencies, frequencies)
    estimate = debiased_coherence if method == "coh" else debiased_wpli
    ours = np.stack([estimate(coefficients[:, :, k]) for k in range(len(frequencies))], axis=2)
    wanted = (N_EPOCHS * theirs**2 - 1) / (N_EPOCHS - 1) if method == "coh" else theirs
    off = ~np.eye(5, dtype=bool)
    # The windows differ by one sample in their length.
    assert np.abs(ours[off] - wanted[off]).max() < 0.02
    ten = int(np.argmin(np.abs(frequencies - 10.0)))
    assert ours[0, 1, ten] > 0.5
    assert (ours[0, 2, ten] > 0.5) == (method == "coh")
