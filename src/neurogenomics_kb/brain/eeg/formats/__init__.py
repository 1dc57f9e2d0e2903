"""File formats of EEG, found by name.

A new format is one module that makes an `EegFormat`, and its line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.eeg.formats.base import (
    EegFormat,
    EegOf,
    FormatOptions,
    OpenFile,
    Reader,
    recorded_filter,
)
from neurogenomics_kb.brain.eeg.formats.brainvision import BRAINVISION
from neurogenomics_kb.brain.eeg.formats.edf import BDF, EDF
from neurogenomics_kb.brain.eeg.formats.eeglab import EEGLAB
from neurogenomics_kb.brain.eeg.formats.fif import FIF
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import refuse_no_file

__all__ = [
    "FORMATS",
    "EegFormat",
    "EegOf",
    "FormatOptions",
    "OpenFile",
    "Reader",
    "format_name",
    "format_options",
    "reader_for",
    "recorded_filter",
    "suffixes",
]

FORMATS: dict[str, EegFormat] = {
    "edf": EDF,
    "bdf": BDF,
    "brainvision": BRAINVISION,
    "eeglab": EEGLAB,
    "fif": FIF,
}


def suffixes() -> list[str]:
    """Endings of files that can be read, one file per recording."""
    return [suffix for each in FORMATS.values() for suffix in each.suffixes]


def format_name(path: Path) -> str:
    """Name of the format that a file's ending stands for.

    Raises
    ------
    InputError
        If no format has that ending.
    """
    for name, each in FORMATS.items():
        if path.suffix.lower() in each.suffixes:
            return name
    raise InputError(
        f"no format ends in '{path.suffix}'",
        file=path,
        remedy=f"Known are {listing(suffixes(), len(suffixes()))}.",
    )


def format_options(chosen: Mapping[str, Any]) -> FormatOptions:
    """Options of the format that a mapping names.

    Parameters
    ----------
    chosen : mapping
        ``format`` and options of that format, for instance ``{format: edf, mixed_rates: drop}``.

    Raises
    ------
    InputError
        If the format is unknown or has no such option.
    """
    name = str(chosen.get("format", ""))
    each = choose(name, FORMATS, "format of recordings")
    try:
        return each.options.model_validate(dict(chosen))
    except ValidationError as error:
        found = error.errors()[0]
        raise InputError(
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}",
            column=f"eeg.recording.formats, {name}",
            remedy=f"The format has the options {listing(each.options.model_fields, 9)}.",
        ) from None


def reader_for(path: Path, formats: Iterable[Mapping[str, Any]] = (), **defaults: Any) -> Reader:
    """Reader of a file, by its ending.

    Parameters
    ----------
    path : Path
        File or folder to read.
    formats : iterable of mapping
        Options by format, as `format_options` takes them.
    **defaults
        Options for formats that have them, where `formats` does not say otherwise.

    Raises
    ------
    InputError
        If the ending, or a format in `formats`, is unknown.
    """
    if not path.is_dir():  # some formats are folders
        refuse_no_file(path)
    name = format_name(path)
    each = FORMATS[name]
    options = {"format": name}
    options |= {k: value for k, value in defaults.items() if k in each.options.model_fields}
    for chosen in formats:
        given = format_options(chosen)
        if given.format == name:
            options |= dict(chosen)
    return each.build(format_options(options))
