"""Types, bad marks and positions of a recording's channels."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import mne
import numpy as np

from neurogenomics_kb.brain.eeg.recordings import (
    Recording,
    UnusableRecording,
    read_coordinate_system,
    read_sidecar_table,
)
from neurogenomics_kb.brain.eeg.regions import positions_of
from neurogenomics_kb.foundation.errors import InputError, listing, nearest

NOT_EEG = re.compile(
    r"[hv]?eog|heo|veo|e[ck]g|emg|exg?\d|resp|gsr|sti|stim|status|trig|marker|misc|aux|temp|photo"
    r"|ergo|plet|spo2|annotation|acc|gyro|erg\d",
    re.IGNORECASE,
)
DECORATION = re.compile(r"^eeg[ _-]+|[-_ ](ref|le|re|avg|ar)$|\.+$", re.IGNORECASE)
DEFAULT_MONTAGE = "colin27_1005"
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Spread of electrodes over a head in m, wide enough for infants and for patches.
HEAD = (0.02, 0.2)
FIDUCIALS = {"nasion": ("NAS", "Nz"), "lpa": ("LPA",), "rpa": ("RPA",)}
REMEDY = (
    "Put an *_electrodes.tsv beside the recording, or name the cap's montage in "
    "eeg.recording.montage."
)


def plain_name(channel: str) -> str:
    """Channel name without what exporters add ("EEG Fp1-REF", "Fc5.")."""
    name, before = channel.strip(), None
    while name != before:
        before, name = name, DECORATION.sub("", name)
    return name


def channel_types(names: list[str], recording: Recording) -> tuple[list[str], list[str]]:
    """EEG channels of a recording, and those that its channels.tsv marks as bad.

    Without channels.tsv, names that are usual for other signals (EOG, ECG, triggers) are left out.

    Returns
    -------
    eeg, bad : list of str
        Names as in the file.

    Raises
    ------
    UnusableRecording
        If channels.tsv names a bad channel that the file lacks, or nothing of the file, or no
        channel is EEG.
    """
    found = read_sidecar_table(recording, "channels")
    if found is None:
        eeg, bad = [n for n in names if not NOT_EEG.match(plain_name(n))], []
    else:
        file, table = found
        types = dict(zip(table["name"], table.get("type", ["EEG"] * len(table)), strict=True))
        marks = dict(zip(table["name"], table.get("status", [""] * len(table)), strict=True))
        twice = table["name"][table["name"].duplicated()]
        if len(twice) and len(table.drop_duplicates()) > table["name"].nunique():
            raise UnusableRecording(
                "channels.tsv does not fit",
                f"channel {listing(twice.unique())} is described twice",
                file=file,
                column="name",
                remedy="Keep one row per channel.",
            )
        known = {n: _match(n, types) for n in names}
        marked = {n for n, mark in marks.items() if mark.strip().lower() == "bad"}
        strange = sorted(marked - set(known.values()))
        if strange or not any(known.values()):
            raise UnusableRecording(
                "channels.tsv does not fit",
                f"bad channel {listing(strange)} is not in {recording.path.name}"
                if strange
                else f"describes no channel of {recording.path.name}",
                file=file,
                column="name",
                remedy=f"The recording has {listing(names)}.",
            )
        eeg = [n for n in names if known[n] and types[known[n]].strip().upper() == "EEG"]
        bad = [n for n in eeg if known[n] in marked]
    if not eeg:
        raise UnusableRecording(
            "no EEG channel",
            f"no channel is EEG ({listing(names)})",
            file=recording.path,
            remedy="Give the types in channels.tsv.",
        )
    return eeg, bad


def _match(name: str, described: dict[str, str]) -> str | None:
    if name in described:
        return name
    plain = plain_name(name).lower()
    return next((each for each in described if plain_name(each).lower() == plain), None)


def place_channels(
    raw: mne.io.BaseRaw, recording: Recording, *, montage: str = "auto", min_placed: float = 0.5
) -> list[str]:
    """Give every channel its position and leave out those that have none.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        EEG channels only; changed in place.
    recording : Recording
        The recording, with its subject and session.
    montage : str
        ``auto``: electrodes.tsv, else positions in the file, else names of the 10-05 system. Or the
        name of one of MNE's montages, for caps whose files hold no positions.
    min_placed : float
        Smallest share of channels that must get a position.

    Returns
    -------
    list of str
        Channels left out.

    Raises
    ------
    UnusableRecording
        If too few channels get a position.
    InputError
        If MNE has no such montage.
    """
    table = read_sidecar_table(recording, "electrodes") if montage == "auto" else None
    measured = ~np.isnan(positions_of(raw.info)).any(axis=1)
    if table is not None:
        source, positions = table[0].name, _digitised(table[0], table[1], recording)
    elif montage == "auto" and measured.mean() >= min_placed:
        left_out = [n for n, known in zip(raw.ch_names, measured, strict=True) if not known]
        raw.drop_channels(left_out)
        return left_out
    else:
        source = DEFAULT_MONTAGE if montage == "auto" else montage
        positions = standard_montage(source)
    lookup = {plain_name(name).lower(): name for name in positions.ch_names}
    target = {n: lookup.get(plain_name(n).lower()) for n in raw.ch_names}
    left_out = [n for n, place in target.items() if place is None]
    if len(left_out) > (1 - min_placed) * len(target):
        raise UnusableRecording(
            "unknown montage",
            f"{len(target) - len(left_out)} of {len(target)} channels are in montage '{source}'; "
            f"not {listing(left_out)}{_other_montage(list(target))}",
            file=recording.path,
            remedy=REMEDY,
        )
    raw.drop_channels(left_out)
    found = positions.get_positions()
    montage = mne.channels.make_dig_montage(
        {n: found["ch_pos"][target[n]] for n in raw.ch_names},
        **{name: found[name] for name in FIDUCIALS},
        coord_frame=found["coord_frame"],
    )
    raw.set_montage(montage, verbose="error")
    return left_out


def standard_montage(name: str) -> mne.channels.DigMontage:
    """One of MNE's montages.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = mne.channels.get_builtin_montages()
    if name not in known:
        raise InputError(
            f"MNE has no montage '{name}'{nearest(name, known)}",
            column="eeg.recording.montage",
            remedy=f"It has {listing(known, len(known))}; or write `auto`.",
        )
    return mne.channels.make_standard_montage(name)


