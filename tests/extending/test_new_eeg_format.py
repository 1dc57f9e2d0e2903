"""A new file format of EEG is one module and one registration line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import mne
import numpy as np
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.brain.eeg.formats import (
    FORMATS,
    EegFormat,
    EegOf,
    FormatOptions,
    OpenFile,
    format_options,
    reader_for,
)
from neurogenomics_kb.brain.eeg.recordings import find_recordings
from neurogenomics_kb.brain.eeg.unusable import UnusableRecording
from neurogenomics_kb.datasets import EegRecordingsDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.eeg import create_pipeline
from tests.brain.eeg.synthetic import make_raw, write_recording
from tests.pipelines.modality_runs import merge, run_pipeline

# The module that a laboratory would write for its own format: arrays with names and a rate.


class ToyOptions(FormatOptions):
    """What can be chosen of the format.

    Attributes
    ----------
    gain : float
        Volts of one unit in the file.
    """

    format: Literal["toy"] = "toy"
    gain: float = 1.0


class ToyReader:
    """Reads ``.toy`` files."""

    def __init__(self, options: ToyOptions) -> None:
        self.options = options

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a file that holds all of its samples."""
        with np.load(path, allow_pickle=False) as stored:
            names, sfreq, data = stored["names"].tolist(), float(stored["sfreq"]), stored["data"]
        if data.shape[0] != len(names):
            raise UnusableRecording(
                "truncated file",
                f"{len(names)} channels are announced, {data.shape[0]} are there",
                file=path,
                remedy="Copy the file again.",
            )
        info = mne.create_info(names, sfreq, "eeg")
        return OpenFile(mne.io.RawArray(data * self.options.gain, info, verbose="error"))


TOY = EegFormat((".toy",), ToyOptions, ToyReader)


def write_toy(root: Path, seed: int, subject: str, *, channels: int = 19) -> Path:
    raw = make_raw(seed, seconds=20)
    path = write_recording(root, raw, ".fif", subject=subject).with_suffix(".toy")
    path.with_suffix(".fif").unlink()
    with path.open("wb") as stream:
        data = raw.get_data()[:channels] * 1e6
        np.savez(stream, names=raw.ch_names, sfreq=raw.info["sfreq"], data=data)
    return path


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(FORMATS, "toy", TOY)  # the registration line: FORMATS["toy"] = TOY


def run(root, formats):
    changes = {
        "recording": {"formats": formats},
        "measures": {"n_jobs": 1},
        "quality": {"min_clean_segments": 5},
    }
    recordings = EegRecordingsDataset(filepath=str(root)).load()
    inputs = {"eeg.recordings": recordings, "recipe": {"blocks": {}, "encoders": {}}}
    return run_pipeline(create_pipeline(), inputs, merge({}, {"eeg": changes}))


def test_the_whole_pipeline_reads_the_new_format(tmp_path, monkeypatch, registered):
    monkeypatch.chdir(tmp_path)
    for number, subject in enumerate(("sub-01", "sub-02")):
        write_toy(tmp_path / "toy", number, subject)
        write_recording(tmp_path / "fif", make_raw(number, seconds=20), ".fif", subject=subject)
    found = run(tmp_path / "toy", [{"format": "toy", "gain": 1e-6}]).load("eeg.features")
    wanted = run(tmp_path / "fif", []).load("eeg.features")
    assert found.index.tolist() == ["sub-01", "sub-02"]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


def test_defects_of_the_new_format_are_counted(tmp_path, monkeypatch, registered):
    monkeypatch.chdir(tmp_path)
    write_toy(tmp_path / "toy", 0, "sub-01")
    write_toy(tmp_path / "toy", 1, "sub-02", channels=18)
    (write_toy(tmp_path / "toy", 2, "sub-03")).write_bytes(b"nothing")
    runs = run(tmp_path / "toy", [{"format": "toy", "gain": 1e-6}]).load("eeg.runs")
    assert runs["reason"].tolist() == ["", "truncated file", "unreadable file"]


def test_unknown_formats_and_options_name_the_known_ones(tmp_path, registered):
    with pytest.raises(InputError, match=r"no 'edff', did you mean 'edf'.*edf, bdf, .*, toy"):
        format_options({"format": "edff"})
    with pytest.raises(InputError, match=r"format of recordings: there is no ''"):
        format_options({"gain": 2})
    with pytest.raises(InputError, match=r"formats, toy.*has the options format, gain"):
        format_options({"format": "toy", "mixed_rates": "drop"})
    with pytest.raises(InputError, match=r"no format ends in '\.xyz'.*\.edf, \.bdf.*\.toy"):
        reader_for(tmp_path / "a.xyz")


def test_without_registration_nothing_is_found(tmp_path):
    write_toy(tmp_path, 0, "sub-01")
    with pytest.raises(InputError, match="holds no EEG recording"):
        find_recordings(tmp_path)


def test_parameters_refuse_unknown_formats_at_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_recording(tmp_path, make_raw(0, seconds=4))
    with pytest.raises(ParameterValidationError, match="there is no 'toy'"):
        run(tmp_path, [{"format": "toy"}])


def test_options_of_one_format_do_not_reach_another(tmp_path):
    drop = [{"format": "bdf", "mixed_rates": "drop"}]
    assert reader_for(tmp_path / "a.edf", drop).options.mixed_rates == "refuse"
    assert reader_for(tmp_path / "a.bdf", drop).options.mixed_rates == "drop"
    assert reader_for(tmp_path / "a.edf", mixed_rates="drop").options.mixed_rates == "drop"
    chosen = [{"format": "edf", "mixed_rates": "refuse"}]
    assert (
        reader_for(tmp_path / "a.edf", chosen, mixed_rates="drop").options.mixed_rates == "refuse"
    )
    assert reader_for(tmp_path / "a.fif", mixed_rates="drop").options.format == "fif"
