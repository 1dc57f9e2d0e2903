"""People with several blocks, labelled or not, on a common scale."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.exchangeability import Exchangeability
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.training import refuse_not_finite


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a block's features in training people who have the block.

    Attributes
    ----------
    mean, sd : ndarray (p,)
        The standard deviation of a constant feature is infinite, so that it becomes 0.
    """

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Scale:
        """Learn it from people who have the block (n, p)."""
        mean, sd = values.mean(axis=0), values.std(axis=0)
        return cls(mean, np.where(sd > 1e-9 * np.maximum(1, np.abs(mean)), sd, np.inf))

    def apply(self, values: np.ndarray, has: np.ndarray) -> np.ndarray:
        """Standardised values; people who lack the block get the mean, 0."""
        return np.where(has[:, None], (values - self.mean) / self.sd, 0)


@dataclass(frozen=True)
class Pairs:
    """Everybody whose blocks are trained on, whether an outcome is known or not.

    Attributes
    ----------
    features : dict of str to ndarray of float32 (n, p)
        Standardised.
    has : dict of str to ndarray of bool (n,)
        Who has the block.
    groups : ndarray of int (n,)
        Family.
    scales : dict of str to Scale
        What standardised them.
    """

    features: dict[str, np.ndarray]
    has: dict[str, np.ndarray]
    groups: np.ndarray
    scales: dict[str, Scale]

    @property
    def names(self) -> list[str]:
        """Blocks, in order."""
        return list(self.features)

    def take(self, rows: np.ndarray) -> Pairs:
        """The same for some of the people, by position."""
        return replace(
            self,
            features={name: X[rows] for name, X in self.features.items()},
            has={name: there[rows] for name, there in self.has.items()},
            groups=self.groups[rows],
        )

    def permuted(self, seed: int) -> Pairs:
        """Pairs that belong to nobody: every block after the first goes to other people.

        Families of one size change places as wholes and their members inside, so that brothers and
        sisters stay as alike as they are.

        Parameters
        ----------
        seed : int
            Of the permutation.

        Raises
        ------
        InputError
            If families allow one order only.
        """
        rng = np.random.default_rng(seed)
        related = len(np.unique(self.groups)) < len(self.groups)
        features = dict(self.features)
        for name in self.names[1:]:
            rows = np.flatnonzero(self.has[name])
            blocks = self.groups[rows] if related else None
            order = Exchangeability(blocks, len(rows)).draw(rng)
            features[name] = features[name].copy()
            features[name][rows] = self.features[name][rows[order]]
        return replace(self, features=features)

    def digest(self) -> str:
        """Name of the content: people, blocks, families."""
        found = hashlib.sha256()
        codes = np.unique(self.groups, return_inverse=True)[1]
        found.update(np.ascontiguousarray(codes.astype(np.int64)))
        for name, X in self.features.items():
            found.update(f"{name} {X.shape}".encode())
            found.update(np.ascontiguousarray(X))
            found.update(np.ascontiguousarray(self.has[name]))
        return found.hexdigest()[:16]


def gather_pairs(inputs: Inputs, unlabelled: Inputs | None, min_pairs: int) -> Pairs:
    """People with at least two blocks, of those with and without an outcome.

    Parameters
    ----------
    inputs : Inputs
        Training people.
    unlabelled : Inputs, optional
        People without an outcome; their families are numbered as those of `inputs`.
    min_pairs : int
        Fewest people that a block must share with the others.

    Returns
    -------
    Pairs

    Raises
    ------
    InputError
        If there is one block, columns differ, values are not finite, or pairs are too few.
    """
    names = list(inputs.features)
    if len(names) < 2:
        raise InputError(
            f"there is one block, '{names[0]}', and nothing to pair it with",
            remedy="Add a modality to the experiment, or leave this rung out.",
        )
    parts = [inputs] if unlabelled is None or not len(unlabelled) else [inputs, unlabelled]
    for part in parts:
        refuse_not_finite(part.features, part.columns)
        for name in names:
            if list(part.columns[name]) != list(inputs.columns[name]):
                raise InputError(
                    f"people without an outcome have other columns of block '{name}'",
                    remedy="Transform them with what was fitted on training people.",
                )
    has = {name: np.concatenate([part.has(name) for part in parts]) for name in names}
    paired = np.sum(list(has.values()), axis=0) >= 2
    for name in names:
        count = int((has[name] & paired).sum())
        if count < min_pairs:
            raise InputError(
                f"block '{name}' and another are both there in {count} people, and {min_pairs} "
                "are asked for",
                subjects=count,
                of=len(paired),
                remedy="Add people without an outcome, leave the block out, or lower min_pairs.",
            )
    features, scales = {}, {}
    for name in names:
        values = np.concatenate([part.features[name] for part in parts])[paired]
        there = has[name] = has[name][paired]
        scales[name] = Scale.of(values[there])
        features[name] = scales[name].apply(values, there).astype(np.float32)
    return Pairs(features, has, _families(parts)[paired], scales)


def _families(parts: list[Inputs]) -> np.ndarray:
    """Family of everybody; where a part says nothing of families, each person is one."""
    known = [part.families for part in parts if part.families is not None]
    unused = 1 + max((int(groups.max()) for groups in known if len(groups)), default=-1)
    found = []
    for part in parts:
        groups = part.families
        if groups is None:
            groups = np.arange(unused, unused + len(part))
            unused += len(part)
        found.append(groups)
    return np.concatenate(found)


def pairs_of(names: list[str]) -> list[tuple[str, str]]:
    """Every two blocks, once."""
    return list(combinations(names, 2))
