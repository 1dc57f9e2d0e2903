"""Filters, bad channels, references and rejected segments."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
import pytest

from neurogenomics_kb.brain.eeg.bad_channels import find_bad_channels
from neurogenomics_kb.brain.eeg.cleaning import clean_recording
from neurogenomics_kb.brain.eeg.reading import OpenRecording
from neurogenomics_kb.brain.eeg.recordings import UnusableRecording
from tests.brain.eeg.synthetic import CHANNELS, make_raw

AT = {name: number for number, name in enumerate(CHANNELS)}


def clean(raw, *, line=50.0, reference="", unplaced=(), **options):
    raw.set_montage("colin27_1005")
    return clean_recording(
        OpenRecording(raw, line, reference, list(unplaced)), "recording.edf", **options
    )


def spectrum_at(segments, frequency):
    n = segments.data.shape[2]
    power = np.abs(np.fft.rfft(segments.data * np.hanning(n), axis=2)) ** 2
    return power.mean(axis=(0, 1))[round(frequency * n / segments.sfreq)]


def test_a_good_recording_keeps_everything():
    segments = clean(make_raw(seconds=20))
    assert segments.data.shape == (10, 19, 500)
    assert segments.channels == CHANNELS
    assert segments.measured.all()
    assert segments.counts["n_clean_segments"] == segments.counts["n_segments"] == 10
    np.testing.assert_allclose(segments.data.mean(axis=1), 0, atol=1e-9)


def test_line_noise_and_drifts_are_filtered():
    raw = make_raw(seconds=20, line=40.0)
    raw._data += 3e-5 * np.sin(2 * np.pi * 0.1 * raw.times)
    # Gains differ, so that the average reference alone would leave a fifth of both.
    raw._data *= np.linspace(0.8, 1.2, 19)[:, None]
    before = raw.get_data(units="uV").reshape(19, 10, 500).swapaxes(0, 1)
    after = clean(raw)
    assert spectrum_at(after, 50) < 1e-3 * spectrum_at(replace(after, data=before), 50)
    assert np.abs(after.data.mean(axis=2)).max() < 0.2 * np.abs(before.mean(axis=2)).max()


def test_the_notch_follows_the_line_frequency():
    def at_fifty(line):
        raw = make_raw(seconds=20, line=10.0)
        raw._data *= np.linspace(0.8, 1.2, 19)[:, None]
        return spectrum_at(clean(raw, line=line, low_pass=60.0, resample=None), 50)

    assert at_fifty(50.0) < at_fifty(60.0) / 100


def test_resampling_to_a_common_rate():
    fast = clean(make_raw(seconds=20, sfreq=500.0), resample=200.0)
    assert fast.sfreq == 200
    assert fast.data.shape == (10, 19, 400)


def test_flat_deviating_and_lonely_channels_are_interpolated():
    raw = make_raw(seconds=40)
    good = clean(raw.copy())
    rng = np.random.default_rng(0)
    raw._data[AT["F3"]] = 0.0
    raw._data[AT["T8"]] *= 30
    raw._data[AT["P4"]] = rng.normal(scale=2e-5, size=raw.n_times)
    segments = clean(raw)
    counts = {k: v for k, v in segments.counts.items() if k.startswith("n_") and v}
    assert (counts["n_flat"], counts["n_deviating"], counts["n_uncorrelated"]) == (1, 1, 1)
    assert counts["n_bad_channels"] == 3
    assert set(np.array(CHANNELS)[~segments.measured]) == {"F3", "T8", "P4"}
    # Splines bring smooth fields back from the neighbours.
    both = segments.data[:, AT["F3"]].ravel(), good.data[:, AT["F3"]].ravel()
    assert np.corrcoef(*both)[0, 1] > 0.8


def test_listed_bad_channels_are_interpolated():
    raw = make_raw(seconds=20)
    raw.info["bads"] = ["Cz"]
    segments = clean(raw)
    assert segments.counts["n_bad_listed"] == segments.counts["n_bad_channels"] == 1
    assert not segments.measured[AT["Cz"]]


def test_the_recording_reference_is_not_a_flat_channel():
    raw = make_raw(seconds=20)
    raw._data -= raw._data[AT["Cz"]].copy()
    assert not clean(raw.copy()).measured[AT["Cz"]]
    segments = clean(raw, reference="Cz")
    assert segments.measured[AT["Cz"]]
    assert np.ptp(segments.data[:, AT["Cz"]]) > 5


def test_too_many_bad_channels_are_refused():
    raw = make_raw(seconds=20)
    raw._data[:6] = 0.0
    with pytest.raises(UnusableRecording, match="6 of 19 channels are bad") as caught:
        clean(raw)
    assert caught.value.reason == "too many bad channels"


def test_criteria_of_bad_channels_have_the_stated_thresholds():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=2500)
    data = 10 * (shared + 0.5 * rng.normal(size=(12, 2500)))
    nothing = find_bad_channels(data, 250)
    assert not any(which.any() for which in nothing.values())
    data[0] *= 0.04 / np.std(data[0])
    assert np.flatnonzero(find_bad_channels(data, 250)["flat"]).tolist() == [0]
    assert not find_bad_channels(data, 250, flat_uv=0.01)["flat"].any()
    data[1, :500] = 10 * rng.normal(size=500)  # 2 of 10 s
    assert find_bad_channels(data, 250)["uncorrelated"][1]
    assert not find_bad_channels(data, 250, max_uncorrelated=0.25)["uncorrelated"].any()
    assert not find_bad_channels(data, 250, min_correlation=None)["uncorrelated"].any()
    data[2] *= 6
    assert find_bad_channels(data, 250)["deviating"][2]
    assert not find_bad_channels(data, 250, max_ratio=8.0)["deviating"][2]


def test_artifacts_cost_their_segment_only():
    raw = make_raw(seconds=20)
    raw._data[AT["Fp1"], 1100:1200] += 4e-4  # in the third segment, 4 to 6 s
    segments = clean(raw)
    assert segments.counts["n_noisy_segments"] == 1
    assert len(segments.data) == 9
    assert clean(raw.copy(), max_peak_to_peak=2000.0).counts["n_noisy_segments"] == 0


def test_marked_stretches_and_joints_are_left_out():
    raw = make_raw(seconds=20)
    raw.set_annotations(
        mne.Annotations([3.0, 9.5, 0.0], [2.5, 0.0, 0.0], ["BAD_move", "boundary", "New Segment/"])
    )
    segments = clean(raw)
    assert segments.counts["n_marked_segments"] == 3  # 2-4, 4-6 and 8-10 s
    assert len(segments.data) == 7


def test_no_clean_segment_is_refused():
    with pytest.raises(UnusableRecording, match="none of 10 segments is clean") as caught:
        clean(make_raw(seconds=20), max_peak_to_peak=5.0)
    assert caught.value.reason == "no clean segment"


def test_short_slow_and_wrongly_scaled_recordings_are_refused():
    with pytest.raises(UnusableRecording, match=r"3.0 s long; the filters span 6.6 s"):
        clean(make_raw(seconds=3))
    with pytest.raises(UnusableRecording, match="sampled at 80 Hz, which holds nothing up to 45"):
        clean(make_raw(seconds=20, sfreq=80.0))
    raw = make_raw(seconds=20)
    raw._data *= 1e6
    with pytest.raises(UnusableRecording, match=r"deviation of .*e\+06 µV.*Check the unit"):
        clean(raw)
    raw._data[:] = 0
    with pytest.raises(UnusableRecording) as caught:
        clean(raw)
    assert caught.value.reason == "flat recording"
