"""Figures of a run, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from neurogenomics_kb.pipelines.reporting.style import (
    COLOURS,
    GREY,
    canvas,
    colour_of,
    message_figure,
)
from neurogenomics_kb.pipelines.reporting.summary import format_p
from neurogenomics_kb.stats.prediction.decision_curve import decision_curve
from neurogenomics_kb.stats.prediction.metrics import calibration_table

TOP_UNITS = 15


def draw_canonical_correlations(
    cca: pd.DataFrame, null: pd.DataFrame, held_out: pd.DataFrame, alpha: float
) -> Figure:
    """In-sample and held-out canonical correlations beside their null distribution."""
    if cca.empty:
        return message_figure("No canonical correlation analysis in this experiment.")
    pairs = list(cca["pair"].unique())
    with canvas(4.2 * len(pairs), 3.4, len(pairs)) as (figure, axes):
        for axis, pair in zip(axes, pairs, strict=True):
            rows = cca[cca["pair"] == pair]
            positions = rows["component"].to_numpy()
            chance = [
                null.loc[(null["pair"] == pair) & (null["component"] == k), "correlation"]
                for k in positions
            ]
            parts = axis.violinplot(chance, positions=positions, widths=0.7, showextrema=False)
            for body in parts["bodies"]:
                body.set(facecolor=GREY, alpha=0.7)
            axis.plot(positions, rows["correlation"], "o", color=COLOURS[0], label="in sample")
            outside = held_out[held_out["pair"] == pair]
            axis.plot(
                outside["component"] + 0.12, outside["held_out"], ".", color=COLOURS[1], alpha=0.4
            )
            means = outside.groupby("component")["held_out"].mean()
            axis.plot(
                means.index + 0.12,
                means,
                "D",
                ms=5,
                color=COLOURS[1],
                label="held out, mean of folds",
            )
            for row in rows.itertuples():
                mark = " *" if row.p_value < alpha else ""
                axis.annotate(
                    f"{format_p(row.p_value)}{mark}",
                    (row.component, row.correlation),
                    xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8,
                )  # fmt: skip
            axis.axhline(0, color="#888888", lw=0.8)
            axis.set(
                title=pair.replace("~", " – "),
                xlabel="component (grey: under permutation)",
                ylabel="canonical correlation",
                xticks=positions,
                ylim=(min(-0.3, outside["held_out"].min() - 0.05), 1.0),
            )
            axis.legend(loc="upper right", fontsize=8)
    return figure


def unit_loadings(loadings: pd.DataFrame) -> pd.DataFrame:
    """Loading of each unit: signed for one feature, root mean square over several.

    Returns
    -------
    DataFrame
        pair, block, component, unit, loading, features.
    """
    keys = ["pair", "block", "component", "unit"]
    grouped = loadings.groupby(keys, sort=False)["loading"]
    table = pd.DataFrame(
        {
            "loading": grouped.apply(
                lambda v: v.iloc[0] if len(v) == 1 else float(np.sqrt(np.mean(v**2)))
            ),
            "features": grouped.size(),
        }
    )
    return table.reset_index()


def draw_loadings(loadings: pd.DataFrame, component: int = 1) -> Figure:
    """Units with the largest structure coefficients on one component."""
    if loadings.empty:
        return message_figure("No loadings in this experiment.")
    units = unit_loadings(loadings)
    units = units[units["component"] == component]
    panels = list(units.groupby(["pair", "block"], sort=False))
    with canvas(4.2 * len(panels), 3.8, len(panels)) as (figure, axes):
        for number, (axis, ((_, block), rows)) in enumerate(zip(axes, panels, strict=True)):
            order = rows["loading"].abs().sort_values(ascending=False).index[:TOP_UNITS]
            top = rows.loc[order[::-1]]
            axis.barh(top["unit"], top["loading"], color=colour_of(number))
            several = (rows["features"] > 1).any()
            axis.set(
                title=f"{block}, component {component}",
                xlabel="structure coefficient" + (" (RMS over features)" if several else ""),
            )
            axis.tick_params(axis="y", labelsize=7)
            axis.grid(axis="y", visible=False)
    return figure


def draw_performance(metrics: pd.DataFrame) -> Figure:
    """Primary metric of every model with its interval."""
    named = set(metrics["metric"])
    primary = next((name for name in ("r2", "macro_auroc") if name in named), "auroc")
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
            yticklabels=[m.replace("_", " + ") for m in models],
            xlabel={"auroc": "AUROC, mean of folds (95 % interval)",
                    "macro_auroc": "AUROC, mean of classes and folds (95 % interval)",
                    "r2": "held-out R² (95 % interval)"}[primary],
        )  # fmt: skip
        axis.legend(loc="best", fontsize=8)
    return figure


def draw_curves(predictions: pd.DataFrame, algorithm: str, continuous: bool) -> Figure:
    """ROC, precision-recall, calibration and net benefit; calibration alone for a score."""
    rows = predictions[
        (predictions["variant"] == "adjusted") & (predictions["algorithm"] == algorithm)
    ]
    if rows.empty:
        return message_figure("No prediction in this experiment.")
    models = list(rows.groupby("model", sort=False))
    calibration = 0 if continuous else 2
    with canvas(4.6 if continuous else 14.4, 3.6, 1 if continuous else 4) as (figure, axes):
        for number, (model, frame) in enumerate(models):
            line = {"color": colour_of(number), "lw": 1.6, "label": model.replace("_", " + ")}
            table = calibration_table(frame["outcome"].to_numpy(), frame["score"].to_numpy())
            axes[calibration].plot(table["predicted"], table["observed"], marker="o", ms=3, **line)
            if not continuous:
                curve = decision_curve(
                    frame["outcome"].to_numpy(), frame["score"].to_numpy(), n_resamples=1
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


def mean_roc(frame: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """ROC curves of the folds averaged at fixed false-positive rates, never pooled."""
    curves = []
    for _, fold in frame.groupby("fold"):
        false_positive, true_positive, _ = roc_curve(fold["outcome"], fold["score"])
        curves.append(np.interp(grid, false_positive, true_positive))
    return np.mean(curves, axis=0)


def mean_precision(frame: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """Precision of the folds averaged at fixed recall."""
    curves = []
    for _, fold in frame.groupby("fold"):
        precision, recall, _ = precision_recall_curve(fold["outcome"], fold["score"])
        curves.append(np.interp(grid, recall[::-1], precision[::-1]))
    return np.mean(curves, axis=0)


def draw_attribution(attribution: pd.DataFrame, alpha: float) -> Figure:
    """Loss of score without each unit, with its interval."""
    if attribution.empty:
        return message_figure("No leave-one-out attribution in this experiment.")
    top = attribution.head(20).iloc[::-1]
    found = top["p_swap_fwe"] < alpha
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
