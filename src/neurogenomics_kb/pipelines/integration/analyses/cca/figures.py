"""Figures of the canonical correlation analysis."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.integration.analyses.cca.loadings import (
    panels_of,
    significant_components,
)
from neurogenomics_kb.pipelines.style import COLOURS, GREY, canvas, message_figure
from neurogenomics_kb.pipelines.view import FALLS, STANDS, UNDECIDED, format_p, standing_of
from neurogenomics_kb.registry.recipe import Recipe

PAIR = ["x", "y"]
MARKS = {STANDS: " *", UNDECIDED: " ?", FALLS: ""}


def draw_canonical_correlations(
    recipe: Recipe, inference: pd.DataFrame, null: pd.DataFrame, held_out: pd.DataFrame
) -> Figure:
    """In-sample and held-out canonical correlations beside their null distribution."""
    if inference.empty:
        return message_figure("No canonical correlation analysis in this experiment.")
    pairs = list(inference.groupby(PAIR, sort=False))
    with canvas(4.2 * len(pairs), 3.4, len(pairs)) as (figure, axes):
        for axis, ((x, y), rows) in zip(axes, pairs, strict=True):
            _draw_pair(
                axis,
                rows,
                null[(null["x"] == x) & (null["y"] == y)],
                held_out[(held_out["x"] == x) & (held_out["y"] == y)],
                recipe.experiment.alpha,
            )
            axis.set_title(f"{x} – {y}")
    return figure


def _draw_pair(axis, rows, null, outside, alpha: float) -> None:
    """One pair: violins of chance, points in sample, points of test folds and their mean."""
    positions = rows["component"].to_numpy()
    chance = [null.loc[null["component"] == k, "correlation"] for k in positions]
    parts = axis.violinplot(chance, positions=positions, widths=0.7, showextrema=False)
    for body in parts["bodies"]:
        body.set(facecolor=GREY, alpha=0.7)
    axis.plot(positions, rows["correlation"], "o", color=COLOURS[0], label="in sample")
    axis.plot(outside["component"] + 0.12, outside["held_out"], ".", color=COLOURS[1], alpha=0.4)
    means = outside.groupby("component")["held_out"].mean()
    axis.plot(
        means.index + 0.12, means, "D", ms=5, color=COLOURS[1], label="held out, mean of folds"
    )
    for row in rows.itertuples():
        ends = (row.p_adjusted_low, row.p_adjusted_high)
        mark = MARKS[standing_of(row.p_adjusted, *ends, alpha)]
        axis.annotate(
            f"{format_p(row.p_adjusted)}{mark}",
            (row.component, row.correlation),
            xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8,
        )  # fmt: skip
    axis.axhline(0, color="#888888", lw=0.8)
    axis.set(
        xlabel="component (grey: under permutation)",
        ylabel="canonical correlation",
        xticks=positions,
        ylim=(min(-0.3, outside["held_out"].min() - 0.05), 1.0),
    )
    axis.legend(loc="upper right", fontsize=8)


def draw_loadings(recipe: Recipe, loadings: pd.DataFrame, inference: pd.DataFrame) -> Figure:
    """Largest structure coefficients: a row per component, a panel per measure.

    Every bar is one feature with its sign, exactly as in the table; where a unit has many features
    (the k-mers of a gene) a panel of its own shows the root mean square over them.
    """
    shown = significant_components(inference, recipe.experiment.alpha)
    panels = list(panels_of(loadings, shown))
    if not panels:
        return message_figure("No loadings in this experiment.")
    lines: dict[tuple, list] = {}
    for panel in panels:
        lines.setdefault((panel.x, panel.y, panel.component), []).append(panel)
    columns = max(len(line) for line in lines.values())
    with canvas(3.6 * columns, 3.8 * len(lines), columns, len(lines)) as (figure, axes):
        for r, line in enumerate(lines.values()):
            for c in range(columns):
                axis = axes[r * columns + c]
                if c < len(line):
                    _draw_panel(axis, line[c])
                else:
                    axis.axis("off")
    return figure


def _draw_panel(axis, panel) -> None:
    """Bars of one panel, largest on top."""
    bars = panel.bars[::-1]
    colour = COLOURS[0] if panel.signed else COLOURS[6]
    axis.barh(bars.index, bars.to_numpy(), color=colour)
    axis.axvline(0, color="#888888", lw=0.8)
    axis.set(
        title=f"{panel.block}: {panel.group}\n{panel.x} – {panel.y}, component {panel.component}",
        xlabel="structure coefficient" if panel.signed else "RMS of structure coefficients",
    )
    axis.tick_params(axis="y", labelsize=7)
    axis.grid(axis="y", visible=False)
