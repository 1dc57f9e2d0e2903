"""Figure of the attribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.style import COLOURS, canvas, message_figure
from neurogenomics_kb.registry.recipe import Recipe


def draw_attribution(recipe: Recipe, attribution: pd.DataFrame) -> Figure:
    """Loss of score without each unit, with its interval."""
    if attribution.empty:
        return message_figure("No leave-one-out attribution in this experiment.")
    alpha = recipe.experiment.alpha
    top = attribution.head(20).iloc[::-1]
    found = top["p_adjusted"] < alpha
    with canvas(6.4, 0.9 + 0.22 * len(top)) as (figure, (axis,)):
        for shown, colour, label in (
            (found, COLOURS[1], f"family-wise p < {alpha:g}"),
            (~found, COLOURS[0], "not significant"),
        ):
            heights = np.flatnonzero(shown)
            if len(heights):
                rows = top[shown]
                axis.errorbar(
                    rows["delta"], heights,
                    xerr=[rows["delta"] - rows["ci_low"], rows["ci_high"] - rows["delta"]],
                    fmt="o", ms=4, color=colour, capsize=2, label=label,
                )  # fmt: skip
        axis.axvline(0, color="#888888", lw=0.8)
        axis.set(
            yticks=range(len(top)),
            yticklabels=top["unit"],
            xlabel=f"loss of {top['metric'].iloc[0].upper()} without it (95 % interval over folds)",
            title=f"Leave one out, block {top['block'].iloc[0]}",
        )
        axis.tick_params(axis="y", labelsize=7)
        axis.legend(fontsize=8, loc="lower right")
    return figure
