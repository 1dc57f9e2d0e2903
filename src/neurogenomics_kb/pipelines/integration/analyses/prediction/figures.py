"""Figures of the prediction, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neurogenomics_kb.pipelines.integration.analyses.prediction.class_figures import (
    draw_class_curves,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.curves import (
    mean_precision,
    mean_roc,
)
from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.style import canvas, colour_of, message_figure
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.prediction.decision_curve import decision_curve
from neurogenomics_kb.stats.prediction.metrics import calibration_table


def draw_performance(recipe: Recipe, metrics: pd.DataFrame) -> Figure:
    """Primary metric of every model with its interval."""
    primary = recipe.primary_metric
    rows = metrics[(metrics["metric"] == primary) & (metrics["variant"] == "adjusted")]
    if rows.empty:
        return message_figure("No prediction in this experiment.")
    models = list(rows["model"].unique())[::-1]
    algorithms = list(rows["algorithm"].unique())
    with canvas(6.4, 0.9 + 0.42 * len(models)) as (figure, (axis,)):
        for number, algorithm in enumerate(algorithms):
            one = rows[rows["algorithm"] == algorithm].set_index("model").loc[models]
            heights = np.arange(len(models)) - 0.16 * (number - (len(algorithms) - 1) / 2)
            axis.errorbar(
                one["value"], heights,
                xerr=[one["value"] - one["ci_low"], one["ci_high"] - one["value"]],
                fmt="o", color=colour_of(number), capsize=2, label=algorithm,
            )  # fmt: skip
        axis.axvline(0.0 if primary == "r2" else 0.5, color="#888888", lw=0.8)
        axis.set(
            yticks=range(len(models)),
            yticklabels=models,
            xlabel={"auroc": "AUROC, mean of folds (95 % interval)",
                    "macro_auroc": "AUROC, mean of classes and folds (95 % interval)",
                    "r2": "held-out R² (95 % interval)"}[primary],
        )  # fmt: skip
        axis.legend(loc="best", fontsize=8)
    return figure


def draw_curves(recipe: Recipe, predictions: pd.DataFrame) -> Figure:
    """ROC, precision-recall, calibration and net benefit; calibration alone for a score.

    An outcome of several classes has curves of its own.
    """
    if recipe.multiclass:
        return draw_class_curves(recipe, predictions)
    algorithm, continuous = first_algorithm(recipe), recipe.continuous
    rows = predictions[
        (predictions["variant"] == "adjusted") & (predictions["algorithm"] == algorithm)
    ]
    if rows.empty:
        return message_figure("No prediction in this experiment.")
    models = list(rows.groupby("model", sort=False))
    calibration = 0 if continuous else 2
    with canvas(4.6 if continuous else 14.4, 3.6, 1 if continuous else 4) as (figure, axes):
        for number, (model, frame) in enumerate(models):
            line = {"color": colour_of(number), "lw": 1.6, "label": model}
            # Everybody once; the mean curves take the folds of all repeats.
            once = frame[frame["repeat"] == 0]
            table = calibration_table(once["outcome"].to_numpy(), once["score"].to_numpy())
            axes[calibration].plot(table["predicted"], table["observed"], marker="o", ms=3, **line)
            if not continuous:
                curve = decision_curve(
                    once["outcome"].to_numpy(), once["score"].to_numpy(), n_resamples=1
                )
                axes[3].plot(curve["threshold"], curve["model"], **line)
                grid = np.linspace(0, 1, 101)
                axes[0].plot(grid, mean_roc(frame, grid), **line)
                axes[1].plot(grid, mean_precision(frame, grid), **line)
        low, high = axes[calibration].get_xlim()
        axes[calibration].plot([low, high], [low, high], color="#888888", lw=0.8)
        if continuous:
            axes[0].set(title="Calibration", xlabel="predicted (tenths)", ylabel="observed mean")
        else:
            axes[0].plot([0, 1], [0, 1], color="#888888", lw=0.8)
            axes[0].set(title="ROC, mean of folds", xlabel="1 − specificity", ylabel="sensitivity")
            share = rows["outcome"].mean()
            axes[1].axhline(share, color="#888888", lw=0.8)
            axes[1].set(
                title="Precision–recall, mean of folds",
                xlabel="recall",
                ylabel=f"precision (prevalence {share:.2f})",
                ylim=(0, 1.02),
            )
            axes[2].set(
                title="Calibration", xlabel="predicted probability", ylabel="observed share"
            )
            axes[3].plot(curve["threshold"], curve["treat_all"], color="#888888", lw=0.8)
            axes[3].axhline(0, color="#888888", lw=0.8)
            axes[3].set(
                title="Decision curve (grey: all, none)",
                xlabel="threshold probability",
                ylabel="net benefit",
                ylim=(-0.1, share * 1.1),
            )
        axes[0].legend(fontsize=7, loc="lower right")
    return figure
