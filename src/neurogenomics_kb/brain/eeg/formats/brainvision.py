"""BrainVision's triples of header, markers and data."""

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
from neurogenomics_kb.brain.eeg.formats.brainvision_header import check_brainvision


class BrainVisionOptions(FormatOptions):
    """BrainVision's files have no options."""

    format: Literal["brainvision"] = "brainvision"


class BrainVisionReader:
    """Reads ``.vhdr`` with the files it names.

    Parameters
    ----------
    options : BrainVisionOptions
        Settings of the format.
    """

    def __init__(self, options: BrainVisionOptions) -> None:
        self.options = options

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a recording whose data file is as long as its header says."""
        check_brainvision(path)
        raw = mne.io.read_raw_brainvision(path, preload=False, verbose="warning")
        return OpenFile(raw, *recorded_filter(raw))


BRAINVISION = EegFormat((".vhdr",), BrainVisionOptions, BrainVisionReader)
