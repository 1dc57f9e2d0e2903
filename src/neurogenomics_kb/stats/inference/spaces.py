"""Which residual space an exchangeability structure asks for, and how its rows may move."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurogenomics_kb.foundation.choices import Choices
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Level
from neurogenomics_kb.stats.inference.family_space import FamilySpace, sibling_structure
from neurogenomics_kb.stats.inference.residual_space import (
    HuhJhun,
    ResidualSpace,
    Theil,
    expendable_rows,
)
from neurogenomics_kb.stats.inference.unit_rows import unit_rows

SpaceName = Literal["huh-jhun", "family", "theil"]


def default_space(blocks: Blocks | None) -> SpaceName:
    """Huh–Jhun for unrelated rows, family means and contrasts for siblings, Theil for the rest."""
    if blocks is None:
        return "huh-jhun"
    return "theil" if sibling_structure(blocks) is None else "family"


def make_space(design: np.ndarray, blocks: Blocks | None, name: SpaceName) -> ResidualSpace:
    """Residual space of a design.

    Parameters
    ----------
    design : ndarray (n, R)
        Independent confounds, intercept included.
    blocks : Blocks or None
        Who may change places with whom; None for everybody.
    name : {"huh-jhun", "family", "theil"}
        How residuals are made exchangeable.

    Raises
    ------
    InputError
        If the space is unknown or does not fit the blocks, or the confounds use it up.
    """
    return SPACES[name](design, blocks)


def _huh_jhun(design: np.ndarray, blocks: Blocks | None) -> HuhJhun:
    if blocks is not None:
        raise InputError(
            "Huh–Jhun residuals belong to no subject, so blocks cannot be kept together",
            remedy="Use residual_space 'family' or 'theil' with exchangeability blocks.",
        )
    return HuhJhun(design)


def _theil(design: np.ndarray, blocks: Blocks | None) -> Theil:
    return Theil(design, expendable_rows(blocks, len(design)))


def _family(design: np.ndarray, blocks: Blocks | None) -> FamilySpace:
    siblings = sibling_structure(blocks)
    if siblings is None:
        raise InputError(
            "the blocks are not families whose members change places",
            remedy="Use residual_space='theil', or one level of families.",
        )
    space = FamilySpace(design, *siblings)
    if space.size < 2:
        raise InputError(
            f"the confounds leave {space.size} degrees of freedom inside families of one size",
            subjects=len(design),
            remedy="Use fewer confounds or more families.",
        )
    return space


SPACES = Choices("residual space", {"huh-jhun": _huh_jhun, "family": _family, "theil": _theil})


def project_rows(space: ResidualSpace, A: np.ndarray, *, unit: bool = False) -> np.ndarray:
    """``Q'A``; what the confounds explain entirely is zero, not rounding noise.

    Parameters
    ----------
    space : ResidualSpace
        Where rows are exchangeable.
    A : ndarray (n, p)
        Values of n people in p columns.
    unit : bool
        Bring rows to one length first, for noise whose scale both blocks share; see `unit_rows`.
        Families are rotated to means and contrasts before that.

    Returns
    -------
    ndarray (n - R, p)
    """
    if unit and isinstance(space, FamilySpace):
        return space.project_unit_rows(A)
    A = unit_rows(A, space.design) if unit else A
    projected = np.empty((space.size, A.shape[1]))
    for columns in tiles(A.shape[1], len(A)):
        part = space.project(A[:, columns])
        gone = np.linalg.norm(part, axis=0) <= 1e-10 * np.linalg.norm(A[:, columns], axis=0)
        part[:, gone] = 0.0
        projected[:, columns] = part
    return projected


def rows_of_space(space: ResidualSpace, blocks: Blocks | None) -> Blocks | None:
    """Exchangeability structure of the rows of a space."""
    if isinstance(space, FamilySpace):
        return Blocks((Level(space.classes, exchange=False),))
    if isinstance(space, Theil):
        return None if blocks is None else blocks.take(space.rows)
    return None


def folds_of_space(space: ResidualSpace, folds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fold of every row of a space.

    Theil's rows are subjects and keep theirs. Other rows are mixtures of subjects, as independent
    of one another as subjects were: they are dealt out anew, evenly over each class.
    """
    if isinstance(space, Theil):
        return np.asarray(folds)[space.rows]
    classes = getattr(space, "classes", np.zeros(space.size, dtype=int))
    n_folds = len(np.unique(folds))
    order = rng.permutation(space.size)
    order = order[np.argsort(classes[order], kind="stable")]
    dealt = np.empty(space.size, dtype=int)
    dealt[order] = np.arange(space.size) % n_folds
    return dealt
