"""What a run found, in sentences and flat numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.registry.overlap import seen_before
from neurogenomics_kb.registry.recipe import Recipe

# Subjects that 10 + 10, 50 + 50 and 176 + 100 variables need at a true correlation of 0.3, by the
# gemmr calculator (Helmer et al., Communications Biology 2024): 80 to 127 per variable.
SUBJECTS_PER_VARIABLE = 80


def format_p(p: float) -> str:
    """A p-value for a reader: two significant digits, never zero."""
    if not np.isfinite(p):
        return "p not available"
    if p < 1e-100:
        return "p < 1e-100"  # a parametric tail below what a double can hold
    return f"p = {p:.2g}" if p >= 1e-4 else f"p = {p:.1e}"


def merge_held_out(cca: pd.DataFrame, held_out: pd.DataFrame) -> pd.DataFrame:
    """Inference table with the fold-averaged held-out correlation and axis stability."""
    if cca.empty:
        return cca.assign(held_out=[], held_out_sd=[], stability_x=[], stability_y=[])
    grouped = held_out.groupby(["pair", "component"])
    summary = pd.DataFrame(
        {
            "held_out": grouped["held_out"].mean(),
            "held_out_sd": grouped["held_out"].std(),
            "stability_x": grouped["stability_x"].mean(),
            "stability_y": grouped["stability_y"].mean(),
        }
    )
    return cca.merge(summary.reset_index(), on=["pair", "component"], how="left")


def write_findings(
    recipe: Recipe,
    cca: pd.DataFrame,
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    attribution: pd.DataFrame,
    associations: pd.DataFrame,
    decision: dict[str, Any],
    tests: pd.DataFrame,
) -> list[str]:
    """Sentences for the top of the report, one per analysis.

    Returns
    -------
    list of str
    """
    alpha = recipe.experiment.alpha
    found = []
    for pair, rows in cca.groupby("pair", sort=False):
        significant = int((rows["p_value"] < alpha).sum())
        first = rows.iloc[0]
        found.append(
            f"{pair.replace('~', ' and ')}: {significant} of {len(rows)} tested components are "
            f"significant family-wise. The first correlates {first.correlation:.2f} in sample "
            f"({first.null_mean:.2f} is expected by chance) and {first.held_out:.2f} in held-out "
            f"subjects ({format_p(first.p_held_out)}); {format_p(first.p_value)} in sample, from "
            f"{first.n_permutations:,} permutations of N = {first.n}."
        )
    found += prediction_findings(recipe, metrics, comparisons)
    if not attribution.empty:
        hits = attribution[attribution["p_swap_fwe"] < alpha]["unit"].tolist()
        found.append(
            f"Leaving out one unit of block {attribution['block'].iloc[0]} at a time: "
            + (
                f"{', '.join(hits)} lower the score more than chance (family-wise)."
                if hits
                else "none lowers the score more than chance (family-wise)."
            )
        )
    if not associations.empty:
        n = int((associations["q_value"] < alpha).sum())
        found.append(
            f"{n} of {len(associations)} axis–outcome associations pass a false discovery rate of "
            f"{alpha:g}, all confounds adjusted for."
        )
    if not tests.empty:
        n = int((tests["p_run"] < alpha).sum())
        found.append(
            f"Over all {len(tests)} tests of this run taken as one family, {n} remain significant "
            f"(Holm, {alpha:g})."
        )
        floor = 1 / (1 + recipe.experiment.n_permutations)
        stuck = int(((tests["p_value"] <= floor * 1.001) & (tests["p_run"] >= alpha)).sum())
        if stuck:
            found[-1] += (
                f" {stuck} permutation p-values are at their floor of {floor:.2g}; at least "
                f"{int(np.ceil(len(tests) / alpha)):,} permutations would be needed to tell them "
                "apart over the run."
            )
    if decision.get("inputs"):
        found.append(
            "Decision: "
            + (
                f"escalate to {decision['next_stage'].replace('_', ' ')}."
                if decision["escalate"]
                else "stay at late fusion; fusion does not beat every single block."
            )
        )
    return found


def prediction_findings(
    recipe: Recipe, metrics: pd.DataFrame, comparisons: pd.DataFrame
) -> list[str]:
    """What the models reach, and whether they beat the covariates."""
    if metrics.empty:
        return []
    name = recipe.primary_metric
    algorithm = recipe.experiment.algorithms[0]
    rows = metrics[
        (metrics["metric"] == name)
        & (metrics["variant"] == "adjusted")
        & (metrics["algorithm"] == algorithm)
    ]
    label = {
        "auroc": "AUROC",
        "macro_auroc": "AUROC of one class against the rest, mean of classes",
        "r2": "held-out R²",
    }[name]
    text = ", ".join(
        f"{r.model.replace('_', ' + ')} {r.value:.2f} [{r.ci_low:.2f}, {r.ci_high:.2f}]"
        for r in rows.itertuples()
    )
    sentences = [f"Prediction of {recipe.experiment.outcome} ({label}, {algorithm}): {text}."]
    against = comparisons[
        (comparisons["reference"] == "covariates") & (comparisons["algorithm"] == algorithm)
    ]
    for row in against.itertuples():
        name = row.model.removesuffix("_covariates")
        better = row.p_holm < recipe.experiment.alpha and row.difference > 0
        sentences.append(
            f"{name.capitalize()} {'adds to' if better else 'does not demonstrably add to'} the "
            f"covariates: difference {row.difference:+.3f} [{row.ci_low:+.3f}, "
            f"{row.ci_high:+.3f}], {format_p(row.p_value)}, Holm {format_p(row.p_holm)} "
            f"(corrected resampled t, df = {row.df})."
        )
    return sentences


def write_warnings(recipe: Recipe, cca: pd.DataFrame, notes: list[str]) -> list[str]:
    """Cautions a reader must see: sample size, discovery samples, sites, notes of the run."""
    warnings = list(notes)
    for pair, rows in cca.groupby("pair", sort=False):
        first = rows.iloc[0]
        variables = int(first.x_dim + first.y_dim)
        wanted = SUBJECTS_PER_VARIABLE * variables
        if first.n < wanted:
            warnings.append(
                f"{pair.replace('~', ' and ')}: {first.n} subjects for {variables} variables after "
                f"reduction. For stable weights at a true correlation of 0.3 about {wanted:,} "
                "would be needed, so read the axes with care."
            )
    warnings += seen_before(recipe)
    if "site" in recipe.columns and recipe.experiment.folds.scheme != "leave_site_out":
        handled = [n for n, s in recipe.blocks.items() if "site" in s.confounds]
        warnings.append(
            "Sites are in training and test folds alike; "
            + (
                f"site is a confound of {', '.join(handled)}."
                if handled
                else "site is not adjusted for."
            )
        )
    return warnings


def tracked_name(metric: str) -> str:
    """Name of a metric as MLflow allows it: what a class is called is joined by hyphens."""
    name, *level = metric.split(":", 1)
    return "-".join([name, *(re.sub(r"[\W_]+", "-", one) for one in level)])


def flat_metrics(
    cca: pd.DataFrame, metrics: pd.DataFrame, comparisons: pd.DataFrame, flow: pd.DataFrame
) -> dict[str, float]:
    """Numbers under names that MLflow accepts, for comparing runs.

    Returns
    -------
    dict of str to float
    """
    out: dict[str, float] = {"n_subjects": float(flow["remaining"].iloc[-1])}
    for row in cca.itertuples():
        stem = f"cca.{row.pair.replace('~', '-')}.{row.component}"
        for field in ("correlation", "held_out", "null_mean", "p_value", "p_held_out"):
            out[f"{stem}.{field}"] = getattr(row, field)
    for row in metrics.itertuples():
        suffix = "" if row.variant == "adjusted" else f".{row.variant}"
        out[f"{tracked_name(row.metric)}.{row.model}.{row.algorithm}{suffix}"] = row.value
    for row in comparisons[comparisons["variant"] == "adjusted"].itertuples():
        stem = f"difference.{row.model}-{row.reference}.{row.algorithm}"
        out[stem] = row.difference
        out[f"{stem}.p_value"] = row.p_value
    return {k: float(v) for k, v in out.items() if np.isfinite(v)}
