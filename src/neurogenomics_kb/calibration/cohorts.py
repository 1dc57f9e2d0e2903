"""Cohorts as feature tables, with every confound and no, or a known, signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.registry.cards import (
    Column,
    DatasetCard,
    EmbeddingStrategy,
    Experiment,
    HarmonizationMethod,
    Table,
)
from neurogenomics_kb.registry.recipe import Recipe

FAMILY_SHARE = 0.4


@dataclass(frozen=True)
class CohortSettings:
    """What a simulated cohort looks like.

    Attributes
    ----------
    n : int
        Subjects.
    genes, features_per_gene, regions : int
        Size of the two blocks.
    sites : int
    family_sizes : tuple of int
        Sizes that families have, equally often.
    ancestry : int
        Numeric confounds beside age, sex and site.
    confounding : float
        Strength of all confounds, on both blocks and on the outcome; 1 explains about half of a
        feature's variance.
    family : float
        Share of a feature's and of the liability's variance that families have in common.
    missing : float
        Share of missing features.
    tails : float or None
        Degrees of freedom of t-distributed features; None for normal ones.
    gene_brain, gene_outcome, brain_outcome : float
        Planted signal, in standard deviations of the noise; 0 is the null.
    prevalence : float
    """

    n: int = 160
    genes: int = 6
    features_per_gene: int = 3
    regions: int = 8
    sites: int = 4
    family_sizes: tuple[int, ...] = (1,)
    ancestry: int = 2
    confounding: float = 1.0
    family: float = FAMILY_SHARE
    missing: float = 0.0
    tails: float | None = None
    gene_brain: float = 0.0
    gene_outcome: float = 0.0
    brain_outcome: float = 0.0
    prevalence: float = 0.5


def simulate_tables(settings: CohortSettings, seed: int):
    """Participants, features and quality tables of one cohort.

    One generator draws everything in this order; the function is long so that the order, which
    every stored rate hangs on, can be read.

    Parameters
    ----------
    settings : CohortSettings
        What is planted, and how strongly.
    seed : int
        Seed of the cohort.

    Returns
    -------
    participants : DataFrame
    features, quality : dict of str to DataFrame
        By modality, as the modality pipelines give them.
    """
    rng = np.random.default_rng(seed)
    n = settings.n
    family = draw_families(rng, n, settings.family_sizes)
    site = rng.integers(settings.sites, size=family.max() + 1)[family]
    age, male = rng.uniform(-1.7, 1.7, n), rng.random(n) < 0.5
    ancestry = rng.normal(size=(family.max() + 1, settings.ancestry))[family]
    design = np.column_stack([age, male - 0.5, np.eye(settings.sites)[site], ancestry])

    def noise(columns: int) -> np.ndarray:
        own = rng.normal(size=(n, columns))
        shared = rng.normal(size=(family.max() + 1, columns))[family]
        values = np.sqrt(1 - settings.family) * own + np.sqrt(settings.family) * shared
        if settings.tails is not None:
            values /= np.sqrt(rng.chisquare(settings.tails, (n, columns)) / settings.tails)
        return values

    def confounded(columns: int) -> np.ndarray:
        weights = rng.normal(size=(design.shape[1], columns)) / np.sqrt(design.shape[1] / 2)
        return settings.confounding * design @ weights

    axis = noise(1)[:, 0] if settings.tails is None else rng.normal(size=n)
    other = settings.gene_brain * axis + rng.normal(size=n)
    p, q = settings.genes * settings.features_per_gene, settings.regions
    gene, brain = noise(p) + confounded(p), noise(q) + confounded(q)
    planted = 2 * settings.features_per_gene
    if settings.gene_brain or settings.gene_outcome:
        gene[:, :planted] += axis[:, None]
    if settings.gene_brain or settings.brain_outcome:
        brain[:, :2] += other[:, None]
    liability = (
        noise(1)[:, 0]
        + confounded(1)[:, 0]
        + settings.gene_outcome * axis
        + settings.brain_outcome * other
    )
    ids = pd.Index([f"sub-{i:05d}" for i in range(n)], name=SUBJECT)
    participants = pd.DataFrame(
        {
            "age": 60 + 10 * age,
            "sex": np.where(male, "male", "female"),
            "site": [f"site{s}" for s in site],
            **{f"pc{k + 1}": ancestry[:, k] for k in range(settings.ancestry)},
            "batch": [f"b{b}" for b in rng.integers(3, size=family.max() + 1)[family]],
            "family_id": [f"fam{f}" for f in family],
            "diagnosis": (liability > np.quantile(liability, 1 - settings.prevalence)).astype(
                float
            ),
            "score": liability,
        },
        index=ids,
    )
    for block in (gene, brain):
        block[rng.random(block.shape) < settings.missing] = np.nan
    genes = [f"genomics__kmer__G{g}__f{f}" for g in range(settings.genes)
             for f in range(settings.features_per_gene)]  # fmt: skip
    regions = [f"smri__thickness__R{r}" for r in range(q)]
    features = {
        "genomics": pd.DataFrame(gene, index=ids, columns=genes),
        "smri": pd.DataFrame(brain, index=ids, columns=regions),
    }
    quality = {m: pd.DataFrame({"included": True, "reason": ""}, index=ids) for m in features}
    for absent in ("dmri", "fmri", "eeg", "behaviour", "clinical"):
        features[absent] = pd.DataFrame(index=pd.Index([], name=SUBJECT))
        quality[absent] = pd.DataFrame(index=pd.Index([], name=SUBJECT))
    return participants, features, quality


def draw_families(rng: np.random.Generator, n: int, sizes: tuple[int, ...]) -> np.ndarray:
    """Family number of every subject."""
    family = np.repeat(np.arange(n), rng.choice(sizes, n))[:n]
    return family


def make_recipe(
    settings: CohortSettings, *, text_columns: tuple[str, ...] = (), **experiment
) -> Recipe:
    """Recipe of two blocks with the confounds of the simulated cohort.

    The function is long because it writes every card out.

    Parameters
    ----------
    settings : CohortSettings
        Whose columns the dataset card describes.
    text_columns : tuple of str
        Further columns of names.
    **experiment
        What differs in the experiment.
    """
    numeric = [f"pc{k + 1}" for k in range(settings.ancestry)]
    confounds = ["age", "sex", "site", *numeric]
    columns = {
        "age": Column(name="age", range=(0, 120)),
        "sex": Column(name="sex", type="category"),
        "site": Column(name="site", type="category", role="site"),
        "batch": Column(name="batch", type="category", role="batch"),
        **{name: Column(name=name) for name in numeric},
        **{name: Column(name=name, type="text") for name in ("family_id", *text_columns)},
        "diagnosis": Column(name="diagnosis", type="binary"),
        "score": Column(name="score"),
    }
    related = max(settings.family_sizes) > 1
    chosen = {
        "id": "calibration",
        "dataset": "simulated",
        "blocks": {"gene": "gene_v1", "brain": "brain_v1"},
        "outcome": "diagnosis",
        "folds": {"scheme": "stratified_grouped", "n_splits": 5, "group": "family_id"}
        if related
        else {"scheme": "stratified", "n_splits": 5},
        "exchangeability": "family_id" if related else None,
        "algorithms": ["linear"],
        "n_permutations": 99,
        # Tests stop early as in every run. Going on where p is small changes no decision at 0.05.
        "max_permutations": experiment.get("n_permutations", 99),
        "n_components": 2,
        "n_bootstraps": 0,
        **experiment,
    }
    strategies = {
        name: EmbeddingStrategy(
            id=f"{name}_v1",
            modality=modality,
            features=[group],
            preprocessing=[
                {"step": "impute"},
                {"step": "zscore"},
                {"step": "residualize", "confounds": confounds},
            ],
            projector={"type": "pca", "dim": 512},
        )
        for name, modality, group in (
            ("gene", "genomics", "kmer"),
            ("brain", "smri", "thickness"),
        )
    }
    return Recipe(
        cohort="simulated",
        experiment=Experiment(**chosen),
        blocks=strategies,
        harmonization=HarmonizationMethod(id="none_baseline"),
        dataset=DatasetCard(
            id="simulated",
            cohort="simulated",
            tables={"participants": Table(file="participants.tsv", columns=columns)},
        ),
        encoders={},
        cards={},
    )
