"""Blocks as tables of tokens: a unit (gene, parcel, window, channel) and its components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.pairs import Scale
from neurogenomics_kb.stats.ladder.training import refuse_not_finite

FEWEST_UNITS = 4


@dataclass(frozen=True)
class TokenPlan:
    """Where the columns of a block stand in its table of tokens.

    Attributes
    ----------
    units : list of str (T,)
        In order of first appearance.
    columns : ndarray of int (T, C)
        Column of a component; −1 where a unit has fewer than the longest.
    scale : Scale
        Of the columns, learned from training people.
    """

    units: list[str]
    columns: np.ndarray
    scale: Scale

    def apply(self, values: np.ndarray, has: np.ndarray) -> np.ndarray:
        """Tokens (n, T, C), standardised by column; 0 where there is no component or no block.

        Parameters
        ----------
        values : ndarray (n, p)
            Features of the block.
        has : ndarray of bool (n,)
            Who has it.
        """
        standard = self.scale.apply(values, has)
        # The last column stands for components that a unit lacks.
        return np.hstack([standard, np.zeros((len(standard), 1))])[:, self.columns]

    @property
    def there(self) -> np.ndarray:
        """Which components a unit has; bool (T, C)."""
        return self.columns >= 0


def plan_tokens(inputs: Inputs) -> dict[str, TokenPlan]:
    """Tables of tokens of all blocks.

    Parameters
    ----------
    inputs : Inputs
        Training people.

    Returns
    -------
    dict of str to TokenPlan

    Raises
    ------
    InputError
        If a block has scores of its projector in place of features, or fewer than four units.
    """
    refuse_not_finite(inputs.features, inputs.columns)
    return {
        name: TokenPlan(
            *_places(name, inputs.columns[name], _is_projected(inputs, name)),
            Scale.of(values[inputs.has(name)]),
        )
        for name, values in inputs.features.items()
    }


def _places(name: str, columns: Sequence[str], projected: bool) -> tuple[list[str], np.ndarray]:
    try:
        units = units_of(columns)
    except ValueError:
        projected, units = True, {}
    if projected or len(units) < FEWEST_UNITS:
        why = (
            "is given as scores of its projector, which are no tokens"
            if projected
            else f"has {len(units)} units, and tokens begin at {FEWEST_UNITS}"
        )
        raise InputError(
            f"block '{name}' {why}: attention over scores of blocks has gained nothing at any N",
            remedy="Give it features of genes, parcels, windows or channels, or leave hub tokens "
            "out; two towers and stacking take scores.",
        )
    width = max(map(len, units.values()))
    places = np.full((len(units), width), -1)
    for row, positions in enumerate(units.values()):
        places[row, : len(positions)] = positions
    return list(units), places


def _is_projected(inputs: Inputs, name: str) -> bool:
    scores = inputs.blocks.get(name)
    values = inputs.features[name]
    return scores is not None and (
        scores is values or (scores.shape == values.shape and np.array_equal(scores, values))
    )
