"""What MNE does not tell about BrainVision files: cut-off ends."""

from __future__ import annotations

import re
from pathlib import Path

from neurogenomics_kb.brain.eeg.unusable import UnusableRecording
from neurogenomics_kb.foundation.limits import read_text

FIELD = re.compile(r"^(DataFile|DataFormat|NumberOfChannels|BinaryFormat|DataPoints)=(.*)$", re.M)
BYTES = {"INT_16": 2, "UINT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}


def check_brainvision(path: Path) -> None:
    """Check that the data file of a header is whole, as far as the header allows it.

    A binary file must hold the same number of samples of every channel, and as many as
    ``DataPoints`` says where the header has it.

    Raises
    ------
    UnusableRecording
    """
    text = read_text(path, "a header of a recording", encoding="latin-1")
    fields = {name: value.strip() for name, value in FIELD.findall(text)}
    data = path.with_name(fields.get("DataFile", "").replace("$b", path.stem))
    width = BYTES.get(fields.get("BinaryFormat", ""))
    channels = fields.get("NumberOfChannels", "")
    if fields.get("DataFormat") != "BINARY" or width is None or not channels.isdigit():
        return  # text, or nothing that can be checked here; reading decides
    if not data.is_file():
        raise UnusableRecording(
            "unreadable file",
            f"its data file '{data.name}' is missing",
            file=path,
            remedy="Copy header, markers and data together, and do not rename them.",
        )
    size, frame = data.stat().st_size, width * int(channels)
    points = fields.get("DataPoints", "")
    expected = int(points) * frame if points.isdigit() else None
    if size % frame or (expected is not None and size < expected):
        raise UnusableRecording(
            "truncated file",
            f"{size:,} bytes, "
            + (
                f"but the header announces {expected:,}"
                if expected
                else f"which are no whole number of samples of {channels} channels"
            ),
            file=data,
            remedy="Copy the file again.",
        )
