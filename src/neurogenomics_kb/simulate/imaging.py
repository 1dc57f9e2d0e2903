"""FreeSurfer tables and resting-state runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.simulate.people import People
from neurogenomics_kb.simulate.settings import Effects

DESIKAN_KILLIANY = [
    "bankssts", "caudalanteriorcingulate", "caudalmiddlefrontal", "cuneus", "entorhinal",
    "fusiform", "inferiorparietal", "inferiortemporal", "isthmuscingulate", "lateraloccipital",
    "lateralorbitofrontal", "lingual", "medialorbitofrontal", "middletemporal", "parahippocampal",
    "paracentral", "parsopercularis", "parsorbitalis", "parstriangularis", "pericalcarine",
    "postcentral", "posteriorcingulate", "precentral", "precuneus", "rostralanteriorcingulate",
    "rostralmiddlefrontal", "superiorfrontal", "superiorparietal", "superiortemporal",
    "supramarginal", "frontalpole", "temporalpole", "transversetemporal", "insula",
]  # fmt: skip
HEMISPHERES = ("lh", "rh")
# Typical volumes in mm³.
SUBCORTICAL = {
    "Lateral-Ventricle": 11000, "Cerebellum-White-Matter": 14500, "Cerebellum-Cortex": 52000,
    "Thalamus": 7200, "Caudate": 3500, "Putamen": 4900, "Pallidum": 2000, "Hippocampus": 3900,
    "Amygdala": 1600, "Accumbens-area": 500, "VentralDC": 3900,
}  # fmt: skip
MIDLINE = {"3rd-Ventricle": 1300, "4th-Ventricle": 1800, "Brain-Stem": 21500}
AXIS_THICKNESS = [
    f"{h}_{r}"
    for h in HEMISPHERES
    for r in ("rostralanteriorcingulate", "medialorbitofrontal", "lateralorbitofrontal", "insula")
]
AXIS_SUBCORTICAL = [
    f"{side}-{r}" for side in ("Left", "Right") for r in ("Hippocampus", "Amygdala", "Thalamus")
]
AXIS_VOLUME = [
    f"{h}_{r}" for h in HEMISPHERES for r in ("parahippocampal", "entorhinal", "fusiform")
]
PARCELS = [f"P{i:02d}" for i in range(1, 33)]
AXIS_PARCELS = ["P03", "P09", "P17", "P26"]
LOADING = 0.75
MEAN_ETIV = 1.5e6


def regional_values(
    rng: np.random.Generator,
    regions: list[str],
    axis: np.ndarray,
    on_axis: list[str],
    people: People,
    effects: Effects,
    general: np.ndarray,
) -> np.ndarray:
    """Standardised regional values: general factor, axis, confounds, own variation (n, regions)."""
    n, p = len(axis), len(regions)
    loading = np.array([LOADING if r in on_axis else 0.0 for r in regions])
    own = rng.normal(size=(n, p)) * np.sqrt(1 - 0.25 - loading**2 * 0.75)
    values = 0.5 * general[:, None] + np.outer(axis, loading) + own
    years = (people.age - 60) / 10
    values -= effects.age * np.outer(years, rng.uniform(0.15, 0.4, p))
    shift, scale = rng.normal(0, 0.5, (4, p)), rng.uniform(-0.15, 0.15, (4, p))
    values = values * (1 + effects.site * scale[people.site]) + effects.site * shift[people.site]
    values += effects.ancestry * np.outer(people.ancestry, rng.normal(0, 0.2, p))
    values += effects.sex * np.outer(people.male, rng.normal(0, 0.15, p))
    return values


def freesurfer_tables(
    rng: np.random.Generator, axes: list[np.ndarray], people: People, effects: Effects
) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Tables by file name in the layout of ``aparcstats2table``, and eTIV (mm³)."""
    n = len(people.age)
    etiv = MEAN_ETIV * (1 + 0.1 * effects.sex * (people.male - 0.5) + 0.08 * rng.normal(size=n))
    size = (etiv / MEAN_ETIV)[:, None]
    cortex = [f"{h}_{r}" for h in HEMISPHERES for r in DESIKAN_KILLIANY]
    general = rng.normal(size=n)
    thickness = regional_values(rng, cortex, axes[0], AXIS_THICKNESS, people, effects, general)
    thickness = np.tile(rng.uniform(2.0, 3.2, 34), 2) + 0.15 * thickness
    volume = regional_values(rng, cortex, axes[1], AXIS_VOLUME, people, effects, general)
    mean_volume = np.tile(rng.uniform(1500, 16000, 34), 2)
    volume = mean_volume * size**0.8 * (1 + 0.1 * volume)
    names = [f"{s}-{r}" for s in ("Left", "Right") for r in SUBCORTICAL] + list(MIDLINE)
    means = np.array([*SUBCORTICAL.values()] * 2 + [*MIDLINE.values()])
    subcortical = regional_values(rng, names, axes[1], AXIS_SUBCORTICAL, people, effects, general)
    subcortical = means * size**0.7 * (1 + 0.11 * subcortical)
    brain = 0.72 * etiv * (1 + 0.02 * rng.normal(size=n))

    tables = {}
    for k, hemisphere in enumerate(HEMISPHERES):
        part = slice(34 * k, 34 * (k + 1))
        for measure, values, digits in (("thickness", thickness, 3), ("volume", volume, 0)):
            header = f"{hemisphere}.aparc.{measure}"
            columns = [f"{hemisphere}_{r}_{measure}" for r in DESIKAN_KILLIANY]
            table = pd.DataFrame(np.round(values[:, part], digits), columns=columns)
            if measure == "thickness":
                table[f"{hemisphere}_MeanThickness_thickness"] = np.round(table.mean(axis=1), 5)
            table["BrainSegVolNotVent"], table["eTIV"] = np.round(brain), np.round(etiv, 1)
            tables[f"{header}.tsv"] = table.rename_axis(header)
    aseg = pd.DataFrame(np.round(np.clip(subcortical, 50, None), 1), columns=names)
    aseg["BrainSegVol"], aseg["EstimatedTotalIntraCranialVol"] = np.round(brain), np.round(etiv, 1)
    tables["aseg.volume.tsv"] = aseg.rename_axis("Measure:volume")
    return tables, etiv


