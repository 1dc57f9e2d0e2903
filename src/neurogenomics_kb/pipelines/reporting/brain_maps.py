"""Brain maps of results that have a value per region."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.brain.maps import draw_values, load_places, place_values
from neurogenomics_kb.pipelines.absent import is_absent
from neurogenomics_kb.pipelines.style import canvas, message_figure
from neurogenomics_kb.pipelines.view import Part

# Below it, the atlas is of other regions than the result.
MIN_PLACED = 0.5
INSTEAD = "The bar charts show the same values."


def draw_brain_maps(regions: dict[str, Any], *parts: Part) -> Figure:
    """Every result with a value per region on a glass brain, or why there is none.

    Parameters
    ----------
    regions : dict or NotCollected
        Atlas of the regions.
    *parts : Part
        What each analysis adds; the values are exactly those of its tables.
    """
    results = {r.title: pd.Series(r.values, dtype=float) for part in parts for r in part.regional}
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
