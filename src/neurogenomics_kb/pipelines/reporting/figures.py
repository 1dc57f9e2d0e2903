"""Figure of the sample, from its table alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.style import COLOURS, canvas


def draw_sample_flow(flow: pd.DataFrame) -> Figure:
    """How many subjects remain after each step."""
    with canvas(6.8, 0.9 + 0.3 * len(flow)) as (figure, (axis,)):
        heights = np.arange(len(flow))[::-1]
        axis.barh(heights, flow["remaining"], color=COLOURS[0])
        for height, row in zip(heights, flow.itertuples(), strict=True):
            lost = f"  (−{row.excluded})" if row.excluded else ""
            axis.annotate(
                f"{row.remaining}{lost}", (row.remaining, height), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axis.set(
            yticks=heights,
            yticklabels=flow["step"],
            xlabel="subjects remaining",
            xlim=(0, flow["remaining"].max() * 1.18),
        )
        axis.grid(axis="y", visible=False)
    return figure
