"""From files to features: planted values come back, whatever the format, order or process."""

from __future__ import annotations

import shutil

import mne
import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.eeg.pooling import (
    choose_wave,
    pool_runs,
    tabulate_runs,
    wave_quality,
)
from neurogenomics_kb.brain.eeg.recordings import Recording, UnusableRecording, find_recordings
from neurogenomics_kb.brain.eeg.runs import Run, process_recording
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import parse_feature_name
from tests.brain.eeg.synthetic import ALPHA, EXPONENT, FORMATS, make_raw, write_recording

BACK = ("occipital_left", "occipital_right", "parietal_left", "parietal_right")


def process(root, number=0, *, reading=None, cleaning=None, measures=None, encoders=None):
    recording = find_recordings(root)[number]
    return process_recording(
        recording, reading or {}, cleaning or {}, measures or {}, encoders or {}
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same recording in every format."""
    found = {}
    for suffix in FORMATS:
        root = tmp_path_factory.mktemp("bids")
        write_recording(root, make_raw(7, seconds=120, line=20.0), suffix)
        found[suffix] = process(root)
    return found


@pytest.mark.parametrize("suffix", FORMATS)
def test_planted_values_come_back(runs, suffix):
    features = runs[suffix].features
    assert runs[suffix].counts["n_clean_segments"] == 60
    for region in BACK:
        assert features[f"eeg__peak_alpha__{region}__hz"] == pytest.approx(ALPHA, abs=0.2)
        power = {b: features[f"eeg__periodic_power__{region}__{b}"] for b in ("alpha", "beta")}
        assert power["alpha"] > 0.5
        assert abs(power["beta"]) < 0.1
        assert features[f"eeg__relative_power__{region}__alpha"] > 0.5
    exponents = [v for name, v in features.items() if name.endswith("__exponent")]
    assert len(exponents) == 13
    assert np.mean(exponents) == pytest.approx(EXPONENT, abs=0.1)
    # 12 µV of alpha in every channel of a region, less what the average reference takes.
    assert features["eeg__band_power__occipital_left__alpha"] == pytest.approx(
        np.log10(12**2 * (12 / 19) ** 2), abs=0.1
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_all_formats_give_the_same_features(runs, suffix):
    wanted, found = pd.Series(runs[".fif"].features), pd.Series(runs[suffix].features)
    assert found.index.tolist() == wanted.index.tolist()
    linear = ~found.index.str.contains("wpli|coherence")
    np.testing.assert_allclose(found[linear], wanted[linear], atol=0.005)
    np.testing.assert_allclose(found[~linear], wanted[~linear], atol=0.05)


def test_names_follow_the_grammar(runs):
    parts = [parse_feature_name(name) for name in runs[".edf"].features]
    assert {p.modality for p in parts} == {"eeg"}
    assert {p.group for p in parts} == {
        "band_power", "relative_power", "periodic_power", "aperiodic", "peak_alpha", "coherence",
        "wpli",
    }  # fmt: skip
    assert sum(p.group == "wpli" for p in parts) == 13 * 12 / 2 * 5


def test_without_alpha_the_peak_is_missing(tmp_path):
    write_recording(tmp_path, make_raw(3, seconds=120, alpha=None))
    features = process(tmp_path).features
    found = [v for name, v in features.items() if "peak_alpha" in name]
    assert np.isnan(found).mean() > 0.8


def test_the_children_of_a_cap_do_not_matter(tmp_path):
    """64 channels of another cap at another rate give the features of 19."""
    names = tuple(mne.channels.make_standard_montage("biosemi64").ch_names)
    write_recording(tmp_path, make_raw(1, seconds=60))
    write_recording(tmp_path, make_raw(2, seconds=60, names=names, sfreq=512.0), subject="sub-02")
    first, second = process(tmp_path, 0), process(tmp_path, 1)
    assert list(first.features) == list(second.features)
    assert np.isfinite(list(second.features.values())).mean() > 0.9
    for run in (first, second):
        assert run.features["eeg__peak_alpha__posterior_midline__hz"] == pytest.approx(10, abs=0.3)


def test_lagged_coupling_shows_in_wpli_and_zero_lag_does_not(tmp_path):
    def wpli(lag):
        raw = make_raw(4, seconds=120, alpha=None)
        from tests.brain.eeg.synthetic import narrow_noise

        source = narrow_noise(np.random.default_rng(5), raw.n_times, 250.0, 10.0) * 1.2e-5
        for name, shift in (("F3", 0), ("F7", 0), ("Fp1", 0), ("P4", lag), ("P8", lag)):
            raw._data[raw.ch_names.index(name)] += np.roll(source, shift)
        root = tmp_path / str(lag)
        write_recording(root, raw)
        return process(root).features["eeg__wpli__frontal_left~parietal_right__alpha"]

    assert wpli(6) > 0.3
    assert abs(wpli(0)) < 0.1


def test_bad_channels_do_not_stand_for_a_region(tmp_path):
    raw = make_raw(seconds=20)
    raw._data[[raw.ch_names.index("O1")]] = 0
    write_recording(tmp_path, raw)
    features = process(tmp_path).features
    assert np.isnan(features["eeg__band_power__occipital_left__alpha"])
    assert np.isfinite(features["eeg__band_power__occipital_right__alpha"])


def test_results_do_not_depend_on_what_ran_before(tmp_path):
    for number in (1, 2):
        write_recording(tmp_path, make_raw(number, seconds=20), subject=f"sub-0{number}")
    alone = process(tmp_path, 1).features
    process(tmp_path, 0)
    again = process(tmp_path, 1).features
    assert alone == pytest.approx(again, rel=0, abs=0, nan_ok=True)


def test_a_defect_is_noted_or_raised(tmp_path):
    path = write_recording(tmp_path, make_raw(seconds=20))
    path.write_bytes(path.read_bytes()[:-1000])
    run = process(tmp_path)
    assert run.reason == "truncated file"
    assert not run.features
    with pytest.raises(UnusableRecording, match="the header announces"):
        process(tmp_path, reading={"unusable": "error"})


def test_what_nobody_foresaw_names_the_recording(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("nobody foresaw this")

    write_recording(tmp_path, make_raw(seconds=20))
    monkeypatch.setattr("neurogenomics_kb.brain.eeg.runs.clean_recording", fail)
    with pytest.raises(ZeroDivisionError) as caught:
        process(tmp_path)
    assert "sub-01_task-rest_eeg.edf" in caught.value.__notes__[0]


def test_a_real_recording_gives_features(tmp_path, samples_dir):
    """Six seconds are too short, four times over they are long enough."""
    path = tmp_path / "sub-01/eeg/sub-01_task-rest_eeg.edf"
    path.parent.mkdir(parents=True)
    shutil.copy(samples_dir / "eeg_biosemi_like.edf", path)
    reading = {"montage": "biosemi256", "line_frequency": 60}
    assert process(tmp_path, reading=reading).reason == "too short"
    raw = mne.io.read_raw_edf(path, preload=True, verbose="error").pick("eeg")
    # channels not on the cap
    raw.drop_channels([f"I{i}" for i in range(1, 9)] + [n for n in raw.ch_names if "Ergo" in n])
    path.unlink()
    long = mne.io.RawArray(np.tile(raw.get_data(), 4), raw.info, verbose="error")
    write_recording(tmp_path, long, ".fif", sidecar={"PowerLineFrequency": 60})
    loose = {"max_peak_to_peak": 1e5, "max_bad_share": 0.9, "min_correlation": None}
    run = process(tmp_path, reading=reading, cleaning=loose)
    assert run.counts["n_channels"] == 128
    values = [v for name, v in run.features.items() if "__band_power__" in name]
    assert np.isfinite(values).mean() > 0.9


def make_run(subject, session, segments, value, reason=""):
    from pathlib import Path

    recording = Recording(
        Path(f"{subject}_{session}_{segments}_eeg.edf"), Path(), subject, session, ""
    )
    if reason:
        return Run(recording, reason=reason, problem=f"{subject}: {reason} indeed")
    counts = {"n_clean_segments": segments, "n_segments": 100, "n_bad_channels": 1}
    return Run(recording, counts, {"eeg__a__b__c": value, "eeg__a__b__d": 1.0})


RUNS = [
    make_run("sub-01", "ses-1", 90, 1.0),
    make_run("sub-01", "ses-1", 30, 5.0),
    make_run("sub-01", "ses-2", 50, np.nan),
    make_run("sub-02", "ses-1", 10, 7.0),
    make_run("sub-03", "ses-1", 0, 0, reason="truncated file"),
    make_run("sub-04", "ses-1", 40, 2.0),
    make_run("sub-04", "ses-1", 0, 0, reason="too short"),
]


def test_runs_weigh_by_their_clean_segments():
    pooled = pool_runs(*tabulate_runs(RUNS))["eeg__a__b__c"]
    assert pooled["sub-01", "ses-1"] == pytest.approx((90 * 1 + 30 * 5) / 120)
    assert pooled["sub-02", "ses-1"] == 7
    assert pooled["sub-04", "ses-1"] == 2
    assert np.isnan(pooled["sub-01", "ses-2"])
    shuffled = pool_runs(*tabulate_runs(RUNS[::-1]))["eeg__a__b__c"]
    pd.testing.assert_series_equal(pooled, shuffled)


def test_quality_of_waves_counts_reasons():
    metrics, failures = wave_quality(tabulate_runs(RUNS)[0], min_clean_segments=30)
    assert metrics.loc[("sub-01", "ses-1"), "n_clean_segments"] == 120
    assert metrics.loc[("sub-04", "ses-1"), "n_usable_runs"] == 1
    who = {reason: fails[fails].index.tolist() for reason, fails in failures.items()}
    assert who == {
        "too short": [],
        "truncated file": [("sub-03", "ses-1")],
        "fewer than 30 clean segments": [("sub-02", "ses-1")],
    }


def test_a_cohort_of_unusable_recordings_ends_the_run():
    with pytest.raises(InputError, match="none of 1 recordings can be used; first: sub-03: trunc"):
        tabulate_runs(RUNS[4:5])


def test_the_wave_must_be_named_where_there_are_several():
    assert choose_wave(["", ""], None) == ""
    assert choose_wave(["ses-1"], None) == "ses-1"
    assert choose_wave(["ses-1", "ses-2"], "2") == "ses-2"
    with pytest.raises(InputError, match=r"2 sessions \(ses-1, ses-2\)"):
        choose_wave(["ses-1", "ses-2"], None)
    with pytest.raises(InputError, match="no recording is of session 'ses-9'"):
        choose_wave(["ses-1"], "ses-9")
