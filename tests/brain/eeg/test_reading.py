"""Files of every format, their sidecars, and what is wrong with some."""

from __future__ import annotations

import json
import shutil

import mne
import numpy as np
import pytest

from neurogenomics_kb.brain.eeg.channels import plain_name
from neurogenomics_kb.brain.eeg.reading import open_recording, refuse_different_rates
from neurogenomics_kb.brain.eeg.recordings import (
    UnusableRecording,
    find_recordings,
    read_sidecar,
)
from neurogenomics_kb.brain.eeg.regions import REGIONS, locate_channels, region_of
from neurogenomics_kb.foundation.errors import InputError
from tests.brain.eeg.synthetic import (
    CHANNELS,
    FORMATS,
    make_raw,
    write_mixed_edf,
    write_recording,
    write_table,
)


def only(root, **options):
    return open_recording(find_recordings(root)[0], **options)


@pytest.fixture
def edf(tmp_path):
    return write_recording(tmp_path, make_raw(seconds=4))


def test_recordings_are_listed_and_not_opened(tmp_path):
    for subject, session, suffix in [
        ("sub-02", "ses-2", ".set"),
        ("sub-02", "ses-1", ".edf"),
        ("sub-01", "ses-1", ".vhdr"),
    ]:
        folder = tmp_path / subject / session / "eeg"
        folder.mkdir(parents=True)
        (folder / f"{subject}_{session}_task-rest_eeg{suffix}").write_bytes(b"not EEG")
    found = find_recordings(tmp_path)
    assert [(r.subject, r.session, r.task) for r in found] == [
        ("sub-01", "ses-1", "rest"),
        ("sub-02", "ses-1", "rest"),
        ("sub-02", "ses-2", "rest"),
    ]


def test_several_tasks_must_be_told_apart(tmp_path, edf):
    write_recording(tmp_path, make_raw(seconds=4), task="oddball")
    with pytest.raises(InputError, match=r"of 2 tasks: oddball, rest.*Name one under `task`"):
        find_recordings(tmp_path)
    assert [r.task for r in find_recordings(tmp_path, task="rest")] == ["rest"]
    with pytest.raises(InputError, match=r"no EEG recording of task 'sleep'.*oddball, rest"):
        find_recordings(tmp_path, task="sleep")


def test_two_formats_of_one_recording_are_refused(tmp_path, edf):
    shutil.copy(edf, edf.with_suffix(".bdf"))
    with pytest.raises(InputError, match="more than one format: sub-01_task-rest"):
        find_recordings(tmp_path)


def test_a_file_in_another_subjects_folder_is_refused(tmp_path, edf):
    edf.rename(edf.with_name("sub-09_task-rest_eeg.edf"))
    with pytest.raises(InputError, match="the name says sub-09, the folders say sub-01"):
        find_recordings(tmp_path)


def test_parts_of_a_split_recording_are_one(tmp_path):
    raw = make_raw(seconds=150)
    folder = tmp_path / "sub-01/eeg"
    folder.mkdir(parents=True)
    path = folder / "sub-01_task-rest_eeg.fif"
    raw.save(path, split_size="2MB", split_naming="bids", verbose="error", buffer_size_sec=1)
    assert len(list(folder.glob("*split-0*_eeg.fif"))) > 1
    assert only(tmp_path, line_frequency=50).raw.n_times == raw.n_times


