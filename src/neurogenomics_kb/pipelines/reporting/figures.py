"""Figure of the sample, from what of its table may be shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.reporting.parameters import DisclosureParameters
from neurogenomics_kb.pipelines.style import COLOURS, canvas
from neurogenomics_kb.registry.disclosure import HIDDEN, suppress_flow


def draw_sample_flow(flow: pd.DataFrame, disclosure: DisclosureParameters) -> Figure:
    """How many subjects remain after each step, as far as the result card says it.

    A step whose number would tell a small group has no bar.
    """
    shown = suppress_flow(flow.to_dict("records"), disclosure.minimum_cell)
    with canvas(6.8, 0.9 + 0.3 * len(flow)) as (figure, (axis,)):
        heights = np.arange(len(shown))[::-1]
        known = [step["remaining"] if step["remaining"] != HIDDEN else 0 for step in shown]
        axis.barh(heights, known, color=COLOURS[0])
        for height, width, step in zip(heights, known, shown, strict=True):
            left = "not shown" if step["remaining"] == HIDDEN else step["remaining"]
            lost = f", {step['excluded']} left out" if step["excluded"] not in (0, HIDDEN) else ""
            axis.annotate(
                f"{left}{lost}", (width, height), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axis.set(
            yticks=heights,
            yticklabels=[step["step"] for step in shown],
            xlabel="subjects remaining",
            xlim=(0, max(known) * 1.3),
        )
        axis.grid(axis="y", visible=False)
    return figure
