"""EDF and BDF, continuous and with gaps."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from pathlib import Path
from typing import Literal

import mne
import numpy as np

from neurogenomics_kb.brain.eeg.formats.base import EegFormat, EegOf, FormatOptions, OpenFile
from neurogenomics_kb.brain.eeg.formats.edf_header import (
    EdfHeader,
    is_understood,
    parse_prefilter,
    read_edf_header,
    read_record_times,
)
from neurogenomics_kb.brain.eeg.unusable import UnusableRecording
from neurogenomics_kb.foundation.errors import listing

logger = logging.getLogger(__name__)

MixedRates = Literal["refuse", "drop"]


class EdfOptions(FormatOptions):
    """Options of EDF.

    Attributes
    ----------
    mixed_rates : {"refuse", "drop"}
        EEG channels of several sampling rates in one file: refuse it, or keep the commonest rate.
        Readers would interpolate the slower ones, whose spectra then end early.
    """

    format: Literal["edf"] = "edf"
    mixed_rates: MixedRates = "refuse"


class BdfOptions(FormatOptions):
    """Options of BDF.

    Attributes
    ----------
    mixed_rates : {"refuse", "drop"}
        As for EDF.
    """

    format: Literal["bdf"] = "bdf"
    mixed_rates: MixedRates = "refuse"


OPEN = {"edf": mne.io.read_raw_edf, "bdf": mne.io.read_raw_bdf}


class EdfReader:
    """Reads EDF and BDF, EDF+D included.

    Parameters
    ----------
    options : EdfOptions or BdfOptions
        Settings of the format.
    """

    def __init__(self, options: EdfOptions | BdfOptions) -> None:
        self.options = options

    def open(self, path: Path, eeg_of: EegOf | None = None) -> OpenFile:
        """Open a file that is as long as its header says; gaps become boundaries."""
        header = read_edf_header(path)
        eeg = header.channels if eeg_of is None else eeg_of(header.channels)
        refuse_scaleless(header, eeg, path)
        exclude = [] if eeg_of is None else self._at_other_rates(header, eeg, path)
        with warnings.catch_warnings():
            if header.unclosed:  # MNE counts the records, too, and warns of having to
                warnings.filterwarnings("ignore", message="Number of records from the header")
            raw = OPEN[self.options.format](path, preload=False, verbose="warning", exclude=exclude)
        mark_gaps(raw, header, path)
        texts = dict.fromkeys(header.prefilters[n] for n in eeg if n in header.prefilters)
        strange = [text for text in texts if not is_understood(text)]
        if strange:
            logger.warning(
                "%s: what the header says of filters is not understood and counts for nothing: %s",
                path, listing(map(repr, strange), 3),
            )  # fmt: skip
        filters = [parse_prefilter(text) for text in texts]
        high = [f[0] for f in filters if f[0] is not None]
        low = [f[1] for f in filters if f[1] is not None]
        return OpenFile(raw, max(high, default=None), min(low, default=None))

    def _at_other_rates(self, header: EdfHeader, eeg: list[str], path: Path) -> list[str]:
        """Channels that are not sampled as the EEG is."""
        rates = dict(zip(header.channels, header.rates, strict=True))
        counted = Counter(rates[n] for n in eeg)
        # The higher of two rates that are equally common.
        kept = max(counted, key=lambda rate: (counted[rate], rate))
        if len(counted) > 1 and self.options.mixed_rates == "refuse":
            rest = [n for n in eeg if rates[n] != kept]
            raise UnusableRecording(
                "mixed sampling rates",
                f"EEG channels are sampled at {listing(f'{r:g} Hz' for r in sorted(counted))} "
                f"({listing(rest)} not at {kept:g} Hz)",
                file=path,
                remedy="Give the channels' types in channels.tsv if they are no EEG, or set "
                "eeg.recording.mixed_rates to `drop`.",
            )
        return [n for n in dict.fromkeys(header.channels) if rates[n] != kept]


def refuse_scaleless(header: EdfHeader, eeg: list[str], path: Path) -> None:
    """Refuse EEG channels without a range, which MNE reads as if a digit were one unit.

    Raises
    ------
    UnusableRecording
    """
    odd = [name for name in eeg if name in header.scaleless]
    if odd:
        raise UnusableRecording(
            "scale unknown",
            f"the smallest and the largest value of {listing(odd)} are the same in the header",
            file=path,
            remedy="Export the recording again, or mark the channels as MISC in channels.tsv.",
        )


def mark_gaps(raw: mne.io.BaseRaw, header: EdfHeader, path: Path) -> None:
    """Annotate where records do not follow each other, and move the file's annotations there.

    MNE joins the records of a discontinuous file (EDF+D) as if nothing were between them, and
    leaves annotations at the times that they had before.
    """
    times = read_record_times(path, header)
    if times is None or len(times) < 2:
        return
    length = header.seconds
    late = np.diff(times) - length
    # Times are written with few digits: half a sample more or less is no gap. A file that calls
    # itself continuous is taken at its word up to half a record.
    sample = 1 / max(header.rates, default=1.0)
    tolerance = 0.5 * (sample if header.discontinuous else length)
    gaps = np.flatnonzero(np.abs(late) > tolerance) + 1
    if not len(gaps):
        return
    logger.info("%s: %d gaps between %d records are boundaries", path, len(gaps), len(times))
    notes = mne.read_annotations(path)
    record = np.clip(np.searchsorted(times, notes.onset + 1e-9, side="right") - 1, 0, None)
    within = np.minimum(notes.onset - times[record], length)
    onset = record * length + np.maximum(within, 0)
    raw.set_annotations(
        mne.Annotations(
            np.concatenate([onset, gaps * length]),
            np.concatenate([notes.duration, np.zeros(len(gaps))]),
            [*notes.description, *["boundary"] * len(gaps)],
        ),
        verbose="error",
    )


EDF = EegFormat((".edf",), EdfOptions, EdfReader)
BDF = EegFormat((".bdf",), BdfOptions, EdfReader)
