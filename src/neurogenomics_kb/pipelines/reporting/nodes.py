"""Nodes of the reporting pipeline."""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.integration.classes import AUROC, PREVALENCE
from neurogenomics_kb.pipelines.integration.dimension_search import search_findings
from neurogenomics_kb.pipelines.integration.family import STATEMENT
from neurogenomics_kb.pipelines.reporting import figures, provenance, summary
from neurogenomics_kb.pipelines.reporting.brain_maps import draw_brain_maps
from neurogenomics_kb.pipelines.reporting.class_figures import draw_class_curves
from neurogenomics_kb.pipelines.reporting.parameters import DisclosureParameters
from neurogenomics_kb.pipelines.reporting.report import format_number, render_report
from neurogenomics_kb.pipelines.reporting.result_card import build_result_card
from neurogenomics_kb.registry.recipe import Recipe


def draw_figures(
    recipe: dict[str, Any],
    flow, cca, null, held_out, loadings, predictions, metrics, attribution, regions,
):  # fmt: skip
    """All figures, in the order of the report."""
    recipe = Recipe.model_validate(recipe)
    experiment = recipe.experiment
    return (
        figures.draw_sample_flow(flow),
        figures.draw_canonical_correlations(cca, null, held_out, experiment.alpha),
        figures.draw_loadings(loadings),
        figures.draw_performance(metrics),
        draw_class_curves(predictions, experiment.algorithms[0])
        if recipe.multiclass
        else figures.draw_curves(predictions, experiment.algorithms[0], recipe.continuous),
        figures.draw_attribution(attribution, experiment.alpha),
        draw_brain_maps(loadings, attribution, regions),
    )


def summarize_metrics(cca, held_out, metrics, comparisons, flow) -> dict[str, float]:
    """Flat numbers for MLflow."""
    return summary.flat_metrics(summary.merge_held_out(cca, held_out), metrics, comparisons, flow)


def write_result_card(
    recipe: dict[str, Any],
    cohort, flow, folds, dimensions, cca, held_out, metrics, comparisons, attribution,
    associations, decision, tests, audit, audit_verdict, notes, fingerprints,
    disclosure: DisclosureParameters,
) -> dict[str, Any]:  # fmt: skip
    """Result card of this run."""
    recipe = Recipe.model_validate(recipe)
    merged = summary.merge_held_out(cca, held_out)
    return build_result_card(
        recipe,
        cohort.index,
        flow=flow,
        folds=folds,
        dimensions=dimensions,
        cca=merged,
        metrics=metrics,
        comparisons=comparisons,
        attribution=attribution,
        associations=associations,
        decision=decision,
        tests=tests,
        audit=audit,
        audit_verdict=audit_verdict,
        warnings=summary.write_warnings(recipe, merged, notes),
        fingerprints=fingerprints,
        run_id=provenance.active_run_id(),
        version=provenance.code_version(),
        minimum_cell=disclosure.minimum_cell,
    )


def write_report(
    recipe: dict[str, Any],
    flow, folds, dimensions, cca, null, held_out, loadings, predictions, metrics, comparisons,
    attribution, attribution_notes, associations, tests, audit, audit_verdict, decision, notes,
    dimension_search, card, regions,
) -> str:  # fmt: skip
    """Self-contained HTML report."""
    drawn = draw_figures(
        recipe, flow, cca, null, held_out, loadings, predictions, metrics, attribution, regions
    )
    recipe = Recipe.model_validate(recipe)
    merged = summary.merge_held_out(cca, held_out)
    names = (
        "sample_flow",
        "canonical_correlations",
        "loadings",
        "performance",
        "curves",
        "attribution",
        "brain_maps",
    )
    metric_names = list(metrics["metric"].unique())
    class_names = [m.removeprefix(AUROC) for m in metric_names if m.startswith(AUROC)]
    sizes = dimensions.groupby(["block", "variant"], sort=False)
    return render_report(
        recipe=recipe,
        alpha=recipe.experiment.alpha,
        n_subjects=int(flow["remaining"].iloc[-1]),
        folds=folds,
        figures=dict(zip(names, drawn, strict=True)),
        findings=summary.write_findings(
            recipe, merged, metrics, comparisons, attribution, associations, decision, tests
        )
        + search_findings(dimension_search),
        dimension_search=dimension_search,
        warnings=summary.write_warnings(recipe, merged, notes),
        cca=merged,
        metrics=metrics,
        metric_names=[m for m in metric_names if not m.startswith((AUROC, PREVALENCE))],
        class_names=class_names,
        metric_rows=metric_rows(metrics),
        comparisons=comparisons,
        attribution=attribution,
        attribution_notes=attribution_notes,
        associations=associations,
        tests=tests,
        family=STATEMENT,
        audit=audit.fillna({"block": "", "unit": "", "detail": ""}),
        audit_verdict=audit_verdict,
        dimension_rows=list(
            sizes[["features", "kept", "asked", "dim", "variance"]]
            .mean()
            .reset_index()
            .itertuples()
        ),
        decision=decision,
        card_id=card["id"],
        run_id=card.get("mlflow_run_id"),
        version=card["code_version"],
    )


def metric_rows(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per model with a formatted cell per metric."""
    rows = []
    for (model, variant, algorithm), frame in metrics.groupby(
        ["model", "variant", "algorithm"], sort=False
    ):
        cells = {}
        for row in frame.itertuples():
            interval = f" [{row.ci_low:.2f}, {row.ci_high:.2f}]" if pd.notna(row.ci_low) else ""
            cells[row.metric] = format_number(float(row.value)) + interval
        rows.append({"model": model, "variant": variant, "algorithm": algorithm, "cells": cells})
    return rows