def test_data_that_were_not_fetched_are_named(tmp_path, edf):
    edf.unlink()
    edf.symlink_to("../.git/annex/objects/nothing.edf")
    with pytest.raises(UnusableRecording, match=r"sub-01_task-rest_eeg\.edf: cannot be read"):
        only(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no EEG recording"):
        find_recordings(tmp_path)


def test_sidecars_are_inherited_from_farther_folders(tmp_path, edf):
    (tmp_path / "task-rest_eeg.json").write_text('{"PowerLineFrequency": 60, "Manufacturer": "x"}')
    (tmp_path / "task-sleep_eeg.json").write_text('{"Manufacturer": "y"}')
    fields = read_sidecar(find_recordings(tmp_path)[0])
    assert fields["PowerLineFrequency"] == 50
    assert fields["Manufacturer"] == "x"


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_signals(tmp_path, suffix):
    raw = make_raw(seconds=4)
    write_recording(tmp_path, raw, suffix)
    opened = only(tmp_path)
    assert opened.raw.ch_names == CHANNELS
    assert opened.line_frequency == 50
    # 16 bits over the channel's range are the coarsest of the formats.
    np.testing.assert_allclose(opened.raw.get_data(), raw.get_data(), atol=2e-9)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_cut_in_half_is_noticed(tmp_path, suffix):
    path = write_recording(tmp_path, make_raw(seconds=4), suffix)
    data = path.with_suffix(".eeg") if suffix == ".vhdr" else path
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2 + 1])
    with pytest.raises(UnusableRecording) as caught:
        only(tmp_path)
    wanted = {"truncated file"} if suffix in (".edf", ".bdf", ".vhdr") else {"unreadable file"}
    assert caught.value.reason in wanted
    assert path.stem in str(caught.value)


def test_a_recording_shorter_than_its_sidecar_is_noticed(tmp_path):
    write_recording(tmp_path, make_raw(seconds=4), sidecar={"RecordingDuration": 120})
    with pytest.raises(UnusableRecording, match=r"4.0 s long, its sidecar says 120 s"):
        only(tmp_path)


def test_a_missing_data_file_is_named(tmp_path):
    path = write_recording(tmp_path, make_raw(seconds=4), ".vhdr")
    path.with_suffix(".eeg").unlink()
    with pytest.raises(
        UnusableRecording, match=r"data file 'sub-01_task-rest_eeg\.eeg' is missing"
    ):
        only(tmp_path)


def test_an_unknown_line_frequency_is_refused(tmp_path, edf):
    edf.with_suffix(".json").unlink()
    with pytest.raises(UnusableRecording, match=r"no sidecar .* has PowerLineFrequency"):
        only(tmp_path)
    assert only(tmp_path, line_frequency=60).line_frequency == 60
    edf.with_suffix(".json").write_text('{"PowerLineFrequency": 500}')
    with pytest.raises(UnusableRecording, match="PowerLineFrequency is 500"):
        only(tmp_path)
    edf.with_suffix(".json").write_text("[]")
    with pytest.raises(UnusableRecording, match="not a JSON object"):
        only(tmp_path)
    edf.with_suffix(".json").write_text("{")
    with pytest.raises(UnusableRecording, match="not a JSON object"):
        only(tmp_path)


def test_channels_tsv_gives_types_and_bad_channels(tmp_path, edf):
    table = edf.with_name("sub-01_task-rest_channels.tsv")
    types = ["EOG" if n in ("Fp1", "Fp2") else "EEG" for n in CHANNELS]
    marks = ["bad" if n == "T7" else "good" for n in CHANNELS]
    write_table(table, name=CHANNELS, type=types, status=marks)
    raw = only(tmp_path).raw
    assert raw.ch_names == CHANNELS[2:]
    assert raw.info["bads"] == ["T7"]
    write_table(table, name=[*CHANNELS, "X1"], type=[*types, "EEG"], status=[*marks, "bad"])
    with pytest.raises(UnusableRecording, match="bad channel X1 is not in"):
        only(tmp_path)
    write_table(table, name=["Q1"], type=["EEG"])
    with pytest.raises(UnusableRecording, match="describes no channel"):
        only(tmp_path)
    write_table(table, label=CHANNELS)
    with pytest.raises(UnusableRecording, match="column 'name': the column is missing"):
        only(tmp_path)


def test_channels_that_are_no_eeg_and_unknown_ones_are_left_out(tmp_path):
    raw = make_raw(seconds=4)
    names = {"Fp1": "EEG Fp1-REF", "T7": "HEOG", "F7": "Q17", "C3": "c3.."}
    write_recording(tmp_path, raw.rename_channels(names))
    opened = only(tmp_path)
    assert "HEOG" not in opened.raw.ch_names
    assert opened.unplaced == ["Q17"]
    assert {"EEG Fp1-REF", "c3.."} <= set(opened.raw.ch_names)
    assert locate_channels(opened.raw.info).labels[0] == "Fp1"