@lru_cache(maxsize=1)
def _names_of_montages() -> dict[str, set[str]]:
    return {
        name: set(mne.channels.make_standard_montage(name).ch_names)
        for name in mne.channels.get_builtin_montages()
    }


def _other_montage(names: list[str]) -> str:
    plain = {plain_name(name) for name in names}
    held = {montage: len(plain & known) for montage, known in _names_of_montages().items()}
    best = max(held, key=held.get)
    if held[best] < len(plain) / 2:
        return ""
    return f" ('{best}' has {held[best]} of these names; check that it is the cap that was used)"


def _digitised(file: Path, table, recording: Recording) -> mne.channels.DigMontage:
    """Montage of an electrodes.tsv, in head coordinates or with fiducials."""

    def refuse(problem: str, column: str | None = None) -> UnusableRecording:
        return UnusableRecording(
            "unusable electrodes.tsv", problem, file=file, column=column, remedy=REMEDY
        )

    described = read_coordinate_system(recording)
    unit = str(described.get("EEGCoordinateUnits", "m"))
    system = str(described.get("EEGCoordinateSystem", "CapTrak"))
    if unit not in UNITS:
        raise refuse(f"coordinates are in '{unit}'", "EEGCoordinateUnits")
    positions = {}
    try:
        for row in table.to_dict("records"):
            xyz = [row[axis] for axis in "xyz"]
            if "n/a" not in xyz:
                positions[row["name"]] = np.array(xyz, dtype=float) * UNITS[unit]
    except (KeyError, ValueError) as error:
        raise refuse(f"x, y, z are not all there as numbers ({error})") from None
    spread = np.std(list(positions.values()), axis=0) if positions else np.zeros(3)
    if not HEAD[0] < np.linalg.norm(spread) < HEAD[1]:
        raise refuse(
            f"positions in '{unit}' would make a head of {2 * np.linalg.norm(spread):.3g} m",
            "EEGCoordinateUnits",
        )
    landmarks = described.get("AnatomicalLandmarkCoordinates") or {}
    points = {
        name: next((np.array(landmarks[k], float) for k in keys if k in landmarks), None)
        for name, keys in FIDUCIALS.items()
    }
    if all(point is not None for point in points.values()):
        scale = UNITS.get(str(described.get("AnatomicalLandmarkCoordinateUnits", unit)), 1.0)
        points = {name: point * scale for name, point in points.items()}
        return mne.channels.make_dig_montage(positions, **points, coord_frame="unknown")
    if system == "EEGLAB":  # x to the nose, y to the left ear
        positions = {n: np.array([-p[1], p[0], p[2]]) for n, p in positions.items()}
    elif system != "CapTrak":
        raise refuse(
            f"coordinate system '{system}' without the landmarks NAS, LPA and RPA is not known",
            "EEGCoordinateSystem",
        )
    return mne.channels.make_dig_montage(positions, coord_frame="head")
