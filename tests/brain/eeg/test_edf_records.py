"""EDF and BDF byte by byte: gaps between records, recordings that were not closed, filters."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.brain.eeg.filters import filtered_bands, stated_filters
from neurogenomics_kb.brain.eeg.formats.edf_header import (
    is_understood,
    parse_prefilter,
    read_edf_header,
)
from neurogenomics_kb.brain.eeg.reading import open_recording
from neurogenomics_kb.brain.eeg.recordings import UnusableRecording, find_recordings
from neurogenomics_kb.brain.eeg.runs import process_recording
from tests.brain.eeg.synthetic import make_raw, write_edf_plus, write_recording, write_table

SFREQ = 250


def write(root, onsets, suffix=".edf", *, seconds=1.0, seed=1, **options):
    path = root / f"sub-01/eeg/sub-01_task-rest_eeg{suffix}"
    raw = make_raw(seed, seconds=len(onsets) * seconds, sfreq=SFREQ)
    kind = options.pop("kind", f"{suffix[1:].upper()}+D")
    write_edf_plus(path, raw, onsets, seconds=seconds, kind=kind, **options)
    path.with_suffix(".json").write_text('{"PowerLineFrequency": 50}')
    return path


def process(root, **reading):
    return process_recording(find_recordings(root)[0], reading, {}, {}, {})


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_no_segment_runs_through_a_gap(tmp_path, suffix):
    write(tmp_path, np.arange(60) * 5.0, suffix)
    run = process(tmp_path)
    assert run.reason == "no clean segment"
    assert "none of 30 segments is clean" in run.problem
    assert "30 marked" in run.problem


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_records_that_follow_each_other_are_a_continuous_recording(tmp_path, suffix):
    write(tmp_path, np.arange(60) * 1.0, suffix)
    joined = process(tmp_path)
    write(tmp_path / "other", np.arange(60) * 1.0, suffix, kind=f"{suffix[1:].upper()}+C")
    assert joined.counts["n_clean_segments"] == 30
    assert joined.features == process(tmp_path / "other").features


@pytest.mark.parametrize("seed", range(6))
def test_gaps_anywhere_mark_the_segments_that_they_part(tmp_path, seed):
    rng = np.random.default_rng(seed)
    starts = np.arange(60.0)
    gaps = np.sort(rng.choice(np.arange(8, 52), 2, replace=False))
    for gap in gaps:
        starts[gap:] += rng.uniform(0.5, 100)
    write(tmp_path, starts)
    run = process(tmp_path)
    marked = {int(gap // 2) for gap in gaps}
    between = gaps[1] - gaps[0]
    if between < 6.6:  # shorter than the filters
        marked |= set(range(int(gaps[0] // 2), int(np.ceil(gaps[1] / 2))))
    assert run.counts["n_segments"] == 30
    assert run.counts["n_marked_segments"] == len(marked)
    raw = open_recording(find_recordings(tmp_path)[0]).raw
    notes = raw.annotations
    assert notes.onset[notes.description == "boundary"].tolist() == gaps.tolist()


def test_annotations_move_with_their_records(tmp_path):
    starts = np.arange(60.0) + 100 * (np.arange(60) >= 30)
    write(tmp_path, starts, notes=[(10.0, 2.0, "BAD early"), (134.0, 2.0, "BAD late")])
    raw = open_recording(find_recordings(tmp_path)[0]).raw
    at = dict(zip(raw.annotations.description, raw.annotations.onset, strict=True))
    assert at == {"BAD early": 10.0, "BAD late": 34.0, "boundary": 30.0}
    assert process(tmp_path).counts["n_marked_segments"] == 3


def test_times_that_are_missing_or_go_back(tmp_path):
    write(tmp_path, [0.0, None, 2.0, 3.0])
    with pytest.raises(UnusableRecording, match="do not all say when they begin"):
        open_recording(find_recordings(tmp_path)[0])
    write(tmp_path, [0.0, 5.0, 3.0, 9.0])
    with pytest.raises(UnusableRecording, match="times of its records go back"):
        open_recording(find_recordings(tmp_path)[0])
    # A file that calls itself continuous need not say.
    write(tmp_path, [0.0, None, 2.0, 3.0], kind="EDF+C")
    assert open_recording(find_recordings(tmp_path)[0]).raw.times[-1] > 3.9


def test_a_recording_that_was_not_closed(tmp_path, caplog):
    path = write(tmp_path, np.arange(60) * 1.0, records=-1)
    whole = process(tmp_path)
    assert whole.counts["n_clean_segments"] == 30
    assert "was not closed; 60 records are there" in caplog.text
    write(tmp_path / "closed", np.arange(60) * 1.0)
    assert whole.features == process(tmp_path / "closed").features
    for lost in (1, 777):
        path.write_bytes(path.read_bytes()[:-lost])
        with pytest.raises(UnusableRecording, match="no whole number of records") as error:
            open_recording(find_recordings(tmp_path)[0])
        assert error.value.reason == "truncated file"
    write(tmp_path, np.arange(60) * 1.0, records=0)
    with pytest.raises(UnusableRecording, match="announces 0 records"):
        open_recording(find_recordings(tmp_path)[0])
    write(tmp_path, np.arange(60) * 1.0, records=50)
    with pytest.raises(UnusableRecording, match="does not match the file size"):
        open_recording(find_recordings(tmp_path)[0])


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("HP:0.1Hz LP:75Hz N:50Hz", (0.1, 75)),
        ("HP:0,5Hz LP:30,0Hz", (0.5, 30)),
        ("HP: DC; LP: 410 Hz", (None, 410)),
        ("HP:DC LP:OFF", (None, None)),
        ("LP:30Hz", (None, 30)),
        ("HP:16mHz LP:0.1kHz", (0.016, 100)),
        ("HP 0.5 LP 40", (0.5, 40)),
        ("HPF=1 LPF=35", (1, 35)),
        ("Highpass: 0.3 Hz, Lowpass: 70 Hz", (0.3, 70)),
        ("BP: 0.5-70 Hz", (0.5, 70)),
        ("0.53 - 35 Hz", (0.53, 35)),
        ("TC:0.3s LP:70Hz", (pytest.approx(0.5305, abs=1e-3), 70)),
        ("HP:0Hz LP:0Hz", (None, None)),
        ("N:50Hz", (None, None)),
        ("none", (None, None)),
        ("", (None, None)),
    ],
)
def test_filters_of_headers(text, filters):
    assert parse_prefilter(text) == filters


def test_filters_of_sidecars():
    assert stated_filters({"SoftwareFilters": "n/a"}) == (None, None)
    assert stated_filters({
        "HardwareFilters": {"HighPass": {"Cutoff frequency (Hz)": 0.1}},
        "SoftwareFilters": {"Anti-aliasing filter": {"half-amplitude cutoff (Hz)": 500, "Roll": 6},
                            "low pass": {"cutoff": "40 Hz"}, "notch": {"frequency": 50}},
    }) == (0.1, 40)  # fmt: skip


def test_bands_that_a_filter_reaches_into():
    bands = {"delta": (1.0, 4.0), "gamma": (30.0, 45.0)}
    assert filtered_bands((None, None), bands) == []
    assert filtered_bands((1.0, 45.0), bands) == []
    assert filtered_bands((1.6, 100.0), bands) == ["delta"]
    assert filtered_bands((1.6, 40.0), bands) == ["delta", "gamma"]


def in_header(root):
    write(root, np.arange(60) * 1.0, prefilter="HP:0.1Hz LP:30Hz N:50Hz")


def in_info(root):
    raw = make_raw(1, seconds=60)
    with raw.info._unlock():
        raw.info["lowpass"] = 30.0
    write_recording(root, raw, ".fif")


def in_channels_table(root):
    path = write_recording(root, make_raw(1, seconds=60), ".set")
    names = make_raw(1, seconds=1).ch_names
    table = path.with_name("sub-01_task-rest_channels.tsv")
    write_table(table, name=names, type="EEG", low_cutoff="n/a", high_cutoff=[30] * len(names))


def in_sidecar(root):
    filters = {"SoftwareFilters": {"LowPass": {"half-amplitude cutoff (Hz)": 30}}}
    write_recording(root, make_raw(1, seconds=60), ".vhdr", sidecar=filters)


@pytest.mark.parametrize("where", [in_header, in_info, in_channels_table, in_sidecar])
def test_a_recorded_low_pass_is_refused_or_its_bands_are_left_out(tmp_path, where):
    where(tmp_path)
    run = process(tmp_path)
    assert run.reason == "recorded filter inside the bands"
    assert "30 Hz low-pass, which reaches into gamma, aperiodic_band" in run.problem
    with pytest.raises(UnusableRecording):
        process(tmp_path, unusable="error")
    left = process(tmp_path, recorded_filter="leave_out")
    whole = process(tmp_path, recorded_filter="ignore")
    assert left.counts["n_bands_left_out"] == 2
    assert whole.counts["n_bands_left_out"] == 0
    gone = {name for name, value in left.features.items() if np.isnan(value)} - {
        name for name, value in whole.features.items() if np.isnan(value)
    }
    assert {name for name in whole.features if name.endswith("__gamma")} <= gone
    groups = {"relative_power", "periodic_power", "aperiodic", "peak_alpha"}
    assert {name.split("__")[1] for name in gone if not name.endswith("__gamma")} == groups
    kept = [n for n in whole.features if n not in gone]
    np.testing.assert_array_equal(
        [left.features[n] for n in kept], [whole.features[n] for n in kept]
    )
    with pytest.raises(Exception, match=r"recorded_filter: there is no 'leave', did you mean"):
        process(tmp_path, recorded_filter="leave")


def test_filters_of_other_channels_do_not_count(tmp_path):
    path = write(tmp_path, np.arange(60) * 1.0, prefilter="HP:0.1Hz LP:100Hz")
    text = bytearray(path.read_bytes())
    header = read_edf_header(path)
    names = [*header.channels, "EDF Annotations"]
    at = 256 + (16 + 80 + 8 + 8 * 4) * len(names)
    text[at : at + 80] = b"HP:0.1Hz LP:15Hz".ljust(80)
    text[256:272] = b"EOG".ljust(16)
    path.write_bytes(bytes(text))
    assert open_recording(find_recordings(tmp_path)[0]).low_pass == 100


@pytest.mark.parametrize(
    ("text", "high", "low"),
    [
        ("LFF:0.5Hz HFF:35Hz", 0.5, 35),
        ("HFF 70 LFF 0.5", 0.5, 70),
        ("LF:0.5 HF:35", 0.5, 35),
        ("HiPass 0.5 LoPass 35", 0.5, 35),
        ("30 Hz low-pass", None, 30),
        ("HP:1e-1Hz LP:3e1Hz", 0.1, 30),
        ("HP:10s LP:30Hz", 1 / (20 * np.pi), 30),
        ("HP:300ms", 1 / (0.6 * np.pi), None),
        ("LP:30Hz/HP:1s", 1 / (2 * np.pi), 30),
        ("HP0.1LP30", 0.1, 30),
        ("Low filter 0.5 High filter: 35 Hz", 0.5, 35),
    ],
)
def test_spellings_of_filters(text, high, low):
    assert is_understood(text)
    found = parse_prefilter(text)
    assert found == (
        None if high is None else pytest.approx(high),
        None if low is None else pytest.approx(low),
    )


@pytest.mark.parametrize("text", ["Fc 30", "0.5 - 30", "Lo 0.5 Hi 35", "type 2: 30"])
def test_filters_that_are_not_understood_are_said(tmp_path, caplog, text):
    write(tmp_path, np.arange(60) * 1.0, prefilter=text)
    open_recording(find_recordings(tmp_path)[0])
    assert f"not understood and counts for nothing: '{text}'" in caplog.text


@pytest.mark.parametrize("text", ["", "N:50Hz", "HP:DC; LP:off", "notch 60 Hz", "none"])
def test_nothing_is_said_where_no_filter_is_named(tmp_path, caplog, text):
    write(tmp_path, np.arange(60) * 1.0, prefilter=text)
    open_recording(find_recordings(tmp_path)[0])
    assert "not understood" not in caplog.text


def overwrite(path, at, text):
    content = bytearray(path.read_bytes())
    content[at : at + len(text)] = text
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("duration", [b"0       ", b"nan     ", b"inf     ", b"-1      "])
def test_records_without_duration_have_no_rate(tmp_path, duration):
    overwrite(write(tmp_path, np.arange(4) * 1.0), 244, duration)
    with pytest.raises(UnusableRecording, match="the header announces 4 records of"):
        open_recording(find_recordings(tmp_path)[0])


@pytest.mark.parametrize("first", [16 + 80 + 8, 16 + 80 + 8 + 16])
def test_a_channel_without_a_range_has_no_unit(tmp_path, first):
    path = write(tmp_path, np.arange(4) * 1.0)
    signals = int(path.read_bytes()[252:256])
    channel = 3
    for begin in (first, first + 8):
        overwrite(path, 256 + begin * signals + 8 * channel, b"0       ")
    with pytest.raises(
        UnusableRecording, match="smallest and the largest value of F3 are the same"
    ):
        open_recording(find_recordings(tmp_path)[0])
