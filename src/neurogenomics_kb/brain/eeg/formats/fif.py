"""FIF files, as MNE writes them."""

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


class FifOptions(FormatOptions):
    """FIF has no options."""

    format: Literal["fif"] = "fif"


class FifReader:
    """Reads FIF.

    Parameters
    ----------
    options : FifOptions
        Settings of the format.
    """

    def __init__(self, options: FifOptions) -> None:
        self.options = options

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a file, the later parts of a split recording with it."""
        raw = mne.io.read_raw_fif(path, preload=False, verbose="warning")
        return OpenFile(raw, *recorded_filter(raw))


FIF = EegFormat((".fif",), FifOptions, FifReader)
