"""Figure of the ladder."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.integration.analyses.ladder.climb import CHOSEN, LATE
from neurogenomics_kb.pipelines.style import COLOURS, canvas, message_figure
from neurogenomics_kb.pipelines.view import METRIC_NAMES
from neurogenomics_kb.registry.recipe import Recipe


def draw_ladder(
    recipe: Recipe, rungs: pd.DataFrame, comparisons: pd.DataFrame, choice: pd.DataFrame
) -> Figure:
    """Difference of every rung, and of the choice, to late fusion with its interval."""
    if choice.empty:
        return message_figure("No ladder in this experiment.")
    own = comparisons[comparisons["reference"] == LATE]
    rows = [(r.rung, r) for r in own.itertuples()] + [(CHOSEN, r) for r in choice.itertuples()]
    rows = rows[::-1]
    metric = METRIC_NAMES[recipe.primary_metric]
    base = rungs.loc[rungs["rung"] == LATE, "value"].iloc[0]
    with canvas(6.4, 1.2 + 0.35 * len(rows)) as (figure, (axis,)):
        for height, (name, r) in enumerate(rows):
            axis.errorbar(
                r.difference, height,
                xerr=[[r.difference - r.ci_low], [r.ci_high - r.difference]],
                fmt="s" if name == CHOSEN else "o", ms=6 if name == CHOSEN else 4,
                color=COLOURS[1] if name == CHOSEN else COLOURS[0], capsize=2,
            )  # fmt: skip
        axis.axvline(0, color="#888888", lw=0.8)
        axis.set(
            yticks=range(len(rows)),
            yticklabels=[name for name, _ in rows],
            xlabel=f"difference of {metric} to late fusion ({base:.2f}), 95 % interval over folds",
        )
        axis.tick_params(axis="y", labelsize=8)
    return figure
