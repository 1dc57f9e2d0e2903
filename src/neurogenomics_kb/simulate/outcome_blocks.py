"""Blocks that tell a diagnosis: scales it was made from, and a diffuse signal of many features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class SymptomScales:
    """Scales that sum the diagnosis plus noise, as clinical questionnaires do.

    Attributes
    ----------
    n : int
        Subjects, half of them cases.
    scales : int
        Number of scales.
    auc : float
        AUC of the sum of all scales in the population.
    distress : float
        Share of the noise that all scales of a person have in common: distress without diagnosis.
        Default 0, noise of their own.
    """

    n: int = 200
    scales: int = 10
    auc: float = 0.95
    distress: float = 0.0


@dataclass(frozen=True)
class DiffuseBlock:
    """Many correlated features of which each tells little, as brain features do.

    Attributes
    ----------
    n : int
        Subjects, half of them cases.
    features : int
        Number of features.
    factors : int
        Common factors of the features: global size, lobes, networks.
    common : float
        Share of a feature's variance that the factors explain on average.
    auc : float
        AUC of the best linear combination in the population; cross-validation reaches less.
    spread : float
        Share of the signal that lies in the common factors; the rest is spread over the features.
    """

    n: int = 200
    features: int = 100
    factors: int = 8
    common: float = 0.5
    auc: float = 0.98
    spread: float = 0.3


def separation(auc: float) -> float:
    """Distance of two normal classes, in standard deviations, that gives an AUC."""
    return float(np.sqrt(2) * stats.norm.ppf(auc))


def draw_scales(settings: SymptomScales, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagnosis (n,) and scales (n, p).

    Parameters
    ----------
    settings : SymptomScales
        What is planted.
    seed : int
        Seed of the cohort.
    """
    rng = np.random.default_rng(seed)
    diagnosis = balanced(rng, settings.n)
    shared = settings.distress
    noise = np.sqrt(1 - shared) * rng.normal(size=(settings.n, settings.scales))
    noise += np.sqrt(shared) * rng.normal(size=(settings.n, 1))
    # Variance of the mean of all scales inside a class.
    inside = shared + (1 - shared) / settings.scales
    return diagnosis, noise + separation(settings.auc) * np.sqrt(inside) * diagnosis[:, None]


def draw_diffuse(settings: DiffuseBlock, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Diagnosis (n,) and features (n, p).

    Parameters
    ----------
    settings : DiffuseBlock
        What is planted.
    seed : int
        Seed of the cohort.
    """
    rng = np.random.default_rng(seed)
    n, p, k = settings.n, settings.features, settings.factors
    diagnosis = balanced(rng, n)
    # The first factor is global and has one sign; later ones are smaller and have both.
    sizes = 1 / np.arange(1, k + 1)
    loadings = rng.normal(size=(p, k))
    loadings[:, 0] = 1 + 0.3 * loadings[:, 0]
    loadings *= np.sqrt(sizes)
    loadings *= np.sqrt(settings.common / (loadings**2).sum(axis=1).mean())
    own = 1 - settings.common
    inside = loadings @ loadings.T + own * np.eye(p)
    common, specific = loadings @ rng.normal(size=k), rng.normal(size=p)
    shift = np.sqrt(settings.spread) * _unit(common, inside)
    shift = shift + np.sqrt(1 - settings.spread) * _unit(specific, inside)
    shift = separation(settings.auc) * _unit(shift, inside)
    features = rng.normal(size=(n, k)) @ loadings.T + np.sqrt(own) * rng.normal(size=(n, p))
    return diagnosis, features + diagnosis[:, None] * shift


def balanced(rng: np.random.Generator, n: int) -> np.ndarray:
    """Half cases, in random order."""
    return rng.permutation(np.arange(n) % 2).astype(float)


def _unit(shift: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A difference of means scaled to a Mahalanobis length of one."""
    return shift / np.sqrt(shift @ np.linalg.solve(inside, shift))
