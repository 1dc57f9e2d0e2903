"""Small cohorts that break one assumption of a permutation test each, with no or a known axis.

Two blocks of a few columns, four sites, age and sex; straight lines of all three act on both
blocks, and so does what the settings plant. Used to measure what the default tests and their
warnings do where real cohorts differ from textbook ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Violation:
    """What is planted; by default nothing but straight lines of the confounds.

    Attributes
    ----------
    n : int
        People.
    columns : tuple of int
        Of the two blocks.
    axis : float
        True canonical correlation; 0 for none.
    age_squared, age_by_site, sex_by_age : float
        Added to every column of both blocks, age in standard deviations: this times age², ± this
        times age with the sign of the site, and this times ± age with the sign of the sex.
    one_sided : bool
        The three act on the first block only.
    site_scales : tuple of float
        Standard deviation of the noise by site.
    person_scale : float
        Standard deviation of the logarithm of one noise scale per person.
    tails : float or None
        Degrees of freedom of a multivariate t that both blocks share.
    family_sizes : tuple of int
        Sizes that families have, equally often; (1,) for unrelated people.
    likeness : tuple of float
        Share of the noise that members of a family have in common, one of them per family.
    extended : tuple of float or None
        Variances of extended families of five pairs of siblings: of the extended family, of the
        pair, of the person. `family_sizes` and `likeness` do not count then.
    """

    n: int = 150
    columns: tuple[int, int] = (6, 4)
    axis: float = 0.0
    age_squared: float = 0.0
    age_by_site: float = 0.0
    sex_by_age: float = 0.0
    one_sided: bool = False
    site_scales: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    person_scale: float = 0.0
    tails: float | None = None
    family_sizes: tuple[int, ...] = (1,)
    likeness: tuple[float, ...] = (0.0,)
    extended: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Violated:
    """A cohort; n people.

    Attributes
    ----------
    x, y : ndarray (n, p), (n, q)
    age, male : ndarray (n,)
    site, family, pair : ndarray of int (n,)
        ``pair`` is the sibship inside an extended family, elsewhere the person.
    """

    x: np.ndarray
    y: np.ndarray
    age: np.ndarray
    male: np.ndarray
    site: np.ndarray
    family: np.ndarray
    pair: np.ndarray


def simulate_violation(settings: Violation, seed: int) -> Violated:
    """Draw one cohort.

    Parameters
    ----------
    settings : Violation
        What is planted.
    seed : int
        Seed of the cohort.
    """
    rng = np.random.default_rng(seed)
    n, sites = settings.n, len(settings.site_scales)
    age, male = rng.normal(size=n), (rng.random(n) < 0.5).astype(float)
    site = rng.integers(sites, size=n)
    family, pair = _relatives(rng, settings)
    shares = _shares(rng, settings, family)
    x, y = (_noise(rng, columns, family, pair, shares) for columns in settings.columns)
    if settings.axis:
        x, y = _with_axis(rng, x, y, settings.axis)
    scale = np.array(settings.site_scales)[site] * np.exp(
        settings.person_scale * rng.normal(size=n)
    )
    if settings.tails is not None:
        scale = scale / np.sqrt(rng.chisquare(settings.tails, n) / settings.tails)
    signs = np.where(np.arange(sites) % 2, 1.0, -1.0)[site]
    curve = (
        settings.age_squared * age**2
        + settings.age_by_site * signs * age
        + settings.sex_by_age * (2 * male - 1) * age
    )
    lines = np.column_stack([age, male - 0.5, np.eye(sites)[site]])
    out = []
    for block, curved in ((x, True), (y, not settings.one_sided)):
        weights = 0.5 * rng.normal(size=(lines.shape[1], block.shape[1]))
        out.append(block * scale[:, None] + lines @ weights + curved * curve[:, None])
    return Violated(*out, age, male, site, family, pair)


def _relatives(rng: np.random.Generator, settings: Violation) -> tuple[np.ndarray, np.ndarray]:
    people = np.arange(settings.n)
    if settings.extended is not None:
        return people // 10, people // 2
    sizes = rng.choice(settings.family_sizes, settings.n)
    return np.repeat(people, sizes)[: settings.n], people


def _shares(rng, settings: Violation, family: np.ndarray) -> np.ndarray:
    """Variances (n, 3) of what family, pair and person have of their own."""
    if settings.extended is not None:
        return np.tile(settings.extended, (settings.n, 1))
    likeness = rng.choice(settings.likeness, settings.n)[family]
    return np.column_stack([likeness, np.zeros(settings.n), 1 - likeness])


def _noise(rng, columns: int, family: np.ndarray, pair: np.ndarray, shares: np.ndarray):
    n = len(family)
    parts = (
        rng.normal(size=(family.max() + 1, columns))[family],
        rng.normal(size=(pair.max() + 1, columns))[pair],
        rng.normal(size=(n, columns)),
    )
    return sum(np.sqrt(share)[:, None] * part for share, part in zip(shares.T, parts, strict=True))


def _with_axis(rng, x: np.ndarray, y: np.ndarray, r: float):
    """One direction of each block replaced by variables of correlation r."""
    a = rng.normal(size=len(x))
    b = r * a + np.sqrt(1 - r**2) * rng.normal(size=len(x))
    out = []
    for block, variate in ((x, a), (y, b)):
        direction = rng.normal(size=block.shape[1])
        direction /= np.linalg.norm(direction)
        out.append(block + np.outer(variate - block @ direction, direction))
    return out
