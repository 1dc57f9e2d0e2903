"""Random numbers of people who have siblings, and the cohorts made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.naming import feature_name

LIKENESS = 0.5
FAMILY_SD = 0.5
SIBSHIPS = ([1, 2, 3, 4], [0.4, 0.35, 0.15, 0.1])
# Prefix of the columns of a block: modality, group, letter of the unit.
GENE, BRAIN = ("genomics", "planted", "g"), ("fmri", "planted", "r")


@dataclass(frozen=True)
class LadderCohort:
    """People with two blocks; those without an outcome apart.

    Attributes
    ----------
    blocks : dict of str to DataFrame (n, p)
        ``gene`` and ``brain``, index ``subject_id``, columns by the grammar of features. Rows of
        people who lack the block are missing values.
    y : ndarray of int (n,)
        Outcome, 0 or 1.
    groups : ndarray of int (n,) or None
        Family; None in cohorts of unrelated people.
    unlabelled : dict of str to DataFrame (m, p)
        The blocks of people without an outcome; empty where there are none.
    unlabelled_groups : ndarray of int (m,) or None
        Their families, none of them a family of people with an outcome.
    present : dict of str to ndarray of bool (n,)
        Who has a block; empty where everybody has all.
    """

    blocks: dict[str, pd.DataFrame]
    y: np.ndarray
    groups: np.ndarray | None = None
    unlabelled: dict[str, pd.DataFrame] = field(default_factory=dict)
    unlabelled_groups: np.ndarray | None = None
    present: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class SeriesCohort:
    """Series of one run a person, at one repetition time a site.

    Attributes
    ----------
    series : list of ndarray (frames, channels)
        As many frames as fit into the common length in seconds.
    tr : ndarray (n,)
        Repetition time, seconds.
    site : ndarray of int (n,)
        Scanner; two of them have each repetition time.
    y : ndarray of int (n,)
        Outcome.
    groups : ndarray of int (n,) or None
        Family.
    """

    series: list[np.ndarray]
    tr: np.ndarray
    site: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None = None


class Draw:
    """Random numbers of one cohort, whose families resemble one another.

    Parameters
    ----------
    seed : int
        Seed of the cohort.
    n : int
        People.
    families : bool or None
        Whether they have siblings; None gives siblings to odd seeds.

    Attributes
    ----------
    rng : numpy.random.Generator
        For what families do not share.
    groups : ndarray of int (n,) or None
        Family, in rising order.
    """

    def __init__(self, seed: int, n: int, families: bool | None) -> None:
        self.rng = np.random.default_rng(seed)
        self.n = n
        related = bool(seed % 2) if families is None else families
        self.groups: np.ndarray | None = None
        if related:
            sizes = self.rng.choice(SIBSHIPS[0], n, p=SIBSHIPS[1])
            self.groups = np.repeat(np.arange(n), sizes)[:n]

    def normal(self, columns: int) -> np.ndarray:
        """Standard normal values (n, columns), alike in families."""
        own = self.rng.normal(size=(self.n, columns))
        if self.groups is None:
            return own
        shared = self.rng.normal(size=(self.groups[-1] + 1, columns))[self.groups]
        return np.sqrt(LIKENESS) * shared + np.sqrt(1 - LIKENESS) * own

    def outcome(self, score: np.ndarray) -> np.ndarray:
        """0 or 1 (n,) by the logistic function of a score and the family."""
        if self.groups is not None:
            score = score + FAMILY_SD * self.rng.normal(size=self.groups[-1] + 1)[self.groups]
        return (self.rng.random(self.n) < 1 / (1 + np.exp(-score))).astype(int)

    def axis(self, block: np.ndarray) -> np.ndarray:
        """Values (n,) along a random direction of length 1."""
        direction = self.rng.normal(size=block.shape[1])
        return block @ (direction / np.linalg.norm(direction))

    def table(self, values: np.ndarray, names: tuple[str, str, str], components: int = 1):
        """A block with `components` columns a unit."""
        modality, group, letter = names
        units = values.shape[1] // components
        columns = [
            feature_name(
                modality, group, f"{letter}{u:03d}", None if components == 1 else f"c{c:02d}"
            )
            for u in range(units)
            for c in range(components)
        ]
        people = pd.Index([f"P{i:05d}" for i in range(self.n)], name="subject_id")
        return pd.DataFrame(values, index=people, columns=columns)

    def cohort(self, gene: np.ndarray, brain: np.ndarray, score: np.ndarray) -> LadderCohort:
        """Two blocks of one column a unit, and the outcome of a score."""
        blocks = {"gene": self.table(gene, GENE), "brain": self.table(brain, BRAIN)}
        return LadderCohort(blocks, self.outcome(score), self.groups)
