"""What a rung of the ladder sees of people, and what it offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from neurogenomics_kb.foundation.errors import InputError

Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Inputs:
    """Blocks of the same people, as one training fold made them.

    Everything in here was fitted on training people of the fold; confounds are out of both forms
    of a block.

    Parameters
    ----------
    blocks : mapping of str to ndarray (n, d)
        Every block as its projector gives it: what late fusion sees. Rows of people who lack the
        block are the training mean.
    features : mapping of str to ndarray (n, p)
        The same blocks before the projector, one column per feature, the training
        mean where people lack the block.
    columns : mapping of str to list of str (p,)
        Names of these features (``<modality>__<group>__<unit>[__<component>]``).
    groups : ndarray of int (n,), optional
        What stays in one fold: family, child with several visits, or site; None where people are
        free.
    present : mapping of str to ndarray of bool (n,)
        Who has the block; empty where everybody has all.
    kin : ndarray of int (n,), optional
        Family, or child with several visits, where `groups` are something else, such as sites;
        by default the groups.
    """

    blocks: Mapping[str, np.ndarray]
    features: Mapping[str, np.ndarray]
    columns: Mapping[str, Sequence[str]]
    groups: np.ndarray | None = None
    present: Mapping[str, np.ndarray] = field(default_factory=dict)
    kin: np.ndarray | None = None

    def __post_init__(self) -> None:
        sizes = {len(A) for A in (*self.blocks.values(), *self.features.values())}
        if len(sizes) > 1:
            raise InputError(
                f"blocks have {sorted(sizes)} rows",
                remedy="Give every block the same people in the same order.",
            )

    def __len__(self) -> int:
        return len(next(iter(self.features.values())))

    @property
    def families(self) -> np.ndarray | None:
        """Who are relatives (n,); None where nobody is."""
        return self.groups if self.kin is None else self.kin

    @property
    def names(self) -> list[str]:
        """Blocks, in order."""
        return list(self.blocks)

    def has(self, block: str) -> np.ndarray:
        """Who has a block (n,)."""
        return self.present[block] if block in self.present else np.ones(len(self), dtype=bool)

    def take(self, rows: np.ndarray) -> Inputs:
        """The same for some of the people.

        Parameters
        ----------
        rows : ndarray
            Positions, or a mask.
        """
        return replace(
            self,
            blocks={name: A[rows] for name, A in self.blocks.items()},
            features={name: A[rows] for name, A in self.features.items()},
            groups=None if self.groups is None else self.groups[rows],
            kin=None if self.kin is None else self.kin[rows],
            present={name: there[rows] for name, there in self.present.items()},
        )

    def only(self, names: Sequence[str]) -> Inputs:
        """The same with some of the blocks.

        Parameters
        ----------
        names : sequence of str
            Blocks that stay, in this order.
        """
        return replace(
            self,
            blocks={name: self.blocks[name] for name in names},
            features={name: self.features[name] for name in names},
            columns={name: self.columns[name] for name in names},
            present={name: self.present[name] for name in names if name in self.present},
        )

    def concatenated(self) -> np.ndarray:
        """All projected blocks side by side (n, sum of d)."""
        return np.hstack(list(self.blocks.values()))

    def parts(self) -> np.ndarray:
        """Number of the block of every column of `concatenated`, from 0."""
        widths = [A.shape[1] for A in self.blocks.values()]
        return np.repeat(np.arange(len(widths)), widths)


class Rung(Protocol):
    """A procedure that predicts an outcome from several blocks.

    Attributes
    ----------
    controls : dict of str to Rung
        What stands beside it to tell where a gain comes from; controls are fitted on the outer
        folds alone and are never chosen.
    history : list of dict
        After `fit`: training curves, one row per step (``epoch``, ``loss``, ``validation``, …);
        empty for procedures without.
    """

    controls: Mapping[str, Rung]
    history: list[dict[str, Any]]

    def fit(
        self, inputs: Inputs, y: np.ndarray, splits: Splits, unlabelled: Inputs | None = None
    ) -> Rung:
        """Fit training people.

        Parameters
        ----------
        inputs : Inputs
            Training people (n).
        y : ndarray (n,)
            0/1, or a score.
        splits : list of (train, test)
            Inner folds as positions in the training people; relatives stay together.
        unlabelled : Inputs, optional
            People with the blocks and without an outcome, none of them a relative of a test person.
        """
        ...

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probability of the larger class, or predicted score (n,)."""
        ...
