"""What every file format offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import mne
from pydantic import BaseModel, ConfigDict

# Names of a file's channels to those that are EEG.
EegOf = Callable[[list[str]], list[str]]


class FormatOptions(BaseModel):
    """Options of a format; each model has a field ``format`` with the format's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class OpenFile:
    """A file whose samples are not read yet.

    Attributes
    ----------
    raw : mne.io.BaseRaw
        All channels; places where samples are missing in between are annotated as ``boundary``.
    high_pass, low_pass : float or None
        Of the filters that the signals were recorded with (Hz); None where the file says nothing.
    """

    raw: mne.io.BaseRaw
    high_pass: float | None = None
    low_pass: float | None = None


class Reader(Protocol):
    """What reads one format."""

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a file after checking that it is whole.

        Parameters
        ----------
        path : Path
            File or folder to read.
        eeg_of : callable, optional
            Names of channels to those that are EEG; without it the file is opened as it is, to look
            at its header.

        Raises
        ------
        UnusableRecording
            For a defect of this file. Other exceptions of a library, and warnings of missing
            samples, become one.
        """
        ...


@dataclass(frozen=True)
class EegFormat:
    """A format of EEG files.

    Attributes
    ----------
    suffixes : tuple of str
        File names end so, in lower case with the dot.
    options : type of FormatOptions
        What can be chosen of this format.
    build : callable
        Options to a `Reader`.
    """

    suffixes: tuple[str, ...]
    options: type[FormatOptions]
    build: Callable[[Any], Reader]


def recorded_filter(raw: mne.io.BaseRaw) -> tuple[float | None, float | None]:
    """High-pass and low-pass (Hz) as MNE found them; None where there is none.

    A low-pass at half of the sampling rate is what MNE assumes of any file.
    """
    high, low, nyquist = raw.info["highpass"], raw.info["lowpass"], raw.info["sfreq"] / 2
    return high or None, low if low and low < nyquist * (1 - 1e-6) else None
