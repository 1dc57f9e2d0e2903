"""A longitudinal cohort of children with a planted truth: waves, siblings, attrition, diagnoses.

Raw tables under the names and in the layout of a BIDS folder, with what such cohorts bring along:
scanners that change, ages that spread within a wave, missed waves and instruments, and everything
growing with age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.simulate.imaging import (
    AXIS_THICKNESS,
    AXIS_VOLUME,
    DESIKAN_KILLIANY,
    HEMISPHERES,
    MIDLINE,
    SUBCORTICAL,
)
from neurogenomics_kb.simulate.people import standardise

WAVES = {"ses-1": (24, 40), "ses-2": (42, 58), "ses-3": (62, 80)}  # months
ATTENDANCE = {"ses-1": 1.0, "ses-2": 0.85, "ses-3": 0.65}
DIAGNOSES = {
    "typical": 0.5, "autism": 0.14, "adhd": 0.14, "developmental_delay": 0.12,
    "language_disorder": 0.1,
}  # fmt: skip
SCANNERS = ["prisma", "skyra"]
# Shift of each latent factor (language, social, attention, motor, emotion, adaptive) by diagnosis.
FACTORS = ["language", "social", "attention", "motor", "emotion", "adaptive"]
SHIFTS = {
    "typical": [0, 0, 0, 0, 0, 0],
    "autism": [-0.6, -1.5, -0.4, -0.3, -0.4, -0.8],
    "adhd": [-0.2, -0.2, -1.5, -0.2, -0.5, -0.3],
    "developmental_delay": [-1.2, -0.5, -0.5, -1.2, -0.2, -1.3],
    "language_disorder": [-1.5, -0.3, -0.1, -0.2, -0.1, -0.4],
}
ITEMS = 8
CHANNELS = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2"]
# Left to right and back to front, in units of neighbouring electrodes.
POSITIONS = np.array(
    [[-0.5, 2], [0.5, 2], [-0.8, 1], [0.8, 1], [-0.9, 0], [0.9, 0], [-0.5, -1.5], [0.5, -1.5]]
)
RATE = 128.0  # Hz
BRAIN_FACTOR = 0.55
MEAN_ETIV = 1.3e6


@dataclass(frozen=True)
class ChildrenSettings:
    """Size and seed of the cohort.

    Attributes
    ----------
    n_children : int
    seed : int
    eeg_seconds : float
        Length of a recording; 0 leaves EEG out.
    eeg_share : float
        Share of visits with a recording.
    effects : float
        Multiplies what brain, EEG and behaviour share beyond age, sex and scanner; 0 is the null.
    """

    n_children: int = 160
    seed: int = 1
    eeg_seconds: float = 70.0
    eeg_share: float = 0.7
    effects: float = 1.0


@dataclass(frozen=True)
class Children:
    """Raw tables of the cohort.

    Attributes
    ----------
    participants, sessions : DataFrame
    phenotypes : dict of str to DataFrame
        File name to table.
    freesurfer : dict of str to DataFrame
        File name to table, one row per visit.
    euler : DataFrame
    recordings : dict of tuple to ndarray
        (subject, session) to signals in volts (channels, times).
    truth : dict
    """

    participants: pd.DataFrame
    sessions: pd.DataFrame
    phenotypes: dict[str, pd.DataFrame]
    freesurfer: dict[str, pd.DataFrame]
    euler: pd.DataFrame
    recordings: dict[tuple[str, str], np.ndarray]
    truth: dict


def simulate_children(settings: ChildrenSettings) -> Children:
    """Draw the cohort."""
    rng = np.random.default_rng(settings.seed)
    children, factors = draw_children(rng, settings)
    visits = draw_visits(rng, children)
    who = children.index.get_indexer(visits["participant_id"])
    factor = factors[who]
    # What brain and EEG share with behaviour is a trait of the child.
    shared = settings.effects * BRAIN_FACTOR
    axis = shared * standardise(factors[:, 0]) + np.sqrt(1 - BRAIN_FACTOR**2) * rng.normal(
        size=len(children)
    )
    maturity = shared * standardise(factors[:, 2]) + np.sqrt(1 - BRAIN_FACTOR**2) * rng.normal(
        size=len(children)
    )
    freesurfer = brain_tables(rng, visits, axis[who], children["sex"].to_numpy()[who])
    recordings = {}
    if settings.eeg_seconds:
        for row, visit in enumerate(visits.itertuples()):
            if rng.random() < settings.eeg_share:
                recordings[visit.participant_id, visit.session_id] = record(
                    rng, visit.age_months, maturity[who[row]], settings.eeg_seconds
                )
    names = (visits["participant_id"] + "_" + visits["session_id"]).to_list()
    euler = -2 * rng.poisson(15, (len(visits), 2))
    poor = rng.choice(len(visits), max(1, len(visits) // 40), replace=False)
    euler[poor] -= 2 * rng.integers(110, 160, (len(poor), 2))
    return Children(
        participants=children.drop(columns="scanner").reset_index(),
        sessions=visits.drop(columns="years"),
        phenotypes=rate(rng, visits, factor),
        freesurfer={file: table.set_axis(names) .rename_axis(table.index.name)
                    for file, table in freesurfer.items()},
        euler=pd.DataFrame(
            {"participant_id": names, "euler_lh": euler[:, 0], "euler_rh": euler[:, 1]}
        ),
        recordings=recordings,
        truth={
            "factors": FACTORS,
            "brain": {"factor": "language", "correlation": shared,
                      "regions": [*AXIS_THICKNESS, *AXIS_VOLUME]},
            "eeg": {"factor": "attention", "measure": "peak alpha frequency"},
        },
    )  # fmt: skip


def draw_children(
    rng: np.random.Generator, settings: ChildrenSettings
) -> tuple[pd.DataFrame, np.ndarray]:
    """Children with families and diagnoses, and their latent factors (n, 6)."""
    n = settings.n_children
    sizes: list[int] = []
    while sum(sizes) < n:
        sizes.append(min(int(rng.choice([1, 2], p=[0.85, 0.15])), n - sum(sizes)))
    family = np.repeat(np.arange(len(sizes)), sizes)
    diagnosis = rng.choice(list(DIAGNOSES), n, p=list(DIAGNOSES.values()))
    shift = np.array([SHIFTS[d] for d in diagnosis])
    home = rng.normal(size=(len(sizes), len(FACTORS)))[family]
    general = rng.normal(size=(n, 1))
    own = rng.normal(size=(n, len(FACTORS)))
    factors = shift + 0.4 * home + 0.4 * general + 0.8 * own
    delayed = (diagnosis == "developmental_delay") | (
        (diagnosis == "autism") & (rng.random(n) < 0.4)
    )
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{i + 1:03d}" for i in range(n)],
            "sex": np.where(rng.random(n) < 0.62, "M", "F"),
            "family_id": [f"fam-{f + 1:03d}" for f in family],
            "diagnosis": diagnosis,
            "developmental_delay": delayed.astype(int),
            "scanner": rng.choice(SCANNERS, n, p=[0.6, 0.4]),
        }
    )
    return table.set_index("participant_id"), factors


def draw_visits(rng: np.random.Generator, children: pd.DataFrame) -> pd.DataFrame:
    """Waves that each child came to; a missed wave does not end it."""
    rows = []
    start = pd.Timestamp("2018-01-15")
    for subject, child in children.iterrows():
        enrolled = start + pd.Timedelta(days=int(rng.integers(0, 1400)))
        born = None
        for wave, (low, high) in WAVES.items():
            if rng.random() > ATTENDANCE[wave]:
                continue
            age = float(np.round(rng.uniform(low, high), 1))
            born = enrolled - pd.Timedelta(days=30.44 * age) if born is None else born
            moved = rng.random() < 0.15
            scanner = SCANNERS[1 - SCANNERS.index(child["scanner"])] if moved else child["scanner"]
            rows.append(
                {
                    "participant_id": subject,
                    "session_id": wave,
                    "age_months": age,
                    "site": scanner,
                    "enrolment_year": enrolled.year,
                }
            )
    table = pd.DataFrame(rows)
    table["years"] = table["age_months"] / 12
    return table


def brain_tables(
    rng: np.random.Generator, visits: pd.DataFrame, axis: np.ndarray, sex: np.ndarray
) -> dict[str, pd.DataFrame]:
    """Tables of ``aparcstats2table``; volumes grow and slow down, cortex thins."""
    years = visits["years"].to_numpy()
    n = len(visits)
    growth = 1 - 0.45 * np.exp(-years / 1.8)  # share of the size at school age
    male = (sex == "M").astype(float)
    scanner = visits["site"].map({s: i for i, s in enumerate(SCANNERS)}).to_numpy()
    _, child = np.unique(visits["participant_id"], return_inverse=True)
    size = rng.normal(0, 0.07, child.max() + 1)[child]
    etiv = MEAN_ETIV * growth * (1 + 0.08 * (male - 0.5) + size)
    cortex = [f"{h}_{r}" for h in HEMISPHERES for r in DESIKAN_KILLIANY]

    def regions(names: list[str], on_axis: list[str]) -> np.ndarray:
        """Deviations in standard units: axis, child, scanner, visit."""
        p = len(names)
        loading = np.array([0.7 if name in on_axis else 0.0 for name in names])
        lasting = rng.normal(size=(child.max() + 1, p))[child]
        shift = rng.normal(0, 0.5, (len(SCANNERS), p))[scanner]
        return np.outer(axis, loading) + 0.7 * lasting + 0.35 * rng.normal(size=(n, p)) + shift

    thickness = (
        np.tile(rng.uniform(2.6, 3.6, 34), 2)
        - 0.04 * years[:, None]
        + 0.13 * regions(cortex, AXIS_THICKNESS)
    )
    volume = np.tile(rng.uniform(1500, 16000, 34), 2) * (etiv / MEAN_ETIV)[:, None] ** 0.8
    volume *= 1 + 0.08 * regions(cortex, AXIS_VOLUME)
    names = [f"{s}-{r}" for s in ("Left", "Right") for r in SUBCORTICAL] + list(MIDLINE)
    means = np.array([*SUBCORTICAL.values()] * 2 + [*MIDLINE.values()])
    inner = means * (etiv / MEAN_ETIV)[:, None] ** 0.7 * (1 + 0.08 * regions(names, []))
    tables = {}
    for k, hemisphere in enumerate(HEMISPHERES):
        part = slice(34 * k, 34 * (k + 1))
        for measure, values, digits in (("thickness", thickness, 3), ("volume", volume, 0)):
            columns = [f"{hemisphere}_{r}_{measure}" for r in DESIKAN_KILLIANY]
            table = pd.DataFrame(np.round(values[:, part], digits), columns=columns)
            table["eTIV"] = np.round(etiv, 1)
            header = f"{hemisphere}.aparc.{measure}"
            tables[f"{header}.tsv"] = table.rename_axis(header)
    aseg = pd.DataFrame(np.round(np.clip(inner, 50, None), 1), columns=names)
    aseg["EstimatedTotalIntraCranialVol"] = np.round(etiv, 1)
    tables["aseg.volume.tsv"] = aseg.rename_axis("Measure:volume")
    return tables


def rate(
    rng: np.random.Generator, visits: pd.DataFrame, factor: np.ndarray
) -> dict[str, pd.DataFrame]:
    """One instrument per factor; items from 0 to 10 that rise with age, with gaps."""
    n = len(visits)
    out = {}
    for k, name in enumerate(FACTORS):
        loading = rng.uniform(0.6, 0.9, ITEMS)
        state = factor[:, k] + 0.3 * rng.normal(size=n)
        latent = np.outer(state, loading) + 0.6 * rng.normal(size=(n, ITEMS))
        latent += 0.35 * (visits["years"].to_numpy()[:, None] - 4)
        items = np.clip(np.round(5 + 1.6 * latent), 0, 10)
        items[rng.random(items.shape) < 0.03] = np.nan
        table = visits[["participant_id", "session_id"]].reset_index(drop=True)
        names = [f"{name}_{i + 1:02d}" for i in range(ITEMS)]
        table = pd.concat([table, pd.DataFrame(items, columns=names)], axis=1)
        # Whole instruments are missed more often in the earliest wave.
        missed = rng.random(n) < np.where(visits["session_id"] == "ses-1", 0.12, 0.05)
        out[f"{name}.tsv"] = table[~missed].reset_index(drop=True)
    return out


def record(
    rng: np.random.Generator, age_months: float, maturity: float, seconds: float
) -> np.ndarray:
    """Resting EEG in volts: pink noise and an alpha rhythm that quickens with age."""
    n = int(seconds * RATE)
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    shape = np.zeros(len(frequency))
    shape[1:] = frequency[1:] ** -0.6
    noise = rng.normal(size=(len(CHANNELS), len(frequency))) + 1j * rng.normal(
        size=(len(CHANNELS), len(frequency))
    )
    peak = 7.0 + 0.035 * (age_months - 30) + 0.45 * maturity
    rhythm = rng.normal(size=len(frequency)) + 1j * rng.normal(size=len(frequency))
    rhythm *= np.exp(-0.5 * ((frequency - peak) / 0.6) ** 2)
    back = np.array([0.3, 0.3, 0.5, 0.5, 0.9, 0.9, 1.6, 1.6])
    # Volume conduction: neighbouring electrodes see the same sources.
    apart = np.linalg.norm(POSITIONS[:, None] - POSITIONS[None], axis=2)
    signal = np.exp(-apart) @ np.fft.irfft(noise * shape, n) * 0.35 * n / 40
    alpha = np.fft.irfft(rhythm, n) * n / 90
    signals = signal + back[:, None] * alpha
    return signals / np.median(signals.std(axis=1)) * 12e-6
