"""Filters that a recording went through before it was stored, and the bands that they leave."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neurogenomics_kb.brain.eeg.recordings import Recording, read_sidecar_table
from neurogenomics_kb.brain.eeg.spectra import Band

HIGH = re.compile(r"high[\s_-]*pass|low[\s_-]*cut|\bhp", re.IGNORECASE)
LOW = re.compile(r"low[\s_-]*pass|high[\s_-]*cut|anti[\s_-]*alias|\blp", re.IGNORECASE)
CUTOFF = re.compile(r"cut[\s_-]*off|freq|\bhz\b", re.IGNORECASE)
FIRST_NUMBER = re.compile(r"\d+(?:\.\d+)?")
Filters = tuple[float | None, float | None]


def stated_filters(sidecar: Mapping[str, Any]) -> Filters:
    """High-pass and low-pass (Hz) in the HardwareFilters and SoftwareFilters of a sidecar.

    BIDS leaves their form free: a filter is one whose name says high-pass or low-pass, with a
    number under a key that says cut-off, frequency or Hz. Others are not understood and count for
    nothing.
    """
    high, low = [], []
    for kind in ("HardwareFilters", "SoftwareFilters"):
        described = sidecar.get(kind)
        for name, options in described.items() if isinstance(described, Mapping) else ():
            value = _cutoff(options)
            if value and LOW.search(str(name)):
                low.append(value)
            elif value and HIGH.search(str(name)):
                high.append(value)
    return max(high, default=None), min(low, default=None)


def _cutoff(options: Any) -> float | None:
    if isinstance(options, Mapping):
        found = [v for key, v in options.items() if CUTOFF.search(str(key))]
        return _cutoff(found[0]) if found else None
    if isinstance(options, bool):
        return None
    match = FIRST_NUMBER.search(str(options))
    return float(match.group(0)) if match else None


def channel_filters(recording: Recording, names: list[str]) -> Filters:
    """High-pass and low-pass (Hz) in ``low_cutoff`` and ``high_cutoff`` of a channels.tsv.

    Parameters
    ----------
    recording : Recording
        The recording, with its subject and session.
    names : list of str
        EEG channels; filters of others do not count.
    """
    found = read_sidecar_table(recording, "channels")
    if found is None:
        return None, None
    table = found[1][found[1]["name"].isin(names)]
    columns = {}
    for column in ("low_cutoff", "high_cutoff"):
        texts = table.get(column, [])
        numbers = [float(t) for t in texts if FIRST_NUMBER.fullmatch(str(t).strip())]
        columns[column] = [n for n in numbers if n > 0]
    return max(columns["low_cutoff"], default=None), min(columns["high_cutoff"], default=None)


def filtered_bands(filters: Filters, bands: Mapping[str, Band]) -> list[str]:
    """Bands that a recorded filter reaches into.

    Parameters
    ----------
    filters : tuple of float or None
        High-pass and low-pass (Hz).
    bands : mapping of str to (low, high)
        Hz.

    Examples
    --------
    >>> filtered_bands((0.5, 30.0), {"beta": (13, 30), "gamma": (30, 45)})
    ['gamma']
    """
    high_pass, low_pass = filters
    return [
        name
        for name, (low, high) in bands.items()
        if (high_pass is not None and high_pass > low + 1e-9)
        or (low_pass is not None and low_pass < high - 1e-9)
    ]
