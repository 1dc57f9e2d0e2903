"""What MNE does not tell about EDF and BDF files: rates of single channels, and cut-off ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurogenomics_kb.brain.eeg.recordings import UnusableRecording

FIXED, PER_SIGNAL = 256, 256
# Bytes of a signal's header before the number of samples per record.
BEFORE_SAMPLES = 16 + 80 + 8 + 8 * 4 + 80
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True)
class EdfHeader:
    """Channels of an EDF or BDF file.

    Attributes
    ----------
    channels : list of str
        Labels as in the file, annotation channels left out.
    rates : list of float
        Sampling rate of each channel in Hz.
    """

    channels: list[str]
    rates: list[float]


def read_edf_header(path: Path) -> EdfHeader:
    """Read labels and rates, and check that the file is as long as its header says.

    The layout is that of Kemp et al. (Electroencephalography and Clinical Neurophysiology 1992);
    BDF has samples of three bytes.

    Raises
    ------
    UnusableRecording
        If the header is not one, or data are missing at the end.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
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
    expected = FIXED + PER_SIGNAL * signals + max(records, 0) * sum(samples) * width
    if size < expected:
        raise UnusableRecording(
            "truncated file",
            f"{size:,} bytes, but the header announces {expected:,} ({records} records)",
            file=path,
            remedy="Copy the file again.",
        )
    kept = [i for i in range(signals) if labels[i] not in ANNOTATIONS]
    # A file of annotations only has records without duration.
    return EdfHeader([labels[i] for i in kept], [samples[i] / (seconds or 1.0) for i in kept])


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip()
