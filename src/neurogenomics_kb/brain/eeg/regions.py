"""Where channels lie: nearest position of the 10-10 system, and region of the scalp."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import mne
import numpy as np

SIDES = ("left", "right")
LOBES = {
    "frontal": ("Fp", "AF", "F"),
    "central": ("FC", "C", "CP"),
    "temporal": ("FT", "T", "TP"),
    "parietal": ("P",),
    "occipital": ("PO", "O", "I"),
}
MIDLINES = {
    "frontal_midline": ("Fp", "AF", "F"),
    "central_midline": ("FC", "C", "CP"),
    "posterior_midline": ("P", "PO", "O", "I"),
}
REGIONS = [*(f"{lobe}_{side}" for lobe in LOBES for side in SIDES), *MIDLINES]
POSITION = re.compile(r"(Fp|AF|FC|FT|F|CP|C|TP|T|PO|P|O|I)(z|\d{1,2})")
# Centre of the head in MNE's head coordinates (m), from which directions are taken.
CENTRE = np.array([0.0, 0.0, 0.04])
# Older names of T7, T8, P7 and P8.
OLD_NAMES = {"T3", "T4", "T5", "T6"}


@dataclass(frozen=True)
class Places:
    """Where channels lie.

    Attributes
    ----------
    labels : ndarray of str, shape (n_channels,)
        Nearest position of the 10-10 system.
    angles : ndarray, shape (n_channels,)
        Degrees to that position, seen from the centre of the head.
    regions : ndarray of str, shape (n_channels,)
        One of `REGIONS`, or "" for channels too far from any position (face, neck).
    """

    labels: np.ndarray
    angles: np.ndarray
    regions: np.ndarray

    def view(self, max_angle: float = 15.0) -> tuple[np.ndarray, list[str]]:
        """Channels as a 10-10 montage: the nearest one at each position.

        Encoders know positions by name, and names such as C3 mean something else on other caps.

        Returns
        -------
        rows : ndarray of int
            Channels, in the alphabetical order of their labels.
        labels : list of str
        """
        best: dict[str, int] = {}
        for row in np.argsort(self.angles, kind="stable"):
            if self.angles[row] <= max_angle:
                best.setdefault(str(self.labels[row]), int(row))
        names = sorted(best)
        return np.array([best[name] for name in names], dtype=int), names


def region_of(label: str) -> str:
    """Region of a position of the 10-10 system, "" if the label is none."""
    match = POSITION.fullmatch(label)
    if match is None:
        return ""
    prefix, number = match.groups()
    if number == "z":
        return next(region for region, prefixes in MIDLINES.items() if prefix in prefixes)
    lobe = next(lobe for lobe, prefixes in LOBES.items() if prefix in prefixes)
    return f"{lobe}_{SIDES[(int(number) + 1) % 2]}"


@lru_cache(maxsize=2)
def reference_directions(spherical: bool = False) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the 10-10 system and their directions in head coordinates, (n, 3).

    Positions on an ideal sphere and on a head of flesh are tilted by some ten degrees against each
    other, so there is one reference for templates and one for measured positions.
    """
    montage = mne.channels.make_standard_montage("spherical_1005" if spherical else "colin27_1005")
    names = tuple(n for n in montage.ch_names if POSITION.fullmatch(n) and n not in OLD_NAMES)
    info = mne.create_info(list(names), 100.0, "eeg")
    info.set_montage(montage, verbose="error")
    return names, _directions(positions_of(info))


def positions_of(info: mne.Info) -> np.ndarray:
    """Positions of an info's channels in head coordinates (m), NaN where unknown; (n, 3)."""
    positions = np.array([channel["loc"][:3] for channel in info["chs"]], dtype=float)
    unknown = ~np.isfinite(positions).all(axis=1) | ~positions.any(axis=1)
    positions[unknown] = np.nan
    return positions


def locate_channels(info: mne.Info, max_angle: float = 25.0) -> Places:
    """Nearest 10-10 position and region of every channel.

    Regions follow from positions, not names, so that any montage compares with any other.

    Parameters
    ----------
    info : mne.Info
        Of EEG channels with positions.
    max_angle : float
        Channels farther (degrees) from every 10-10 position belong to no region.
    """
    positions = positions_of(info)
    radii = np.linalg.norm(positions - CENTRE, axis=1)
    names, reference = reference_directions(bool(np.ptp(radii) < 0.01 * radii.mean()))
    cosine = np.clip(_directions(positions) @ reference.T, -1, 1)
    nearest = cosine.argmax(axis=1)
    angles = np.degrees(np.arccos(cosine[np.arange(len(cosine)), nearest]))
    labels = np.array([names[k] for k in nearest])
    regions = [region_of(a) if b <= max_angle else "" for a, b in zip(labels, angles, strict=True)]
    return Places(labels, angles, np.array(regions))


def _directions(positions: np.ndarray) -> np.ndarray:
    from_centre = positions - CENTRE
    return from_centre / np.linalg.norm(from_centre, axis=1, keepdims=True)
