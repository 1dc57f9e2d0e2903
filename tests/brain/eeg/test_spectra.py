"""Power, aperiodic part, peaks and coupling against what was planted and against formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from neurogenomics_kb.brain.eeg.coupling import (
    connect_regions,
    debiased_coherence,
    debiased_wpli,
)
from neurogenomics_kb.brain.eeg.spectra import (
    BANDS,
    Aperiodic,
    band_power,
    fit_aperiodic,
    fourier_coefficients,
    peak_frequency,
)
from tests.brain.eeg.synthetic import narrow_noise

FREQUENCIES = np.arange(1, 45.5, 0.5)


def planted(exponent=1.3, offset=1.2, peak=10.0, height=0.8, segments=None, seed=0):
    log = offset - exponent * np.log10(FREQUENCIES)
    log += height * np.exp(-((FREQUENCIES - peak) ** 2) / 2 / 1.2**2)
    if segments is not None:  # a mean of that many periodograms
        return 10**log * np.random.default_rng(seed).gamma(segments, 1 / segments, len(log))
    return 10**log


def test_spectra_are_those_of_welch():
    segments = np.random.default_rng(0).normal(size=(7, 3, 500))
    frequencies, coefficients = fourier_coefficients(segments, 250.0, 1, 45)
    wanted = welch(
        segments.swapaxes(0, 1).reshape(3, -1), 250.0, nperseg=500, noverlap=0, detrend="constant"
    )
    keep = np.isin(wanted[0], frequencies)
    np.testing.assert_allclose((np.abs(coefficients) ** 2).mean(axis=0), wanted[1][:, keep])


def test_bands_share_the_power_without_overlap():
    powers = band_power(FREQUENCIES, np.ones(len(FREQUENCIES)), BANDS)
    assert sum(powers.values()) == pytest.approx(len(FREQUENCIES) / 2)
    assert powers["alpha"] == 5.0


def test_a_sine_has_the_power_of_a_sine():
    t = np.arange(5000) / 250
    segments = (20 * np.sin(2 * np.pi * 10 * t)).reshape(10, 1, 500)
    frequencies, coefficients = fourier_coefficients(segments, 250.0, 1, 45)
    powers = band_power(frequencies, np.abs(coefficients) ** 2, BANDS)
    np.testing.assert_allclose(powers["alpha"], 200, rtol=1e-6)
    np.testing.assert_allclose(powers["beta"], 0, atol=1e-6)


@pytest.mark.parametrize("exponent", [0.7, 1.3, 2.0])
@pytest.mark.parametrize("height", [0.0, 0.4, 1.2])
def test_the_aperiodic_part_is_recovered_beside_peaks(exponent, height):
    fits = [
        fit_aperiodic(FREQUENCIES, planted(exponent, height=height, segments=60, seed=s))
        for s in range(20)
    ]
    assert np.mean([f.exponent for f in fits]) == pytest.approx(exponent, abs=0.03)
    assert np.mean([f.offset for f in fits]) == pytest.approx(1.2, abs=0.05)


def test_a_spectrum_without_power_has_no_line():
    assert np.isnan(fit_aperiodic(FREQUENCIES, np.zeros(len(FREQUENCIES)))).all()
    assert np.isnan(fit_aperiodic(FREQUENCIES[:5], np.ones(5))).all()


@pytest.mark.parametrize("peak", [8.3, 10.0, 11.65])
def test_the_peak_lies_between_frequencies(peak):
    power = planted(peak=peak)
    line = Aperiodic(1.2, 1.3)
    assert peak_frequency(FREQUENCIES, power, line) == pytest.approx(peak, abs=0.05)
    centre = peak_frequency(FREQUENCIES, power, line, method="centre_of_gravity")
    assert centre == pytest.approx(peak, abs=0.6)


@pytest.mark.parametrize("options", [{"height": 0.0}, {"peak": 5.0}, {"height": 0.05}])
def test_a_missing_peak_stays_missing(options):
    line = Aperiodic(1.2, 1.3)
    assert np.isnan(peak_frequency(FREQUENCIES, planted(**options), line))


def test_a_peak_of_noise_in_a_flat_spectrum_is_rare():
    found = [
        peak_frequency(FREQUENCIES, power, fit_aperiodic(FREQUENCIES, power))
        for power in (planted(height=0, segments=100, seed=s) for s in range(100))
    ]
    assert np.isfinite(found).mean() < 0.05


def pairs(kind, n=80, seed=0):
    """Segments of two channels with coupling of one kind at 10 Hz."""
    rng = np.random.default_rng(seed)
    n_times = 500 * n
    source = narrow_noise(rng, n_times, 250.0, 10.0, width=1.0)
    first, second = rng.normal(size=(2, n_times))
    lag = {"none": None, "zero": 0, "lagged": 6}[kind]  # 6 samples: 24 ms, 86 degrees
    if lag is not None:
        first, second = first + 2 * source, second + 2 * np.roll(source, lag)
    data = np.stack([first, second]).reshape(2, n, 500).swapaxes(0, 1)
    return fourier_coefficients(data, 250.0, 1, 45)


def at_ten(kind, measure, **options):
    frequencies, coefficients = pairs(kind, **options)
    return measure(np.ascontiguousarray(coefficients[:, :, frequencies == 10.0][..., 0]))[0, 1]


def test_wpli_tells_lagged_from_instantaneous_coupling():
    assert at_ten("lagged", debiased_wpli) > 0.7
    for kind in ("zero", "none"):
        values = [at_ten(kind, debiased_wpli, seed=s) for s in range(20)]
        assert abs(np.mean(values)) < 0.03
        assert max(values) < 0.2


def test_coherence_sees_both():
    for kind in ("lagged", "zero"):
        assert at_ten(kind, debiased_coherence) > 0.7


def test_few_segments_do_not_raise_connectivity():
    for n in (5, 100):
        for measure in (debiased_wpli, debiased_coherence):
            values = [at_ten("none", measure, n=n, seed=s) for s in range(200)]
            assert np.mean(values) == pytest.approx(0, abs=0.035)


def test_measures_are_their_formulas():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(9, 4, 2)) @ [1, 1j]
    wpli, coherence = debiased_wpli(z), debiased_coherence(z)
    for i in range(4):
        for j in range(i):
            cross = [s[i] * np.conj(s[j]) for s in z]
            top = sum(a.imag * b.imag for k, a in enumerate(cross) for b in cross[:k])
            low = sum(abs(a.imag * b.imag) for k, a in enumerate(cross) for b in cross[:k])
            assert wpli[i, j] == pytest.approx(top / low)
            plain = abs(sum(cross)) ** 2 / np.prod([sum(abs(z[:, c]) ** 2) for c in (i, j)])
            assert coherence[i, j] == pytest.approx((9 * plain - 1) / 8)
    assert np.isnan(np.diag(wpli)).all()
    np.testing.assert_allclose(np.diag(coherence), 1)


def test_one_segment_says_nothing():
    z = np.random.default_rng(0).normal(size=(1, 3, 2)) @ [1, 1j]
    assert np.isnan(debiased_wpli(z)).all()
    assert np.isnan(debiased_coherence(z)).all()


def test_chunks_of_segments_do_not_change_wpli(monkeypatch):
    z = np.random.default_rng(4).normal(size=(50, 5, 2)) @ [1, 1j]
    whole = debiased_wpli(z)
    monkeypatch.setattr("neurogenomics_kb.brain.eeg.coupling._CHUNK", 100)
    np.testing.assert_allclose(debiased_wpli(z), whole, rtol=1e-12)


def test_regions_are_averages_over_pairs_and_frequencies():
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=(12, 5, 3, 2)) @ [1, 1j]
    regions = np.array(["b", "a", "", "b", "a"])
    result = connect_regions(
        np.array([8.0, 9.0, 30.0]), coefficients, regions, {"x": (8, 10), "y": (20, 25)}, ["wpli"]
    )
    each = [debiased_wpli(coefficients[..., k])[np.ix_([1, 4], [0, 3])] for k in (0, 1)]
    assert result["wpli", "a", "b", "x"] == pytest.approx(np.mean(each))
    assert np.isnan(result["wpli", "a", "b", "y"])
    assert len(result) == 2
