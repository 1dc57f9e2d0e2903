"""From a raw recording to clean segments in µV."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import mne
import numpy as np

from neurogenomics_kb.brain.eeg.bad_channels import find_bad_channels
from neurogenomics_kb.brain.eeg.reading import OpenRecording
from neurogenomics_kb.brain.eeg.recordings import UnusableRecording
from neurogenomics_kb.brain.eeg.regions import CENTRE, Places, locate_channels
from neurogenomics_kb.foundation.errors import listing

# Median standard deviation of channels (µV) beyond which the file's unit must be wrong.
PLAUSIBLE_UV = (0.05, 1000.0)
# Marks where a recording was cut and joined.
JOINTS = ("boundary", "new segment", "edge boundary")


@dataclass(frozen=True)
class Segments:
    """Clean segments of one recording.

    Attributes
    ----------
    data : ndarray of float64, shape (n_segments, n_channels, n_times)
        µV, average reference; interpolated channels included.
    sfreq : float
        Hz.
    channels : list of str
    places : Places
    measured : ndarray of bool, shape (n_channels,)
        False for interpolated channels.
    counts : dict
        Numbers for quality control.
    """

    data: np.ndarray
    sfreq: float
    channels: list[str]
    places: Places
    measured: np.ndarray
    counts: dict[str, float] = field(default_factory=dict)


def clean_recording(
    opened: OpenRecording,
    path: Path,
    *,
    resample: float | None = 250.0,
    high_pass: float = 1.0,
    low_pass: float = 45.0,
    flat_uv: float = 0.5,
    max_ratio: float = 5.0,
    min_correlation: float | None = 0.4,
    max_uncorrelated: float = 0.1,
    max_bad_share: float = 0.25,
    segment_seconds: float = 2.0,
    max_peak_to_peak: float = 150.0,
    min_peak_to_peak: float = 0.5,
) -> Segments:
    """Resample, filter, interpolate bad channels, re-reference, cut and reject.

    Long and with many parameters, since the order of the steps is the method, and each has its
    settings.

    In this order: resampling; notch at the line frequency and its harmonics; zero-phase band-pass
    (both FIR); bad channels, listed and found; spherical-spline interpolation (Perrin et al.,
    Electroencephalography and Clinical Neurophysiology 1989); average reference; segments without
    overlap; rejection of segments in which any channel exceeds `max_peak_to_peak` or stays below
    `min_peak_to_peak`, or that an annotation marks as bad, a joint runs through, or that lie in a
    piece between joints that is shorter than the filters.

    Parameters
    ----------
    opened : OpenRecording
        Its data are changed in place.
    path : Path
        For messages.
    resample : float or None
        Common sampling rate (Hz); None keeps the file's own.
    high_pass, low_pass : float
        Band kept, in Hz.
    flat_uv, max_ratio, min_correlation, max_uncorrelated
        As in `find_bad_channels`.
    max_bad_share : float
        Largest share of bad channels; with more, interpolation invents the recording.
    segment_seconds : float
        Length of a segment in seconds. Default 2.0.
    max_peak_to_peak, min_peak_to_peak : float
        µV.

    Raises
    ------
    UnusableRecording
        If the recording is too short for its filters, sampled too slowly for `low_pass`, in an
        implausible unit, has too many bad channels, or no clean segment.
    """
    raw = opened.raw
    _check_length(raw, high_pass, low_pass, path)
    _mark_joints(raw, filter_length(high_pass, low_pass, raw.info["sfreq"]))
    if resample is not None and raw.info["sfreq"] != resample:
        raw.resample(resample, verbose="error")
    _filter(raw, opened.line_frequency, high_pass, low_pass)
    data = raw.get_data(units="uV")
    _check_unit(data, path)
    found = find_bad_channels(
        data,
        raw.info["sfreq"],
        flat_uv=flat_uv,
        max_ratio=max_ratio,
        min_correlation=min_correlation,
        max_uncorrelated=max_uncorrelated,
    )
    names = np.array(raw.ch_names)
    listed = np.isin(names, raw.info["bads"])
    # The recording reference is zero by definition and becomes a signal with the average reference.
    bad = listed | (np.any(list(found.values()), axis=0) & (names != opened.reference))
    counts = {
        "n_channels": len(names),
        "n_unplaced": len(opened.unplaced),
        "n_bad_listed": int(listed.sum()),
        **{f"n_{kind}": int((which & bad & ~listed).sum()) for kind, which in found.items()},
        "n_bad_channels": int(bad.sum()),
    }
    if bad.mean() > max_bad_share:
        raise UnusableRecording(
            "too many bad channels",
            f"{bad.sum()} of {len(bad)} channels are bad ({listing(names[bad])})",
            file=path,
            remedy="Look at the recording; eeg.cleaning.max_bad_share and the thresholds beside it "
            "decide.",
        )
    raw.info["bads"] = names[bad].tolist()
    if bad.any():
        raw.interpolate_bads(
            reset_bads=True, method={"eeg": "spline"}, origin=tuple(CENTRE), verbose="error"
        )
    raw.set_eeg_reference("average", projection=False, verbose="error")
    segments = _cut(raw, segment_seconds)
    extent = np.ptp(segments, axis=2)
    noisy = (extent > max_peak_to_peak).any(axis=1)
    flat = (extent < min_peak_to_peak).any(axis=1)
    marked = _marked(raw, len(segments), segment_seconds)
    clean = ~(noisy | flat | marked)
    counts |= {
        "n_segments": len(segments),
        "n_noisy_segments": int(noisy.sum()),
        "n_flat_segments": int((flat & ~noisy).sum()),
        "n_marked_segments": int((marked & ~noisy & ~flat).sum()),
        "n_clean_segments": int(clean.sum()),
    }
    if not clean.any():
        raise UnusableRecording(
            "no clean segment",
            f"none of {len(segments)} segments is clean ({noisy.sum()} above "
            f"{max_peak_to_peak:g} µV, {flat.sum()} below {min_peak_to_peak:g} µV, {marked.sum()} "
            "marked)",
            file=path,
            remedy="Look at the recording; eeg.cleaning.max_peak_to_peak decides.",
        )
    return Segments(
        segments[clean],
        float(raw.info["sfreq"]),
        raw.ch_names,
        locate_channels(raw.info),
        ~bad,
        counts,
    )


def filter_length(high_pass: float, low_pass: float, sfreq: float) -> float:
    """Seconds that the longest filter spans: notch (1 Hz wide slopes) or band-pass."""
    slope = min(max(high_pass / 4, 2.0), high_pass, max(low_pass / 4, 2.0), sfreq / 2 - low_pass)
    return 3.3 / min(slope, 0.5)


def _check_length(raw: mne.io.BaseRaw, high_pass: float, low_pass: float, path: Path) -> None:
    sfreq = raw.info["sfreq"]
    if low_pass >= sfreq / 2:
        raise UnusableRecording(
            "sampled too slowly",
            f"sampled at {sfreq:g} Hz, which holds nothing up to {low_pass:g} Hz",
            file=path,
            remedy="Lower eeg.cleaning.low_pass (and the bands) for the whole cohort.",
        )
    seconds = raw.n_times / sfreq
    needed = filter_length(high_pass, low_pass, sfreq)
    if seconds < needed:
        raise UnusableRecording(
            "too short",
            f"{seconds:.1f} s long; the filters span {needed:.1f} s",
            file=path,
            remedy="Nothing but edges would be left of it.",
        )


def _filter(raw: mne.io.BaseRaw, line: float, high_pass: float, low_pass: float) -> None:
    nyquist = raw.info["sfreq"] / 2
    notches = np.arange(line, nyquist - 1, line)
    if len(notches):
        raw.notch_filter(notches, notch_widths=1.0, trans_bandwidth=0.5, verbose="error")
    raw.filter(high_pass, low_pass, verbose="error")


def _check_unit(data: np.ndarray, path: Path) -> None:
    spread = data.std(axis=1)
    typical = float(np.median(spread[spread > 0])) if (spread > 0).any() else 0.0
    low, high = PLAUSIBLE_UV
    if not low <= typical <= high:
        raise UnusableRecording(
            "implausible unit" if typical else "flat recording",
            f"the median channel has a standard deviation of {typical:.3g} µV",
            file=path,
            remedy="Check the unit in the file's header; scalp EEG has some 10 µV.",
        )


def _mark_joints(raw: mne.io.BaseRaw, needed: float) -> None:
    """Make filters and segments respect places where a recording was cut and joined.

    A piece between two joints that is shorter than the filters is bad: nothing but edges would be
    left of it.
    """
    notes = raw.annotations
    renamed = {
        text: "EDGE boundary" for text in set(notes.description) if text.lower().startswith(JOINTS)
    }
    if not renamed:
        return
    notes.rename(renamed)
    end = raw.n_times / raw.info["sfreq"]
    shift = raw.first_time if notes.orig_time else 0.0
    joints = notes.onset[notes.description == "EDGE boundary"] - shift
    joints = np.unique([0.0, *joints[(joints > 0) & (joints < end)], end])
    for first, last in itertools.pairwise(joints):
        if last - first < needed and len(joints) > 2:
            notes.append(first + shift, last - first, "BAD short piece")


def _cut(raw: mne.io.BaseRaw, seconds: float) -> np.ndarray:
    data = raw.get_data(units="uV")
    length = round(seconds * raw.info["sfreq"])
    n_segments = data.shape[1] // length
    cut = data[:, : n_segments * length].reshape(len(data), n_segments, length)
    return np.ascontiguousarray(cut.swapaxes(0, 1))


def _marked(raw: mne.io.BaseRaw, n_segments: int, seconds: float) -> np.ndarray:
    """Segments that an annotation marks as bad, or that a joint runs through."""
    marked = np.zeros(n_segments, dtype=bool)
    for note in raw.annotations:
        if not note["description"].lower().startswith(("bad", "edge")):
            continue
        first = note["onset"] - raw.first_time if raw.annotations.orig_time else note["onset"]
        last = first + note["duration"]
        # A joint at the very beginning of a recording runs through nothing.
        if last > 0:
            stop = int(np.ceil(max(last, first + 1e-9) / seconds))
            marked[max(int(first // seconds), 0) : stop] = True
    return marked
