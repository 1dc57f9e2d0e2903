"""Figure of the rivals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import TWIN
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.style import COLOURS, GREY, canvas, message_figure
from neurogenomics_kb.registry.recipe import Recipe

NOTHING = "No block from an encoder was compared with rivals in this experiment."


def draw_rivals(recipe: Recipe, rivals: pd.DataFrame) -> Figure:
    """What each block adds to each rival by the first algorithm, with its interval.

    Hollow marks are the twins of single seeds; a bar of the smallest difference that could have
    been seen stands behind every claim.
    """
    own = rivals[rivals["algorithm"] == first_algorithm(recipe)]
    shown = own[own["difference"].notna()].iloc[::-1].reset_index(drop=True)
    if shown.empty:
        return message_figure(NOTHING)
    heights = np.arange(len(shown))
    single = (shown["kind"] == TWIN).to_numpy()
    with canvas(6.8, 1.1 + 0.26 * len(shown)) as (figure, (axis,)):
        axis.barh(
            heights, shown["smallest_difference"].fillna(0), color=GREY, alpha=0.35, height=0.7,
            label="smaller than could have been seen",
        )  # fmt: skip
        for which, colour, face, label in (
            (~single, COLOURS[0], COLOURS[0], "difference, 95 % interval"),
            (single, COLOURS[0], "white", "random weights of one seed"),
        ):
            at = np.flatnonzero(which)
            if len(at):
                rows = shown.iloc[at]
                value = rows["difference"]
                axis.errorbar(
                    value, at, xerr=[value - rows["ci_low"], rows["ci_high"] - value],
                    fmt="o", ms=4, color=colour, markerfacecolor=face, capsize=2, label=label,
                )  # fmt: skip
        axis.axvline(0, color="#888888", lw=0.8)
        axis.set(
            yticks=heights,
            yticklabels=[f"{r.block} over {r.rival}" for r in shown.itertuples()],
            xlabel=f"{shown['metric'].iloc[0].upper()} that the block adds",
            title="Blocks from encoders over their rivals",
        )
        axis.tick_params(axis="y", labelsize=7)
        axis.legend(fontsize=7, loc="best")
    return figure