@pytest.mark.parametrize(
    ("name", "plain"),
    [("EEG Fp1-REF", "Fp1"), ("Fc5.", "Fc5"), ("EEG T3-LE", "T3"), ("Cz", "Cz"), ("E12", "E12")],
)
def test_decorations_of_names_are_dropped(name, plain):
    assert plain_name(name) == plain


def test_a_montage_without_names_of_the_cap_is_refused(tmp_path):
    names = [f"E{i + 1}" for i in range(19)]
    raw = make_raw(seconds=4).rename_channels(dict(zip(CHANNELS, names, strict=True)))
    write_recording(tmp_path, raw)
    with pytest.raises(UnusableRecording, match=r"0 of 19 channels.*check that it is the cap"):
        only(tmp_path)
    assert len(only(tmp_path, montage="GSN-HydroCel-128").raw.ch_names) == 19
    with pytest.raises(InputError, match="no montage 'GSN-129', did you mean"):
        only(tmp_path, montage="GSN-129")


@pytest.mark.parametrize("system", ["CapTrak", "EEGLAB", "landmarks"])
def test_electrodes_tsv_places_channels_of_any_name(tmp_path, system):
    names = [f"Q{i}" for i in range(19)]
    raw = make_raw(seconds=4)
    raw.set_montage("colin27_1005")
    xyz = np.array([c["loc"][:3] for c in raw.info["chs"]]) * 1000
    path = write_recording(
        tmp_path, make_raw(seconds=4).rename_channels(dict(zip(CHANNELS, names, strict=True)))
    )
    described = {"EEGCoordinateUnits": "mm", "EEGCoordinateSystem": system}
    if system == "EEGLAB":
        xyz = np.stack([xyz[:, 1], -xyz[:, 0], xyz[:, 2]], axis=1)
    if system == "landmarks":
        points = mne.channels.make_standard_montage("colin27_1005").get_positions()
        xyz = np.array([points["ch_pos"][n] for n in CHANNELS]) * 1000
        described["EEGCoordinateSystem"] = "Other"
        described["AnatomicalLandmarkCoordinates"] = {
            short: (points[long] * 1000).tolist()
            for short, long in [("NAS", "nasion"), ("LPA", "lpa"), ("RPA", "rpa")]
        }
    table = path.with_name("sub-01_electrodes.tsv")
    write_table(table, name=names, **dict(zip("xyz", xyz.T, strict=True)))
    system_file = path.with_name("sub-01_coordsystem.json")
    system_file.write_text(json.dumps(described))
    assert locate_channels(only(tmp_path).raw.info).labels.tolist() == CHANNELS
    system_file.write_text(json.dumps(described | {"EEGCoordinateUnits": "m"}))
    with pytest.raises(UnusableRecording, match=r"positions in 'm' would make a head of \d+ m"):
        only(tmp_path)
    system_file.write_text("nothing")
    with pytest.raises(UnusableRecording, match=r"coordsystem\.json: not a JSON object"):
        only(tmp_path)
    if system == "landmarks":
        del described["AnatomicalLandmarkCoordinates"]
        system_file.write_text(json.dumps(described))
        with pytest.raises(UnusableRecording, match="'Other' without the landmarks"):
            only(tmp_path)


def test_mixed_sampling_rates_are_refused_or_dropped(tmp_path):
    raw = make_raw(seconds=4)
    path = tmp_path / "sub-01/eeg/sub-01_task-rest_eeg.edf"
    write_mixed_edf(path, raw, slow=["T7", "T8"])
    path.with_suffix(".json").write_text('{"PowerLineFrequency": 50}')
    with pytest.raises(
        UnusableRecording, match=r"125 Hz, 250 Hz \(T7, T8 not at 250 Hz\)"
    ) as error:
        only(tmp_path)
    assert error.value.reason == "mixed sampling rates"
    opened = only(tmp_path, mixed_rates="drop").raw
    assert "T7" not in opened.ch_names
    assert opened.info["sfreq"] == 250
    # Slow signals that are no EEG are nobody's concern.
    write_mixed_edf(path, raw.rename_channels({"T7": "Resp", "T8": "ECG"}), slow=["Resp", "ECG"])
    assert only(tmp_path).raw.info["sfreq"] == 250


