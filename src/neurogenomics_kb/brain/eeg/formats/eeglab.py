"""EEGLAB's ``.set`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import mne

from neurogenomics_kb.brain.eeg.formats.base import (
    EegFormat,
    EegOf,
    FormatOptions,
    OpenFile,
    recorded_filter,
)


class EeglabOptions(FormatOptions):
    """EEGLAB's files have no options."""

    format: Literal["eeglab"] = "eeglab"


class EeglabReader:
    """Reads ``.set`` files, with their ``.fdt`` where there is one.

    Parameters
    ----------
    options : EeglabOptions
        Settings of the format.
    """

    def __init__(self, options: EeglabOptions) -> None:
        self.options = options

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a continuous recording."""
        raw = mne.io.read_raw_eeglab(path, preload=False, verbose="warning")
        return OpenFile(raw, *recorded_filter(raw))


EEGLAB = EegFormat((".set",), EeglabOptions, EeglabReader)
