"""Units of a block that have a text: their size in an axis, and what makes them alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.maps import region_key
from neurogenomics_kb.foundation.naming import parse_feature_name
from neurogenomics_kb.genome.regulatory import BETWEEN
from neurogenomics_kb.pipelines.integration.design import (
    confound_matrix,
    prepare_block,
    residuals,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.residual_space import independent_design

# Of names that end in a side, such as regions of the scalp.
SIDE = re.compile(r"^(lh|rh) | (left|right)$")
PROFILE, PEOPLE = "mean profile of components", "values over people"


@dataclass(frozen=True)
class Found:
    """What the canonical correlation gave.

    Attributes
    ----------
    components : DataFrame
        ``x, y, component`` of the axes to describe.
    loadings : DataFrame
        `LOADINGS`.
    scores : DataFrame (n, axes)
        Variates of the people; columns are tuples of x, y, component and side.
    """

    components: pd.DataFrame
    loadings: pd.DataFrame
    scores: pd.DataFrame


def text_key(name: str) -> str:
    """Name of a unit without its hemisphere and without the habits of programs.

    Examples
    --------
    >>> text_key("Left-Hippocampus") == text_key("rh_hippocampus") == text_key("Hippocampus")
    True
    >>> text_key("frontal_left"), text_key("DRD2")
    ('frontal', 'drd2')
    """
    return SIDE.sub("", region_key(name))


def units_with_texts(columns: pd.Index, texts: Mapping[str, object]) -> dict[str, list[int]]:
    """Positions of the columns that each text is about, texts in the order of the card.

    A column goes to the text of its unit, or else of its feature group (an instrument); units that
    share a text, such as two hemispheres, are one.

    Parameters
    ----------
    columns : Index
        Feature names.
    texts : mapping
        Texts by the name of a unit or group.
    """
    by_key = {text_key(name): name for name in texts}
    found: dict[str, list[int]] = {name: [] for name in texts}
    for position, column in enumerate(columns):
        name = _name_of(column, texts, by_key)
        if name is not None:
            found[name].append(position)
    return {name: positions for name, positions in found.items() if positions}


def _name_of(column: str, texts: Mapping[str, object], by_key: dict[str, str]) -> str | None:
    """Name of the text of a column."""
    feature = parse_feature_name(column)
    # Windows around a gene, such as APOE:promoter, are about the gene.
    for part in (feature.unit, feature.unit.split(BETWEEN)[0], feature.group):
        if part in texts:
            return part
        if text_key(part) in by_key:
            return by_key[text_key(part)]
    return None


def count_lost(columns: pd.Index, texts: Mapping[str, object]) -> int:
    """Units of a block without a text, the two hemispheres of a region counted once."""
    held = {i for positions in units_with_texts(columns, texts).values() for i in positions}
    return len({text_key(parse_feature_name(c).unit) for i, c in enumerate(columns)
                if i not in held})  # fmt: skip


def adjusted_features(
    recipe: Recipe, block: str, raw: pd.DataFrame, cohort: pd.DataFrame
) -> pd.DataFrame:
    """Features of a block on the full sample, confounds taken out, in standard deviations.

    Gaps that a projector would have filled are at the mean; columns without variance are left out.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    block : str
        Block.
    raw : DataFrame
        Its raw features.
    cohort : DataFrame
        Analysed people.
    """
    ready = prepare_block(recipe, block, raw, cohort)
    ready = ready[[c for c in ready.columns if c in raw.columns]]
    ready = ready.fillna(ready.mean())
    design = independent_design(confound_matrix(recipe, cohort), len(cohort))
    left = pd.DataFrame(residuals(ready.to_numpy(), design), ready.index, ready.columns)
    spread = left.std()
    kept = left.loc[:, spread > 1e-9 * ready.std().clip(lower=1e-12)]
    return (kept - kept.mean()) / kept.std()


def axis_loadings(
    found: Found, key: tuple[str, str, int, str], block: str, adjusted: pd.DataFrame
) -> pd.Series:
    """Loading of every feature of a block on one side of one component.

    Parameters
    ----------
    found : Found
        What the canonical correlation gave.
    key : tuple
        x, y, component and side.
    block : str
        Block of the side.
    adjusted : DataFrame
        From `adjusted_features`; read where the axis is made of factors, whose names are no units.
    """
    table = found.loadings
    of_axis = (table[["x", "y", "component", "side"]] == list(key)).all(axis=1)
    known = table[of_axis & (table["block"] == block)].set_index("feature")["loading"]
    if known.index.isin(adjusted.columns).any():
        return known
    score = found.scores[key].to_numpy()
    score = (score - score.mean()) / score.std(ddof=1)
    return pd.Series(adjusted.to_numpy().T @ score / (len(score) - 1), adjusted.columns)


def strengths(loadings: pd.Series, units: Mapping[str, list[int]]) -> np.ndarray:
    """Root mean square of the loadings of each unit.

    Parameters
    ----------
    loadings : Series
        By feature.
    units : mapping of str to list of int
        Positions of each unit's features.
    """
    values = loadings.to_numpy() ** 2
    return np.array([np.sqrt(values[positions].mean()) for positions in units.values()])


def similarity(
    raw: pd.DataFrame, adjusted: pd.DataFrame, texts: Mapping[str, object]
) -> tuple[np.ndarray, list[str], str]:
    """Inner products of the vectors of the units that have a text.

    Where every unit has the same components (an encoder's dimensions, bands of a spectrum), a
    unit's vector is its mean profile over people. Otherwise it is the unit's adjusted values over
    people, its features averaged.

    Parameters
    ----------
    raw, adjusted : DataFrame
        Features of the block, as they are and from `adjusted_features`.
    texts : mapping
        Texts by the name of a unit or group.

    Returns
    -------
    K : ndarray (u, u)
    units : list of str
        Names of the texts.
    vectors : str
        What a unit's vector is.
    """
    units = units_with_texts(raw.columns, texts)
    profiles = [_profile(raw, positions) for positions in units.values()]
    shared = {tuple(profile.index) for profile in profiles}
    if len(shared) == 1 and len(next(iter(shared))) > 1:
        V = np.array([profile.to_numpy() for profile in profiles])
        V = V[:, np.isfinite(V).all(axis=0)]
        V = V - V.mean(axis=0)
        spread = V.std(axis=0)
        V = V[:, spread > 0] / spread[spread > 0]
        return V @ V.T, list(units), PROFILE
    units = units_with_texts(adjusted.columns, texts)
    values = adjusted.to_numpy()
    V = np.array([values[:, positions].mean(axis=1) for positions in units.values()])
    length = np.linalg.norm(V, axis=1, keepdims=True)
    V = V / np.where(length > 0, length, 1.0)
    return V @ V.T, list(units), PEOPLE


def _profile(raw: pd.DataFrame, positions: list[int]) -> pd.Series:
    """Mean over people of a unit's components, those of two hemispheres averaged.

    Empty where a feature is no component: measures of a region are no coordinates of a space.
    """
    means = raw.iloc[:, positions].mean()
    names = [parse_feature_name(c) for c in means.index]
    if any(name.component is None for name in names):
        return means.iloc[:0]
    return means.groupby([f"{name.group} {name.component}" for name in names], sort=True).mean()
