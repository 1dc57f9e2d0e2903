"""One recording from file to features."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.brain.choices import choose
from neurogenomics_kb.brain.eeg.cleaning import Segments, clean_recording
from neurogenomics_kb.brain.eeg.coupling import connect_regions
from neurogenomics_kb.brain.eeg.encoders import SegmentEncoder, embed_segments, load_segment_encoder
from neurogenomics_kb.brain.eeg.filters import Filters, filtered_bands
from neurogenomics_kb.brain.eeg.reading import open_recording
from neurogenomics_kb.brain.eeg.recordings import Recording, UnusableRecording
from neurogenomics_kb.brain.eeg.regions import REGIONS
from neurogenomics_kb.brain.eeg.spectra import (
    BANDS,
    Band,
    band_power,
    fit_aperiodic,
    fourier_coefficients,
    peak_frequency,
)
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.naming import feature_name, parse_feature_name

logger = logging.getLogger(__name__)

EDGE = "~"
# Parameters of `describe_segments` that are ranges of frequencies, beside the bands.
APERIODIC, ALPHA = "aperiodic_band", "alpha_band"
KINDS = ("high-pass", "low-pass")


@dataclass(frozen=True)
class Run:
    """What became of one recording.

    Attributes
    ----------
    recording : Recording
    counts : dict of str to float
        Channels and segments, for quality control.
    features : dict of str to float
        Empty if the recording cannot be used.
    reason, problem : str
        Why not, in short and in full.
    """

    recording: Recording
    counts: dict[str, float] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    problem: str = ""


def process_recording(
    recording: Recording,
    reading: Mapping[str, Any],
    cleaning: Mapping[str, Any],
    features: Mapping[str, Any],
    encoders: Mapping[str, Mapping[str, Any]],
) -> Run:
    """Read, clean and describe one recording.

    Parameters
    ----------
    recording : Recording
        The recording, with its subject and session.
    reading, cleaning, features : mapping
        Keyword arguments of `open_recording`, `clean_recording` and `describe_segments`;
        beside the first, ``unusable: error`` raises what is otherwise noted in the result, and
        ``recorded_filter`` (one of `FILTERED`) says what becomes of bands that the recording was
        filtered in.
    encoders : mapping of str to mapping
        Model card to spec of the segment encoders whose embeddings are added.

    Raises
    ------
    InputError
        For what concerns all recordings, such as an unknown montage or encoder.
    """
    own = ("unusable", "recorded_filter")
    options = {name: value for name, value in reading.items() if name not in own}
    filtered = reading.get("recorded_filter", "refuse")
    try:
        opened = open_recording(recording, **options)
        filters = opened.high_pass, opened.low_pass
        lost = choose(filtered, FILTERED, "recorded_filter")(
            filters, analysed_bands(features), recording.path
        )
        segments = clean_recording(opened, recording.path, **cleaning)
    except UnusableRecording as error:
        if reading.get("unusable") == "error":
            raise
        return Run(recording, reason=error.reason, problem=str(error))
    except Exception as error:
        error.add_note(f"while working on {recording.path}")
        raise
    found = without_bands(describe_segments(segments, **features), lost)
    for encoder_id, spec in encoders.items():
        # One copy per process: weights are read once, not once per recording.
        encoder = _encoder(json.dumps(dict(spec), sort_keys=True))
        try:
            if lost:
                refuse_filtered(encoder_id, filters, recording)
            found |= average_embedding(encoder_id, encoder, segments)
        except InputError as error:
            if reading.get("unusable") == "error":
                raise
            problem = f"{recording.path}: {error}"
            return Run(recording, reason=f"{encoder_id} cannot read it", problem=problem)
    counts = {"sfreq": segments.sfreq, **segments.counts, "n_bands_left_out": len(lost)}
    return Run(recording, counts, found)


def analysed_bands(features: Mapping[str, Any]) -> dict[str, Band]:
    """Every range of frequencies (Hz) that `describe_segments` looks at, by name."""
    defaults = inspect.signature(describe_segments).parameters
    ranges = {name: features.get(name) or defaults[name].default for name in (APERIODIC, ALPHA)}
    return {**(features.get("bands") or BANDS), **ranges}


def refuse_filtered_bands(filters: Filters, bands: Mapping[str, Band], path: Path) -> list[str]:
    """No band, or an error if a recorded filter reaches into one.

    Raises
    ------
    UnusableRecording
    """
    lost = filtered_bands(filters, bands)
    if lost:
        told = [f"{value:g} Hz {kind}" for value, kind in zip(filters, KINDS, strict=True) if value]
        raise UnusableRecording(
            "recorded filter inside the bands",
            f"recorded with {' and '.join(told)}, which reaches into {listing(lost, 9)}",
            file=path,
            remedy="Change eeg.measures for the whole cohort, or set eeg.recording.recorded_filter "
            "to leave_out (these bands become missing) or, if header and sidecars are wrong, to "
            "ignore.",
        )
    return []


def leave_filtered_bands_out(filters: Filters, bands: Mapping[str, Band], path: Path) -> list[str]:
    """Bands that a recorded filter reaches into, with a line in the log."""
    lost = filtered_bands(filters, bands)
    if lost:
        logger.warning("eeg: %s: %s are left out, filtered when recorded", path, listing(lost, 9))
    return lost


def take_all_bands(filters: Filters, bands: Mapping[str, Band], path: Path) -> list[str]:
    """No band: the filters are not believed."""
    return []


# What to do with bands that a recording was filtered in.
FILTERED = {
    "refuse": refuse_filtered_bands,
    "leave_out": leave_filtered_bands_out,
    "ignore": take_all_bands,
}


def without_bands(features: dict[str, float], lost: Sequence[str]) -> dict[str, float]:
    """Features with a gap in everything that bands which were left out enter.

    Shares of the power need all bands, distances from the aperiodic part and the alpha peak need
    the range in which that part is fitted.
    """
    if not lost:
        return features
    spectral = [name for name in lost if name not in (APERIODIC, ALPHA)]
    gone = set()
    for column in features:
        name = parse_feature_name(column)
        if (
            name.component in spectral
            or (name.group == "relative_power" and spectral)
            or (name.group in ("aperiodic", "periodic_power", "peak_alpha") and APERIODIC in lost)
            or (name.group == "peak_alpha" and ALPHA in lost)
        ):
            gone.add(column)
    return {column: np.nan if column in gone else value for column, value in features.items()}


def refuse_filtered(encoder_id: str, filters: Filters, recording: Recording) -> None:
    """Refuse to embed what was filtered within the bands: no part of a vector can be left out.

    Raises
    ------
    InputError
    """
    told = [f"{value:g} Hz {kind}" for value, kind in zip(filters, KINDS, strict=True) if value]
    raise InputError(
        f"recorded with {' and '.join(told)}, inside the bands; {encoder_id} reads all of them",
        file=recording.path,
        remedy="Use a strategy without this encoder.",
    )


@lru_cache(maxsize=2)
def _encoder(spec: str) -> SegmentEncoder:
    return load_segment_encoder(json.loads(spec))


def average_embedding(
    encoder_id: str, encoder: SegmentEncoder, segments: Segments
) -> dict[str, float]:
    """Embedding of a recording: the mean over its clean segments."""
    rows, labels = segments.places.view()
    vectors = embed_segments(encoder, segments.data[:, rows], labels, segments.sfreq)
    return {
        feature_name("eeg", encoder_id, name): float(value)
        for name, value in zip(encoder.names, vectors.mean(axis=0), strict=True)
    }


def describe_segments(
    segments: Segments,
    *,
    bands: Mapping[str, Band] | None = None,
    aperiodic_band: Band = (2.0, 40.0),
    alpha_band: Band = (7.0, 13.0),
    alpha_min_height: float = 0.1,
    alpha_method: str = "parabola",
    connectivity: Sequence[str] = ("coherence", "wpli"),
) -> dict[str, float]:
    """Classical features of a recording.

    The spectrum of a recording is the mean of its segments' (Welch's method without overlap);
    spectra of a region's channels are averaged, and everything else follows from them.
    Interpolated channels are left out: they hold nothing that their neighbours do not.

    Parameters
    ----------
    segments : Segments
        Segments of the recording, clean and not.
    bands : mapping of str to (low, high), optional
        Hz.
    aperiodic_band : tuple of float
        As `band` of `fit_aperiodic`.
    alpha_band, alpha_min_height, alpha_method
        As in `peak_frequency`.
    connectivity : sequence of str
        Among ``coherence`` and ``wpli``.

    Returns
    -------
    dict of str to float
        Feature names, NaN where a region has no channel or nothing could be estimated. Groups:
        ``band_power`` (log10 µV²), ``relative_power`` (share of the power in all bands),
        ``periodic_power`` (mean log10 distance from the aperiodic part), ``aperiodic`` (exponent,
        and offset in log10 µV²/Hz), ``peak_alpha`` (Hz), ``coherence`` and ``wpli``.
    """
    bands = {name: tuple(limits) for name, limits in (bands or BANDS).items()}
    low = min(min(b[0] for b in bands.values()), aperiodic_band[0], alpha_band[0])
    high = max(max(b[1] for b in bands.values()), aperiodic_band[1], alpha_band[1])
    frequencies, coefficients = fourier_coefficients(segments.data, segments.sfreq, low, high)
    regions = np.where(segments.measured, segments.places.regions, "")
    spectra = (np.abs(coefficients) ** 2).mean(axis=0)
    features: dict[str, float] = {}
    for region in REGIONS:
        own = regions == region
        spectrum = spectra[own].mean(axis=0) if own.any() else np.full(len(frequencies), np.nan)
        powers = band_power(frequencies, spectrum, bands)
        total = sum(powers.values())
        line = fit_aperiodic(frequencies, spectrum, band=aperiodic_band)
        rest = band_power(frequencies, np.log10(spectrum) - line.log_power(frequencies), bands)
        flat = band_power(frequencies, np.ones(len(frequencies)), bands)
        for band in bands:
            features[feature_name("eeg", "band_power", region, band)] = np.log10(powers[band])
            features[feature_name("eeg", "relative_power", region, band)] = powers[band] / total
            mean_rest = rest[band] / flat[band] if flat[band] else np.nan
            features[feature_name("eeg", "periodic_power", region, band)] = mean_rest
        features[feature_name("eeg", "aperiodic", region, "exponent")] = line.exponent
        features[feature_name("eeg", "aperiodic", region, "offset")] = line.offset
        features[feature_name("eeg", "peak_alpha", region, "hz")] = peak_frequency(
            frequencies,
            spectrum,
            line,
            band=alpha_band,
            min_height=alpha_min_height,
            method=alpha_method,
        )
    edges = connect_regions(frequencies, coefficients, regions, bands, connectivity)
    names = sorted(REGIONS)
    for measure in connectivity:
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                for band in bands:
                    name = feature_name("eeg", measure, f"{first}{EDGE}{second}", band)
                    features[name] = edges.get((measure, first, second, band), np.nan)
    return {name: float(value) for name, value in features.items()}
