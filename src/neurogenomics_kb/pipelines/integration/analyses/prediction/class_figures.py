"""Figures of a prediction of several classes, from its out-of-fold probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import probabilities_of
from neurogenomics_kb.pipelines.integration.analyses.prediction.curves import mean_roc
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.style import canvas, colour_of, message_figure
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.metrics import calibration_table
from neurogenomics_kb.stats.prediction.multiclass import confusion_table


def draw_class_curves(recipe: Recipe, predictions: pd.DataFrame) -> Figure:
    """ROC over models and over classes, calibration, and which class is taken for which.

    Single classes and the confusion are those of the last, fullest model.
    """
    rows = predictions[
        (predictions["variant"] == "adjusted")
        & (predictions["algorithm"] == first_algorithm(recipe))
    ]
    if rows.empty:
        return message_figure("No prediction in this experiment.")
    models = list(rows.groupby("model", sort=False))
    fullest, last = models[-1]
    grid = np.linspace(0, 1, 101)
    with canvas(16.4, 4.0, 4) as (figure, axes):
        for number, (model, frame) in enumerate(models):
            line = {"color": colour_of(number), "lw": 1.6, "label": model}
            each = against_the_rest(frame)
            axes[0].plot(grid, np.mean([mean_roc(one, grid) for one in each.values()], 0), **line)
            pooled = pd.concat(against_the_rest(frame[frame["repeat"] == 0]).values())
            table = calibration_table(pooled["outcome"].to_numpy(), pooled["score"].to_numpy())
            axes[2].plot(table["predicted"], table["observed"], marker="o", ms=3, **line)
        for number, (name, one) in enumerate(against_the_rest(last).items()):
            label = name
            axes[1].plot(grid, mean_roc(one, grid), color=colour_of(number), lw=1.6, label=label)
        for axis in axes[:2]:
            axis.plot([0, 1], [0, 1], color="#888888", lw=0.8)
            axis.set(xlabel="1 − specificity", ylabel="sensitivity")
            axis.legend(fontsize=7, loc="lower right")
        axes[0].set_title("ROC, mean of classes and folds")
        axes[1].set_title(f"One against the rest,\n{fullest}")
        low, high = axes[2].get_xlim()
        axes[2].plot([low, high], [low, high], color="#888888", lw=0.8)
        axes[2].set(
            title="Calibration, all classes", xlabel="predicted probability",
            ylabel="observed share",
        )  # fmt: skip
        draw_confusion(axes[3], last[last["repeat"] == 0])  # everybody once
    return figure


def against_the_rest(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Fold, 0/1 outcome and probability of every class."""
    P, names = probabilities_of(frame)
    truth = frame["outcome"].to_numpy(dtype=str)
    return {
        name: pd.DataFrame(
            {
                "fold": frame["fold"].to_numpy(),
                "outcome": (truth == name).astype(int),
                "score": P[:, c],
            }
        )
        for c, name in enumerate(names)
    }


def draw_confusion(axis, frame: pd.DataFrame) -> None:
    """Share of every class that is taken for each; classes of few subjects stay blank."""
    P, names = probabilities_of(frame)
    table = confusion_table(frame["outcome"].to_numpy(dtype=str), P, classes=names)
    sizes = table.sum(axis=1)
    shares = table.div(sizes, axis=0).where(sizes >= MINIMUM_CELL, axis=0).to_numpy()
    axis.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            text = "–" if np.isnan(share) else f"{share:.2f}"
            dark = "white" if share > 0.5 else "black"
            axis.text(j, i, text, ha="center", va="center", fontsize=8, color=dark)
    labels = list(names)
    axis.set(
        title="Most probable class", xlabel="predicted (shares of a row)", ylabel="true",
        xticks=range(len(names)), yticks=range(len(names)), yticklabels=labels,
    )  # fmt: skip
    axis.set_xticks(range(len(names)), labels, rotation=30, ha="right")
    axis.grid(visible=False)
