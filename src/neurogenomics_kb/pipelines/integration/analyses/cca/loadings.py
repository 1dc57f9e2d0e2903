"""Loadings as a reader sees them: signed bars of features, or the size of whole units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

TOP = 15
AXIS_OF_PANEL = ["x", "y", "component", "side", "block", "group"]


@dataclass(frozen=True)
class Panel:
    """Bars of one measure of one side of one component.

    Parameters
    ----------
    x, y : str
        Pair of blocks.
    component : int
        Number of the component, from 1.
    block, group : str
        Block of the side, and the measure (thickness, volume, an encoder).
    bars : Series
        Value by unit, largest first: signed structure coefficients where every unit has one
        feature, else the root mean square over each unit's features, which has no sign.
    signed : bool
        Whether the bars have a sign.
    """

    x: str
    y: str
    component: int
    block: str
    group: str
    bars: pd.Series
    signed: bool


def significant_components(inference: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Components that a report speaks of: every significant one, and the first of each pair."""
    shown = (inference["p_adjusted"] < alpha) | (inference["component"] == 1)
    return inference[shown]


def panels_of(
    loadings: pd.DataFrame, components: pd.DataFrame, top: int | None = TOP
) -> Iterator[Panel]:
    """Panels of the components, in the order of the tables.

    Parameters
    ----------
    loadings : DataFrame
        `LOADINGS`.
    components : DataFrame
        Rows of `INFERENCE` to show.
    top : int or None
        Bars per panel, by absolute value; None keeps all.
    """
    wanted = pd.MultiIndex.from_frame(components[["x", "y", "component"]])
    for key, rows in loadings.groupby(AXIS_OF_PANEL, sort=False):
        x, y, component, _, block, group = key
        if (x, y, component) not in wanted:
            continue
        values = rows.groupby("unit", sort=False)["loading"]
        signed = bool((values.size() == 1).all())
        bars = (
            rows.set_index("unit")["loading"]
            if signed
            else values.agg(lambda v: float(np.sqrt(np.mean(v**2))))
        )
        order = bars.abs().sort_values(ascending=False, kind="stable").index
        yield Panel(x, y, component, block, group, bars.loc[order[:top]], signed)