def test_rates_of_a_cohort_are_compared(tmp_path):
    write_recording(tmp_path, make_raw(seconds=4))
    write_recording(tmp_path, make_raw(seconds=4, sfreq=500), subject="sub-02")
    write_recording(tmp_path, make_raw(seconds=4), subject="sub-03")
    broken = write_recording(tmp_path, make_raw(seconds=4), subject="sub-04")
    broken.write_bytes(b"")
    with pytest.raises(InputError, match=r"250 Hz: 2, 500 Hz: 1; sub-02 has 500 Hz"):
        refuse_different_rates(find_recordings(tmp_path))


def test_values_that_are_no_numbers_are_refused(tmp_path):
    raw = make_raw(seconds=4)
    raw._data[3, 5] = np.nan
    write_recording(tmp_path, raw, ".fif")
    with pytest.raises(UnusableRecording, match="F3 hold values that are not finite"):
        only(tmp_path)


def test_a_real_file_of_several_rates_is_refused(tmp_path, samples_dir):
    path = tmp_path / "sub-01/eeg/sub-01_task-rest_eeg.edf"
    path.parent.mkdir(parents=True)
    shutil.copy(samples_dir / "eeg_uneven_sampling.edf", path)
    with pytest.raises(UnusableRecording, match=r"sampled at 12.8 Hz, 100 Hz"):
        only(tmp_path, line_frequency=50)


def test_a_real_file_of_a_biosemi_cap(tmp_path, samples_dir):
    path = tmp_path / "sub-01/eeg/sub-01_task-rest_eeg.edf"
    path.parent.mkdir(parents=True)
    shutil.copy(samples_dir / "eeg_biosemi_like.edf", path)
    with pytest.raises(UnusableRecording, match=r"'biosemi256' has 128 of these names"):
        only(tmp_path, line_frequency=50)
    opened = only(tmp_path, line_frequency=50, montage="biosemi256")
    assert len(opened.raw.ch_names) == 128
    assert opened.unplaced == [f"I{i}" for i in range(1, 9)]
    assert opened.raw.info["sfreq"] == 512
    places = locate_channels(opened.raw.info)
    # The name C3 is a place of the 10-20 system, and of this cap another one.
    assert places.labels[opened.raw.ch_names.index("C3")] != "C3"


@pytest.mark.parametrize(
    ("label", "region"),
    [
        ("Fp1", "frontal_left"),
        ("C4", "central_right"),
        ("T8", "temporal_right"),
        ("P7", "parietal_left"),
        ("Oz", "posterior_midline"),
        ("O2", "occipital_right"),
        ("Cz", "central_midline"),
        ("Q3", ""),
    ],
)
def test_regions(label, region):
    assert region_of(label) == region


@pytest.mark.parametrize("montage", ["biosemi64", "easycap-M1", "GSN-HydroCel-128", "biosemi256"])
def test_every_cap_covers_every_region(montage):
    cap = mne.channels.make_standard_montage(montage)
    info = mne.create_info(cap.ch_names, 100.0, "eeg")
    info.set_montage(cap)
    places = locate_channels(info)
    assert set(places.regions.tolist()) - {""} == set(REGIONS)
    rows, labels = places.view()
    assert len(set(labels)) == len(labels) == len(rows)
    if montage == "biosemi64":
        assert places.labels.tolist() == cap.ch_names
        assert [cap.ch_names[row] for row in rows] == labels


@pytest.mark.parametrize("kind", ["mag", "seeg", "ecog", "hbo"])
def test_sensors_of_another_kind_are_no_eeg_whatever_they_are_called(tmp_path, kind):
    raw = make_raw(3, seconds=4)
    raw.set_channel_types(dict.fromkeys(["O1", "O2"], kind), on_unit_change="ignore")
    write_recording(tmp_path, raw, ".fif")
    found = open_recording(find_recordings(tmp_path)[0]).raw
    assert found.ch_names == [n for n in CHANNELS if n not in ("O1", "O2")]
    raw.set_channel_types(dict.fromkeys(CHANNELS, kind), on_unit_change="ignore")
    write_recording(tmp_path, raw, ".fif")
    with pytest.raises(UnusableRecording, match=rf"all 19 channels are of another kind \({kind}\)"):
        open_recording(find_recordings(tmp_path)[0])
