"""What MNE does not tell about EDF and BDF files.

Rates and filters of single channels, cut-off ends, and the times of records.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurogenomics_kb.brain.eeg.unusable import UnusableRecording
from neurogenomics_kb.foundation.limits import open_file

logger = logging.getLogger(__name__)

FIXED, PER_SIGNAL = 256, 256
# Bytes of a signal's header before its filters, and before the number of samples per record.
BEFORE_FILTERS = 16 + 80 + 8 + 8 * 4
BEFORE_RANGES = 16 + 80 + 8
BEFORE_SAMPLES = BEFORE_FILTERS + 80
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
# The first annotation of a record says when it begins: "+12.5" and two marks.
RECORD_TIME = re.compile(rb"\x00*([+-]\d+(?:\.\d*)?)(?:\x15[^\x14]*)?\x14")
# A cut-off, perhaps off. Cut-offs of a high-pass are also given as its time constant in seconds.
NUMBER = r"(\d+(?:[.,]\d+)?(?:e[+-]?\d+)?|[.,]\d+(?:e[+-]?\d+)?|DC|off|none)"
UNIT = r"\s*(?:([mk]?)Hz|(m?s)(?:ec)?\b)?"
# "Low filter" is what electroencephalographers call a high-pass: it filters low frequencies.
HIGH = (
    r"(?:HPF?|hi(?:gh)?[\s-]*pass|lo(?:w)?[\s-]*cut(?:[\s-]*off)?|\bLFF?(?![a-z])"
    r"|low[\s-]*(?:freq\w*[\s-]*)?filter)"
)
LOW = (
    r"(?:LPF?|lo(?:w)?[\s-]*pass|hi(?:gh)?[\s-]*cut(?:[\s-]*off)?|\bHFF?(?![a-z])"
    r"|high[\s-]*(?:freq\w*[\s-]*)?filter)"
)
BETWEEN = r"\s*(?:filter)?\s*[:=]?\s*"
HIGH_PASS = re.compile(f"{HIGH}{BETWEEN}{NUMBER}{UNIT}", re.I)
LOW_PASS = re.compile(f"{LOW}{BETWEEN}{NUMBER}{UNIT}", re.I)
# "30 Hz low-pass": the number in front, where no name stands before it.
HIGH_AFTER = re.compile(rf"^\W*{NUMBER}\s*([mk]?)Hz()\s*{HIGH}", re.I)
LOW_AFTER = re.compile(rf"^\W*{NUMBER}\s*([mk]?)Hz()\s*{LOW}", re.I)
BAND_PASS = re.compile(rf"(?:BP[F]?|band\s*-?pass)?\s*[:=]?\s*{NUMBER}\s*(?:Hz)?\s*(?:-|–|to)\s*"
                       rf"{NUMBER}\s*Hz", re.I)  # fmt: skip
TIME_CONSTANT = re.compile(r"\bTC\s*[:=]?\s*(\d+(?:[.,]\d+)?)\s*(m?)s?", re.I)
NOTCH = re.compile(r"\b(?:N|notch|BS|band\s*-?stop|mains|line)\b\s*(?:filter)?\s*[:=]?\s*[\d.,]+"
                   r"\s*(?:Hz)?", re.I)  # fmt: skip
SCALE = {"": 1.0, "m": 1e-3, "k": 1e3}


@dataclass(frozen=True)
class EdfHeader:
    """Channels and records of an EDF or BDF file.

    Attributes
    ----------
    channels : list of str
        Labels as in the file, annotation channels left out.
    rates : list of float
        Sampling rate of each channel in Hz.
    prefilters : dict of str to str
        What the header says about each channel's filters.
    records : int
        Number of data records in the file.
    seconds : float
        Length of a record.
    discontinuous : bool
        Records need not follow each other (EDF+D).
    unclosed : bool
        The header gives −1 records, as while a recording lasts.
    record_bytes : int
    times : tuple of int
        Where in a record the annotations that tell its time begin, and how many bytes they are;
        (0, 0) where there are none.
    start : int
        Where the records begin, in bytes.
    scaleless : tuple of str
        Channels whose smallest and largest value are the same, so that nobody knows their unit.
    """

    channels: list[str]
    rates: list[float]
    prefilters: dict[str, str] = field(default_factory=dict)
    records: int = 0
    seconds: float = 1.0
    discontinuous: bool = False
    unclosed: bool = False
    record_bytes: int = 0
    times: tuple[int, int] = (0, 0)
    start: int = 0
    scaleless: tuple[str, ...] = ()


def read_edf_header(path: Path) -> EdfHeader:
    """Read labels, rates and filters, and check that the file is as long as its header says.

    The layout is that of Kemp et al. (Electroencephalography and Clinical Neurophysiology 1992) and
    of EDF+ (Kemp & Olivan, Clinical Neurophysiology 2003); BDF has samples of three bytes.
    Long, as the fields of the header follow one another.

    Raises
    ------
    UnusableRecording
        If the header is not one, there is no data record, or data are missing at the end.
    """
    size = path.stat().st_size
    with open_file(path) as stream:
        fixed = stream.read(FIXED)
        try:
            records, seconds, signals = (
                int(fixed[236:244]),
                float(fixed[244:252]),
                int(fixed[252:256]),
            )
            head = stream.read(PER_SIGNAL * signals)
            labels = [_text(head[16 * i : 16 * (i + 1)]) for i in range(signals)]
            first = BEFORE_SAMPLES * signals
            samples = [int(head[first + 8 * i : first + 8 * (i + 1)]) for i in range(signals)]
        except ValueError:
            raise UnusableRecording(
                "unreadable file",
                "the header is not that of an EDF or BDF file",
                file=path,
                remedy="Export the recording again.",
            ) from None
    width = 3 if path.suffix.lower() == ".bdf" else 2
    start, record = FIXED + PER_SIGNAL * signals, sum(samples) * width
    kept = [i for i in range(signals) if labels[i] not in ANNOTATIONS]
    # Only a file of nothing but annotations has records without duration.
    endless = not np.isfinite(seconds) or seconds < 0 or (seconds == 0 and kept)
    if records < -1 or records == 0 or record <= 0 or endless:
        raise UnusableRecording(
            "unreadable file",
            f"the header announces {records} records of {record} bytes and {seconds:g} s",
            file=path,
            remedy="Export the recording again.",
        )
    unclosed = records == -1
    if unclosed:
        records, left = divmod(max(size - start, 0), record)
        if left or not records:
            raise UnusableRecording(
                "truncated file",
                f"the recording was not closed (−1 records), and its {size - start:,} bytes of "
                f"data are no whole number of records of {record:,} bytes",
                file=path,
                remedy="Export the recording again, or repair its header.",
            )
        logger.warning("%s: the recording was not closed; %d records are there", path, records)
    expected = start + records * record
    if size < expected:
        raise UnusableRecording(
            "truncated file",
            f"{size:,} bytes, but the header announces {expected:,} ({records} records)",
            file=path,
            remedy="Copy the file again.",
        )
    notes = next((i for i in range(signals) if labels[i] in ANNOTATIONS), None)
    at = BEFORE_FILTERS * signals
    filters = [_text(head[at + 80 * i : at + 80 * (i + 1)]) for i in range(signals)]
    return EdfHeader(
        [labels[i] for i in kept],
        # A file of annotations only has records without duration.
        [samples[i] / (seconds or 1.0) for i in kept],
        prefilters={labels[i]: filters[i] for i in kept},
        records=records,
        seconds=seconds or 1.0,
        discontinuous=fixed[192:197] in (b"EDF+D", b"BDF+D"),
        unclosed=unclosed,
        record_bytes=record,
        times=(0, 0) if notes is None else (sum(samples[:notes]) * width, samples[notes] * width),
        start=start,
        scaleless=tuple(labels[i] for i in kept if _is_scaleless(head, signals, i)),
    )


def _is_scaleless(head: bytes, signals: int, i: int) -> bool:
    """Whether the range of a signal, in units or in digits, is nothing."""
    begins = (BEFORE_RANGES + 8 * k for k in range(4))
    at = [head[b * signals + 8 * i : b * signals + 8 * (i + 1)] for b in begins]
    try:
        low, high, digital_low, digital_high = (float(_text(cell).replace(",", ".")) for cell in at)
    except ValueError:
        return False  # what is no number, MNE refuses
    return low == high or digital_low == digital_high


def read_record_times(path: Path, header: EdfHeader) -> np.ndarray | None:
    """When each data record begins, in seconds; None where a continuous file does not say.

    Raises
    ------
    UnusableRecording
        If records of a discontinuous file have no times, or their times go back.
    """
    at, length = header.times
    found = []
    with open_file(path) as stream:
        for number in range(header.records if length else 0):
            stream.seek(header.start + number * header.record_bytes + at)
            match = RECORD_TIME.match(stream.read(length))
            found.append(float(match.group(1)) if match else np.nan)
    times = np.array(found)
    orderly = len(times) > 0 and bool((np.diff(times) > 0).all()) and np.isfinite(times).all()
    if orderly:
        return times
    if not header.discontinuous:
        return None
    raise UnusableRecording(
        "times of records unknown",
        "the file is discontinuous (EDF+D), and its records do not all say when they begin"
        if not len(times) or np.isnan(times).any()
        else "the file is discontinuous (EDF+D), and the times of its records go back",
        file=path,
        remedy="Export the recording as continuous EDF.",
    )


def parse_prefilter(text: str) -> tuple[float | None, float | None]:
    """High-pass and low-pass (Hz) of a header's text; None where it names none.

    Examples
    --------
    >>> parse_prefilter("HP:0.1Hz LP:75Hz N:50Hz"), parse_prefilter("HP: DC; LP: 410 Hz")
    ((0.1, 75.0), (None, 410.0))
    >>> parse_prefilter("LFF:0.5Hz HFF:35Hz"), parse_prefilter("30 Hz low-pass")
    ((0.5, 35.0), (None, 30.0))
    """
    high = _cutoff(HIGH_PASS, text) or _cutoff(HIGH_AFTER, text)
    low = _cutoff(LOW_PASS, text) or _cutoff(LOW_AFTER, text)
    if high is None and low is None:
        band = BAND_PASS.search(text)
        if band:
            high, low = _number(band.group(1)), _number(band.group(2))
    constant = TIME_CONSTANT.search(text)
    if high is None and constant:
        seconds = (_number(constant.group(1)) or 0) * SCALE[constant.group(2).lower()]
        high = 1 / (2 * np.pi * seconds) if seconds else None
    return high, low


def _cutoff(pattern: re.Pattern, text: str) -> float | None:
    match = pattern.search(text)
    if match is None:
        return None
    value = _number(match.group(1))
    if value is None:
        return None
    if match.group(3):
        return 1 / (2 * np.pi * value * SCALE[match.group(3).lower().removesuffix("s")])
    # "HP:0.1Hz" without the unit's prefix; "mHz" and "kHz" occur.
    return value * SCALE[(match.group(2) or "").lower()]


def is_understood(text: str) -> bool:
    """Whether no number is left in a header's text that could be a cut-off.

    Examples
    --------
    >>> is_understood("HP:DC; N:50Hz"), is_understood(""), is_understood("Fc 30")
    (True, True, False)
    """
    return parse_prefilter(text) != (None, None) or not re.search(r"[1-9]", NOTCH.sub("", text))


def _number(text: str) -> float | None:
    """A cut-off in Hz; None for 0, DC, off and none."""
    try:
        return float(text.replace(",", ".")) or None
    except ValueError:
        return None


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip()