def euler_numbers(rng: np.random.Generator, n: int, n_poor: int) -> pd.DataFrame:
    """Euler number of each hemisphere; a few reconstructions are poor."""
    values = -2.0 * np.round(rng.gamma(3.0, 8.0, (n, 2)))
    values[rng.choice(n, n_poor, replace=False)] -= 2.0 * np.round(
        rng.uniform(130, 200, (n_poor, 2))
    )
    return pd.DataFrame(values.astype(int), columns=["euler_lh", "euler_rh"])


def mean_motion(
    rng: np.random.Generator, people: People, case: np.ndarray, effects: Effects, n_restless: int
) -> np.ndarray:
    """Target mean framewise displacement (mm), higher with age and in cases."""
    n = len(case)
    motion = 0.08 + rng.gamma(3.0, 0.025, n)
    years = effects.age * (people.age - 60)
    motion *= 1 + effects.motion * (0.01 * years + 0.15 * case)
    motion[rng.choice(n, n_restless, replace=False)] = rng.uniform(0.6, 0.9, n_restless)
    return np.clip(motion, 0.04, None)


def band_limited(rng: np.random.Generator, frames: int, k: int, tr: float) -> np.ndarray:
    """Noise between 0.01 and 0.1 Hz, unit variance (frames, k)."""
    spectrum = np.fft.rfft(rng.normal(size=(frames, k)), axis=0)
    frequency = np.fft.rfftfreq(frames, tr)
    spectrum[(frequency < 0.01) | (frequency > 0.1)] = 0
    signal = np.fft.irfft(spectrum, frames, axis=0)
    return signal / signal.std(axis=0)


class RestingState:
    """Resting-state runs of one cohort: common networks, subject axis, motion.

    Parameters
    ----------
    rng : Generator
        For what all subjects share.
    n_frames : int
        Number of frames.
    repetition_time : float
        Seconds between frames.
    """

    def __init__(self, rng: np.random.Generator, n_frames: int, repetition_time: float) -> None:
        self.frames, self.tr = n_frames, repetition_time
        self.networks = rng.normal(size=(6, len(PARCELS))) * 0.55
        self.position = np.linspace(-1, 1, len(PARCELS))[rng.permutation(len(PARCELS))]
        self.axis = np.array([p in AXIS_PARCELS for p in PARCELS], dtype=float)

    def run(
        self, rng: np.random.Generator, axis: float, fd: float, years: float, effects: Effects
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Parcel time series and fMRIPrep-style confounds of one subject."""
        steps = rng.normal(size=(self.frames - 1, 6)) * np.array([1, 1, 1, 0.01, 0.01, 0.01])
        steps *= np.where(rng.random(self.frames - 1) < 0.05, 4.0, 1.0)[:, None]
        # Power et al. 2012: translations plus rotations as arc length on a sphere of 50 mm.
        displacement = np.abs(steps[:, :3]).sum(axis=1) + 50 * np.abs(steps[:, 3:]).sum(axis=1)
        scale = fd / displacement.mean()
        parameters = np.vstack([np.zeros(6), np.cumsum(steps * scale, axis=0)])
        framewise = np.concatenate([[np.nan], displacement * scale])
        jerk = np.nan_to_num(framewise)[:, None]

        signal = band_limited(rng, self.frames, 6, self.tr) @ self.networks
        signal = signal * (1 - 0.05 * effects.age * years)
        signal += (
            band_limited(rng, self.frames, 1, self.tr) * self.axis * max(0.1, 0.7 + 0.45 * axis)
        )
        signal += 0.8 * band_limited(rng, self.frames, len(PARCELS), self.tr)
        tissue = band_limited(rng, self.frames, 2, self.tr)
        signal += 0.3 * tissue @ rng.uniform(0.3, 1.0, (2, len(PARCELS)))
        # Nearby parcels move together, distant ones apart.
        signal += effects.motion * 1.5 * jerk * (0.5 + self.position)
        signal += 0.3 * rng.normal(size=signal.shape)
        dvars = np.concatenate([[np.nan], np.sqrt((np.diff(signal, axis=0) ** 2).mean(axis=1))])
        confounds = pd.DataFrame(
            parameters, columns=["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
        )
        confounds["csf"], confounds["white_matter"] = 500 + 5 * tissue[:, 0], 800 + 5 * tissue[:, 1]
        confounds["framewise_displacement"] = framewise
        confounds["std_dvars"] = dvars / np.nanmedian(dvars)
        return pd.DataFrame(100 + signal, columns=PARCELS), confounds


def axis_edges() -> list[str]:
    """Edges whose connectivity follows the first axis."""
    return [f"{a}~{b}" for i, a in enumerate(AXIS_PARCELS) for b in AXIS_PARCELS[i + 1 :]]
