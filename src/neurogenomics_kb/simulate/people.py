"""Families, demography, latent axes, diagnosis, and the polygenic scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.simulate.settings import Effects

SITES = ["cheadle", "reading", "newcastle", "bristol"]
SITE_SHARES = [0.4, 0.28, 0.22, 0.1]
BATCHES = ["B1", "B2", "B3"]
MAJOR_ANCESTRY = 0.75
# Far above what common variants do to a brain; the demo must show its effects at a few hundred.
GENE_BRAIN_CORRELATION = 0.75
TRAITS = [
    "mdd", "neuroticism", "insomnia", "bipolar", "schizophrenia", "adhd", "autism", "alcohol",
    "smoking", "bmi", "height", "education", "intelligence", "risk", "loneliness", "wellbeing",
    "chronotype", "pain", "diabetes", "cad",
]  # fmt: skip


@dataclass(frozen=True)
class People:
    """Who takes part; arrays over subjects."""

    ancestry: np.ndarray
    family: np.ndarray
    age: np.ndarray
    male: np.ndarray
    site: np.ndarray


def draw_people(rng: np.random.Generator, n: int) -> People:
    """Singletons, sib pairs and a few trios of two ancestries."""
    sizes: list[int] = []
    while sum(sizes) < n:
        sizes.append(min(int(rng.choice([1, 2, 3], p=[0.9, 0.085, 0.015])), n - sum(sizes)))
    family = np.repeat(np.arange(len(sizes)), sizes)
    ancestry = (rng.random(len(sizes)) >= MAJOR_ANCESTRY).astype(int)[family]
    return People(
        ancestry=ancestry,
        family=family,
        age=np.round(rng.uniform(42, 80, n), 1),
        male=rng.random(n) < 0.48,
        site=rng.choice(len(SITES), n, p=SITE_SHARES),
    )


def standardise(values: np.ndarray) -> np.ndarray:
    """Mean 0, standard deviation 1; constant stays 0."""
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def gene_axis(dosages: list[np.ndarray], ancestry: np.ndarray) -> np.ndarray:
    """Sum of haplogroup dosages, standardised within ancestry so that ancestry is not in it."""
    total = np.zeros(len(ancestry))
    for dosage in dosages:
        for group in np.unique(ancestry):
            rows = ancestry == group
            total[rows] += standardise(dosage[rows].astype(float))
    return standardise(total)


def gene_brain_correlation(effects: Effects) -> float:
    """Correlation planted between the two sides of an axis; large multipliers end at 0.95."""
    return min(GENE_BRAIN_CORRELATION * effects.gene_brain, 0.95)


def brain_axis(
    rng: np.random.Generator, gene: np.ndarray, family: np.ndarray, effects: Effects
) -> np.ndarray:
    """Brain side of an axis: the gene side, what siblings share, and the rest."""
    rho = gene_brain_correlation(effects)
    shared = rng.normal(size=int(family.max()) + 1)[family]
    rest = np.sqrt(0.2) * shared + np.sqrt(0.8) * rng.normal(size=len(gene))
    return rho * gene + np.sqrt(1 - rho**2) * standardise(rest)


def draw_liability(
    rng: np.random.Generator,
    people: People,
    genes: list[np.ndarray],
    brains: list[np.ndarray],
    effects: Effects,
) -> np.ndarray:
    """Liability to depression."""
    shared = rng.normal(size=int(people.family.max()) + 1)[people.family]
    site = np.array([0.25, -0.25, 0.0, 0.3])[people.site]
    return (
        0.6 * effects.gene_diagnosis * sum(genes)
        + 0.25 * effects.brain_diagnosis * sum(brains)
        - 0.35 * effects.sex * people.male
        - 0.012 * effects.age * (people.age - 60)
        + effects.site * site
        + 0.25 * effects.ancestry * people.ancestry
        + 0.3 * shared
        + 0.85 * rng.normal(size=len(people.age))
    )


def draw_batch(rng: np.random.Generator, case: np.ndarray, effects: Effects) -> np.ndarray:
    """Sequencing batch; cases are over-represented in the last one."""
    tilt = 0.12 * effects.batch * case
    shares = np.column_stack([0.4 - tilt / 2, 0.35 - tilt / 2, 0.25 + tilt])
    return (rng.random(len(case))[:, None] > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)


def draw_income(
    rng: np.random.Generator, liability: np.ndarray, age: np.ndarray, effects: Effects
) -> np.ndarray:
    """Household income in five classes, one in ten not answered."""
    years = effects.age * (age - 60)
    latent = -0.3 * standardise(liability) - 0.01 * years + rng.normal(size=len(age))
    classes = 1 + np.searchsorted(np.quantile(latent, [0.2, 0.4, 0.6, 0.8]), latent)
    return np.where(rng.random(len(age)) < 0.1, np.nan, classes)


def polygenic_scores(
    rng: np.random.Generator, genes: list[np.ndarray], people: People, effects: Effects
) -> pd.DataFrame:
    """Twenty scores; that of depression knows a little of the gene axes, all know ancestry."""
    n = len(people.ancestry)
    scores = {}
    for trait in TRAITS:
        own = 0.35 * effects.gene_diagnosis * sum(genes) if trait == "mdd" else 0.0
        drift = rng.normal(0, 0.5) * effects.ancestry
        scores[f"PGS_{trait}"] = own + drift * people.ancestry + rng.normal(size=n)
    table = pd.DataFrame(scores)
    gaps = rng.random(table.shape) < 0.01
    return table.mask(gaps)
