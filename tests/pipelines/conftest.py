"""A small synthetic cohort as feature tables, without any file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.registry.cards import (
    Column,
    DatasetCard,
    EmbeddingStrategy,
    Experiment,
    HarmonizationMethod,
    Table,
)
from neurogenomics_kb.registry.recipe import Recipe

N_GENES, N_REGIONS = 6, 8


def make_strategy(card_id: str, modality: str, groups: list[str], dim: int = 64, **extra):
    return EmbeddingStrategy(
        id=card_id,
        modality=modality,
        features=groups,
        preprocessing=[
            {"step": "impute"},
            {"step": "zscore"},
            {"step": "residualize", "confounds": ["age", "sex", "site"], "optional": ["income"]},
        ],
        projector={"type": "pca", "dim": dim},
        **extra,
    )


def make_recipe(**experiment) -> Recipe:
    columns = {
        "age": Column(name="age", unit="years", range=(0, 120)),
        "sex": Column(name="sex", type="category", levels={"F": "female", "M": "male"}),
        "site": Column(name="site", type="category"),
        "income": Column(name="income"),
        "family": Column(name="family_id", type="text"),
        "diagnosis": Column(name="diagnosis", type="binary"),
        "score": Column(name="score"),
    }
    settings = {
        "id": "test",
        "dataset": "toy",
        "blocks": {"gene": "gene_v1", "brain": "brain_v1"},
        "outcome": "diagnosis",
        "associations": ["score"],
        "folds": {"scheme": "stratified_grouped", "n_splits": 4, "group": "family_id"},
        "exchangeability": "family_id",
        "analyses": ["cca", "prediction", "logo", "partial_correlations"],
        "n_permutations": 99,
        "n_components": 2,
        **experiment,
    }
    return Recipe(
        cohort="toy",
        experiment=Experiment(**settings),
        blocks={
            "gene": make_strategy("gene_v1", "genomics", ["kmer"]),
            "brain": make_strategy("brain_v1", "smri", ["thickness"]),
        },
        harmonization=HarmonizationMethod(id="none_baseline"),
        dataset=DatasetCard(
            id="toy", cohort="toy", tables={"participants": Table(file="p.tsv", columns=columns)}
        ),
        encoders={},
        cards={"gene_v1": "0" * 16, "brain_v1": "1" * 16},
    )


def make_cohort(n: int = 240, seed: int = 0, signal: float = 1.0):
    """Participants, features and quality of a toy cohort with one planted axis."""
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"sub-{i:04d}" for i in rng.permutation(n)], name="subject_id")
    age, male = rng.uniform(40, 80, n), rng.random(n) < 0.5
    site = rng.choice(["north", "south", "west"], n)
    family = [f"f{i // 2 if i < 40 else i}" for i in range(n)]
    shift = pd.Series({"north": 0.0, "south": 1.0, "west": -1.0})[site].to_numpy()
    confound = 0.05 * (age - 60) + 0.5 * male + shift
    axis = rng.normal(size=n)
    brain_axis = 0.7 * signal * axis + rng.normal(size=n) * np.sqrt(1 - (0.7 * signal) ** 2)
    genes = {
        f"genomics__kmer__G{g}__{c}": (axis * signal if g < 2 else 0)
        + rng.normal(size=n)
        + 0.3 * confound
        for g in range(N_GENES)
        for c in ("AAA", "AAC", "ACA")
    }
    regions = {
        f"smri__thickness__R{r}": (brain_axis * signal if r < 3 else 0)
        + rng.normal(size=n)
        + confound
        for r in range(N_REGIONS)
    }
    liability = signal * (axis + brain_axis) + 0.5 * confound + rng.normal(size=n)
    participants = pd.DataFrame(
        {
            "age": age,
            "sex": np.where(male, "male", "female"),
            "site": site,
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 6, n)),
            "family_id": family,
            "diagnosis": (liability > np.median(liability)).astype(float),
            "score": liability,
        },
        index=ids,
    )
    features = {
        "genomics": pd.DataFrame(genes, index=ids),
        "smri": pd.DataFrame(regions, index=ids),
    }
    checked = pd.DataFrame({"included": True, "reason": ""}, index=ids)
    quality = {"genomics": checked, "smri": checked.assign(etiv=1.5e6 + rng.normal(size=n) * 1e5)}
    for absent in ("dmri", "fmri", "eeg", "behaviour", "clinical"):
        features[absent] = pd.DataFrame(index=pd.Index([], name="subject_id"))
        quality[absent] = pd.DataFrame(index=pd.Index([], name="subject_id"))
    return participants, features, quality


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return make_recipe()


@pytest.fixture(scope="session")
def toy():
    return make_cohort()
