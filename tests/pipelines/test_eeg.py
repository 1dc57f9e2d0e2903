from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.brain.eeg import encoders
from neurogenomics_kb.datasets import EegRecordingsDataset, NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.eeg import create_pipeline
from tests.brain.eeg.synthetic import make_raw, write_recording
from tests.brain.eeg.test_encoders import load_tiny
from tests.pipelines.modality_runs import check_persisted, merge, run_pipeline

ABSENT = NotCollected(modality="eeg", reason="no amplifier")
RECIPE = {"blocks": {}, "encoders": {}}
FEW = {"quality": {"min_clean_segments": 5}}


def recipe(*strategies):
    blocks = {
        f"eeg{number}": {"modality": "eeg", "encoder": None, "levels": [], **strategy}
        for number, strategy in enumerate(strategies)
    }
    other = {"modality": "genomics", "encoder": "kmer_spectrum_k4"}
    specs = {"eeg_bandpower": {"type": "eeg_bandpower"}, "tiny_eeg": {"type": "tiny"}}
    return {
        "blocks": blocks | {"gene": other},
        "encoders": specs | {"kmer_spectrum_k4": {"type": "kmer"}},
    }


@pytest.fixture
def bids(tmp_path, monkeypatch):
    """Three subjects of one wave and format each, one of them with two runs."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "bids"
    write_recording(root, make_raw(1, seconds=20), ".edf", subject="sub-01", run="run-1")
    write_recording(root, make_raw(2, seconds=12), ".edf", subject="sub-01", run="run-2")
    write_recording(root, make_raw(3, seconds=20), ".vhdr", subject="sub-02")
    write_recording(root, make_raw(4, seconds=20, sfreq=500.0), ".set", subject="sub-03")
    return root


def run(root, changes=None, card=None):
    recordings = root if root is ABSENT else EegRecordingsDataset(filepath=str(root)).load()
    # Worker processes take seconds to start: none unless a test asks for them.
    settings = merge({"eeg": {"measures": {"n_jobs": 1}, **FEW}}, {"eeg": changes or {}})
    inputs = {"eeg.recordings": recordings, "recipe": card or RECIPE}
    return run_pipeline(create_pipeline(), inputs, settings)


def test_features_and_quality(bids, caplog):
    with caplog.at_level(logging.INFO):
        catalog = run(bids)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("eeg.quality")
    assert quality["n_clean_segments"].to_dict() == {"sub-01": 16, "sub-02": 10, "sub-03": 10}
    assert quality["n_runs"].to_dict() == {"sub-01": 2, "sub-02": 1, "sub-03": 1}
    assert quality["included"].all()
    features = catalog.load("eeg.features")
    assert features.index.tolist() == ["sub-01", "sub-02", "sub-03"]
    assert features.index.name == "subject_id"
    by_run = catalog.load("eeg.run_features")
    wanted = (10 * by_run.iloc[0] + 6 * by_run.iloc[1]) / 16
    both = by_run.iloc[:2].notna().all()
    np.testing.assert_allclose(features.loc["sub-01", both], wanted[both])
    waves = catalog.load("eeg.wave_features")
    assert waves.index.names == ["subject_id", "wave_id"]
    assert waves.index.tolist() == [(subject, "") for subject in features.index]
    assert "features of 4 / 4 recordings" in caplog.text


def test_two_processes_and_another_order_give_the_same(bids):
    alone = run(bids).load("eeg.features")
    together = run(bids, {"measures": {"n_jobs": 2, "cache": None}}).load("eeg.features")
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    recordings = EegRecordingsDataset(filepath=str(bids)).load()[::-1]
    turned = run_pipeline(
        create_pipeline(),
        {"eeg.recordings": recordings, "recipe": RECIPE},
        {"eeg": {"measures": {"n_jobs": 1, "cache": None}, **FEW}},
    ).load("eeg.features")
    pd.testing.assert_frame_equal(alone, turned[alone.columns])


def test_unusable_recordings_are_counted(bids, caplog):
    edf = bids / "sub-01/eeg/sub-01_task-rest_run-1_eeg.edf"
    edf.write_bytes(edf.read_bytes()[:-2000])
    (bids / "sub-02/eeg/sub-02_task-rest_eeg.json").unlink()
    write_recording(bids, make_raw(5, seconds=8), subject="sub-04")
    flat = make_raw(6, seconds=20)
    flat._data[:8] = 0
    write_recording(bids, flat, subject="sub-05")
    catalog = run(bids)
    quality = catalog.load("eeg.quality")
    assert quality["reason"].to_dict() == {
        "sub-01": "",
        "sub-02": "unknown line frequency",
        "sub-03": "",
        "sub-04": "fewer than 5 clean segments",
        "sub-05": "too many bad channels",
    }
    assert quality.loc["sub-01", "n_usable_runs"] == 1
    assert catalog.load("eeg.features").index.tolist() == ["sub-01", "sub-03"]
    runs = catalog.load("eeg.runs")
    assert runs["reason"].value_counts()["truncated file"] == 1
    assert "left out: " in caplog.text
    assert "sub-01_task-rest_run-1_eeg.edf: " in caplog.text


def test_an_unusable_recording_can_end_the_run(bids):
    edf = bids / "sub-01/eeg/sub-01_task-rest_run-1_eeg.edf"
    edf.write_bytes(edf.read_bytes()[:-2000])
    for n_jobs in (1, 2):
        with pytest.raises(InputError, match=r"run-1_eeg\.edf: .* the header announces"):
            run(bids, {"recording": {"unusable": "error"}, "measures": {"n_jobs": n_jobs}})


def test_a_cohort_without_line_frequencies_says_so_once(bids):
    for file in bids.rglob("*.json"):
        file.unlink()
    with pytest.raises(InputError, match=r"none of 4 recordings.*set eeg\.recording\.line_freq"):
        run(bids)
    assert run(bids, {"recording": {"line_frequency": 50}}).load("eeg.quality")["included"].all()


def test_different_rates_are_resampled_or_refused(bids):
    catalog = run(bids)
    assert catalog.load("eeg.runs")["sfreq"].unique().tolist() == [250]
    with pytest.raises(InputError, match=r"250 Hz: 3, 500 Hz: 1; sub-03 has 500 Hz"):
        run(bids, {"cleaning": {"resample": None}})


def test_waves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "bids"
    for subject, session in [("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", "ses-1")]:
        raw = make_raw(int(subject[-1]), seconds=20)
        write_recording(root, raw, subject=subject, session=session)
    with pytest.raises(InputError, match=r"2 sessions \(ses-1, ses-2\).*Name one"):
        run(root)
    catalog = run(root, {"waves": {"session": "2"}})
    check_persisted(create_pipeline(), catalog)
    assert catalog.load("eeg.features").index.tolist() == ["sub-01"]
    reasons = catalog.load("eeg.quality")["reason"].to_dict()
    assert reasons == {"sub-01": "", "sub-02": "no recording in ses-2"}
    waves = catalog.load("eeg.wave_features")
    assert waves.index.tolist() == [
        ("sub-01", "ses-1"),
        ("sub-01", "ses-2"),
        ("sub-02", "ses-1"),
    ]
    left_out = run(root, {"waves": {"session": "ses-1"}, "quality": {"exclude": ["sub-02"]}})
    assert left_out.load("eeg.features").index.tolist() == ["sub-01"]
    assert len(left_out.load("eeg.wave_features")) == 2


def test_cards_name_segment_encoders(bids, monkeypatch):
    monkeypatch.setitem(encoders.SEGMENT_ENCODERS, "tiny", load_tiny)
    segment = {"level": "segment", "pooling": "mean", "seconds": 2.0}
    card = recipe({"encoder": "tiny_eeg", "levels": [segment]}, {"encoder": "eeg_bandpower"})
    features = run(bids, card=card).load("eeg.features")
    groups = features.columns.str.split("__").str[1]
    assert (groups == "tiny_eeg").sum() == 6
    assert (groups == "eeg_bandpower").sum() == 65
    assert "kmer_spectrum_k4" not in set(groups)
    assert features.filter(like="tiny_eeg").notna().all(axis=None)


def test_segments_are_as_long_as_the_card_says(bids):
    card = recipe({"levels": [{"level": "segment", "pooling": "mean", "seconds": 4.0}]})
    with pytest.raises(InputError, match="'eeg0' has segments of 4 s on its card and 2 s in"):
        run(bids, card=card)
    run(bids, {"cleaning": {"segment_seconds": 4.0}, "quality": {"min_clean_segments": 2}}, card)


def test_cohort_without_eeg_gives_empty_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalog = run(ABSENT)
    check_persisted(create_pipeline(), catalog)
    for name in ("runs", "run_features", "wave_features", "features", "quality"):
        assert catalog.load(f"eeg.{name}").shape == (0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cleaning": {"lowpass": 40}}, "lowpass"),
        ({"cleaning": {"high_pass": 50.0}}, "high_pass 50.0 is not below low_pass 45.0"),
        ({"cleaning": {"resample": 80}}, "low_pass 45.0 is not below half of 80"),
        ({"cleaning": {"min_peak_to_peak": 200}}, "min_peak_to_peak is not below"),
        ({"measures": {"bands": {"a__b": [1, 4]}}}, "'a__b' is empty or holds '__'"),
        ({"measures": {"bands": {"a": [4, 1]}}}, "a: 4.0 to 1.0 Hz is not a band"),
        ({"measures": {"connectivity": ["pli"]}}, "'coherence' or 'wpli'"),
        ({"recording": {"line_frequency": 16}}, "50 or 60"),
        ({"quality": {"min_clean_segments": 1}}, "greater than or equal to 2"),
    ],
)
def test_wrong_parameters_are_refused(bids, changes, message):
    with pytest.raises(ParameterValidationError, match=message):
        run(bids, changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cleaning": {"low_pass": 40.0}}, "gamma is 30 to 45 Hz, and the filter keeps 1 to 40"),
        ({"recording": {"montage": "biosemi65"}}, "no montage 'biosemi65', did you mean"),
    ],
)
def test_contradictions_are_refused_before_anything_is_read(bids, changes, message):
    for file in bids.rglob("*_eeg.*"):
        file.write_bytes(b"")
    with pytest.raises(InputError, match=message):
        run(bids, changes)
