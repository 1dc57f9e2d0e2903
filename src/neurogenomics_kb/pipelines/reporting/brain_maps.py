"""Brain maps of results that have a value per region."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.brain.maps import draw_values, load_places, place_values
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.reporting.figures import unit_loadings
from neurogenomics_kb.pipelines.reporting.style import canvas, message_figure

# Below it, the atlas is of other regions than the result.
MIN_PLACED = 0.5
INSTEAD = "The bar charts show the same values."


def region_results(loadings: pd.DataFrame, attribution: pd.DataFrame) -> dict[str, pd.Series]:
    """Title to value per unit, for every result that may have regions as units."""
    found: dict[str, pd.Series] = {}
    if not loadings.empty:
        units = unit_loadings(loadings)
        for (pair, block), rows in units[units["component"] == 1].groupby(
            ["pair", "block"], sort=False
        ):
            how = "RMS of structure coefficients" if (rows["features"] > 1).any() else "loading"
            title = f"{block} in {pair.replace('~', ' – ')}, component 1: {how}"
            found[title] = rows.set_index("unit")["loading"]
    if not attribution.empty:
        single = attribution[attribution["level"] != "cluster"]
        title = f"{single['block'].iloc[0]}: loss of {single['metric'].iloc[0].upper()} without it"
        found[title] = single.set_index("unit")["delta"]
    return found


def draw_brain_maps(
    loadings: pd.DataFrame, attribution: pd.DataFrame, regions: dict[str, Any]
) -> Figure:
    """Every result with a value per region on a glass brain, or why there is none."""
    results = region_results(loadings, attribution)
    if not results:
        return message_figure("No result of this experiment has a value per region.")
    if is_absent(regions):
        return message_figure(f"No brain map: {regions.reason}.\n{INSTEAD}")
    places = load_places(regions)
    placed = {title: place_values(values, places) for title, values in results.items()}
    drawn = {t: v for t, v in placed.items() if len(v) >= MIN_PLACED * len(results[t]) and len(v)}
    if not drawn:
        return message_figure(
            f"No brain map: atlas {places.name} has not the regions of any result.\n{INSTEAD}"
        )
    with canvas(7.2 * len(drawn), 3.2, len(drawn)) as (figure, axes):
        for axis, (title, values) in zip(axes, drawn.items(), strict=True):
            lost = len(results[title]) - len(values)
            note = f" ({lost} regions not in the atlas)" if lost else ""
            draw_values(values, places, axis, title + note)
    return figure
