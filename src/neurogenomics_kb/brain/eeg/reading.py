"""Recordings as MNE objects: EEG channels only, with positions and bad marks."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import mne
import numpy as np

from neurogenomics_kb.brain.eeg.channels import channel_types, place_channels, plain_name
from neurogenomics_kb.brain.eeg.filters import channel_filters, stated_filters
from neurogenomics_kb.brain.eeg.formats import Reader, reader_for
from neurogenomics_kb.brain.eeg.recordings import Recording, UnusableRecording, read_sidecar
from neurogenomics_kb.foundation.errors import InputError, listing

# What MNE only warns of, although samples are missing.
CUT_OFF = re.compile(r"truncat|does not match the (?:file|header)|incomplete|corrupt", re.I)
LINE_FREQUENCIES = (50.0, 60.0)
# Types that formats which know types give to sensors that are not on the scalp.
OTHER_SENSORS = frozenset({
    "mag", "grad", "ref_meg", "ecog", "seeg", "dbs", "hbo", "hbr", "fnirs_cw_amplitude",
    "fnirs_fd_ac_amplitude", "fnirs_fd_phase", "fnirs_od", "chpi", "dipole", "gof", "exci", "ias",
    "syst", "eyegaze", "pupil", "temperature", "gsr", "stim",
})  # fmt: skip
# A recording may be this much (s) shorter than its sidecar says.
SLACK = 1.0


@dataclass
class OpenRecording:
    """A recording in memory.

    Attributes
    ----------
    raw : mne.io.BaseRaw
        EEG channels with positions; ``info["bads"]`` as channels.tsv lists them.
    line_frequency : float
        Hz.
    reference : str
        Channel that the recording was referred to, "" if it is not among the channels.
    unplaced : list of str
        Channels left out because their position is unknown.
    high_pass, low_pass : float or None
        Of the filters that the EEG was recorded with (Hz), as far as file and sidecars tell: the
        narrowest over channels.
    """

    raw: mne.io.BaseRaw
    line_frequency: float
    reference: str
    unplaced: list[str]
    high_pass: float | None = None
    low_pass: float | None = None


def open_recording(
    recording: Recording,
    *,
    montage: str = "auto",
    min_placed: float = 0.5,
    mixed_rates: Literal["refuse", "drop"] = "refuse",
    line_frequency: float | None = None,
    formats: Sequence[Mapping[str, Any]] = (),
) -> OpenRecording:
    """Read a recording with its BIDS sidecars.

    Parameters
    ----------
    recording : Recording
        The recording, with its subject and session.
    montage, min_placed
        As in `place_channels`.
    mixed_rates : {"refuse", "drop"}
        EEG channels of different sampling rates within one file: refuse the file, or keep those of
        the commonest rate, for formats that can hold several.
    line_frequency : float, optional
        Of the mains (Hz), where the sidecar has no PowerLineFrequency.
    formats : sequence of mapping
        Options of single formats, see `neurogenomics_kb.brain.eeg.formats.format_options`.

    Raises
    ------
    UnusableRecording
        If the file is cut off or unreadable, rates differ, positions are unknown, a value is not
        finite, or the line frequency is unknown.
    """
    sidecar = read_sidecar(recording)
    line = _line_frequency(sidecar, line_frequency, recording)
    reader = reader_for(recording.path, formats, mixed_rates=mixed_rates)
    raw, high_pass, low_pass = _read(recording, reader)
    expected = sidecar.get("RecordingDuration")
    if isinstance(expected, int | float) and raw.times[-1] < expected - SLACK:
        raise UnusableRecording(
            "truncated file",
            f"{raw.times[-1]:.1f} s long, its sidecar says {expected:g} s",
            file=recording.path,
            remedy="Copy the file again.",
        )
    reference = str(sidecar.get("EEGReference", ""))
    unplaced = place_channels(raw, recording, montage=montage, min_placed=min_placed)
    names = {plain_name(n).lower(): n for n in raw.ch_names}
    referred = names.get(plain_name(reference).lower(), "")
    told = [
        (high_pass, low_pass),
        stated_filters(sidecar),
        channel_filters(recording, raw.ch_names),
    ]
    high_pass = max((high for high, _ in told if high), default=None)
    low_pass = min((low for _, low in told if low), default=None)
    return OpenRecording(raw, line, referred, unplaced, high_pass, low_pass)


def sampling_rate(recording: Recording) -> float:
    """Sampling rate (Hz) from a recording's header.

    Raises
    ------
    UnusableRecording
        If it cannot be read.
    """
    reader = reader_for(recording.path)
    return float(_checked(recording, lambda: reader.open(recording.path)).raw.info["sfreq"])


def refuse_different_rates(recordings: Sequence[Recording]) -> None:
    """Refuse a cohort whose recordings have several sampling rates; reads headers only.

    Recordings that cannot be opened do not count: they are found out when they are processed.

    Raises
    ------
    InputError
    """
    rates: dict[float, list[str]] = {}
    for recording in recordings:
        with suppress(UnusableRecording):
            rates.setdefault(sampling_rate(recording), []).append(recording.subject)
    if len(rates) > 1:
        told = listing(f"{rate:g} Hz: {len(who)}" for rate, who in sorted(rates.items()))
        fewest = min(rates, key=lambda rate: len(rates[rate]))
        raise InputError(
            f"recordings have {len(rates)} sampling rates ({told}; {rates[fewest][0]} has "
            f"{fewest:g} Hz)",
            column="eeg.cleaning.resample",
            remedy="Give a common rate to resample to.",
        )


def _line_frequency(sidecar: dict[str, Any], default: float | None, recording: Recording) -> float:
    value = sidecar.get("PowerLineFrequency", default)
    value = default if value == "n/a" else value
    if value is None:
        raise UnusableRecording(
            "unknown line frequency",
            "no sidecar (*_eeg.json) has PowerLineFrequency",
            file=recording.path,
            remedy="Add it, or set eeg.recording.line_frequency.",
        )
    if value not in LINE_FREQUENCIES:
        raise UnusableRecording(
            "unknown line frequency",
            f"PowerLineFrequency is {value!r}",
            file=recording.path,
            remedy="Mains have 50 or 60 Hz.",
        )
    return float(value)


def _read(
    recording: Recording, reader: Reader
) -> tuple[mne.io.BaseRaw, float | None, float | None]:
    """EEG channels in memory, and the high-pass and low-pass that they were recorded with."""
    opened = _checked(
        recording,
        lambda: reader.open(recording.path, lambda names: channel_types(names, recording)[0]),
    )
    raw = opened.raw
    eeg, bad = channel_types(raw.ch_names, recording)
    eeg = _without_other_sensors(raw, eeg, recording)
    bad = [name for name in bad if name in eeg]
    raw.pick(eeg)
    raw.set_channel_types(dict.fromkeys(eeg, "eeg"), on_unit_change="ignore", verbose="error")
    _checked(recording, lambda: raw.load_data(verbose="error"))
    raw.info["bads"] = bad
    lost = ~np.isfinite(raw.get_data()).all(axis=1)
    if lost.any():
        raise UnusableRecording(
            "values that are no numbers",
            f"{listing(np.array(raw.ch_names)[lost])} hold values that are not finite",
            file=recording.path,
            remedy="Export the recording again.",
        )
    return raw, opened.high_pass, opened.low_pass


def _without_other_sensors(raw: mne.io.BaseRaw, eeg: list[str], recording: Recording) -> list[str]:
    """Channels of which the file itself does not say that they are of MEG, within the head or such.

    Raises
    ------
    UnusableRecording
        If none is left.
    """
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    kept = [name for name in eeg if kinds[name] not in OTHER_SENSORS]
    if not kept:
        found = sorted({kinds[name] for name in eeg})
        raise UnusableRecording(
            "no EEG channel",
            f"all {len(eeg)} channels are of another kind ({listing(found)})",
            file=recording.path,
            remedy="Give the EEG, or correct the types in the file.",
        )
    return kept


def _checked(recording: Recording, read):
    """Result of `read`; its errors, and warnings of missing data, become UnusableRecording."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = read()
        except UnusableRecording:
            raise
        except Exception as error:  # MNE and its parsers raise many kinds
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise UnusableRecording(
                "unreadable file",
                f"cannot be read ({reason})",
                file=recording.path,
                remedy="Check that it and the files that belong to it are whole and continuous.",
            ) from None
    for warning in said:
        if CUT_OFF.search(str(warning.message)):
            raise UnusableRecording(
                "truncated file",
                str(warning.message)[:300],
                file=recording.path,
                remedy="Copy the file again.",
            )
    return result
