"""Prediction of the outcome from covariates, every block and their fusion, on the same folds."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.integration.analyses.prediction import (
    figures,
    nodes,
    present,
    tables,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import COVARIATES
from neurogenomics_kb.pipelines.integration.analyses.prediction.score import (
    ADJUSTMENT,
    usual_comparison,
)
from neurogenomics_kb.pipelines.integration.design import first_algorithm


def _over_covariates(recipe, row) -> bool:
    """Whether it asks what a block adds to the covariates, by the first algorithm."""
    return row["reference"] == COVARIATES and row["algorithm"] == first_algorithm(recipe)


ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.predict_outcome,
            inputs=["recipe", "cohort", "folds", "projections", "blocks"],
            outputs="predictions",
            name="predict_outcome",
        ),
        Node(
            nodes.score_models,
            inputs=["recipe", "cohort", "predictions"],
            outputs=["metrics", "comparisons"],
            name="score_models",
        ),
        Node(
            nodes.compare_curved,
            inputs=["recipe", "cohort", "predictions"],
            outputs="curved_comparisons",
            name="compare_curved",
        ),
    ),
    tables=(tables.PREDICTIONS, tables.METRICS, tables.COMPARISONS, tables.CURVES),
    present=present.present_prediction,
    present_inputs=(
        "integration.metrics", "integration.comparisons", "integration.curved_comparisons",
    ),
    claims=(
        Claims(
            "integration.comparisons", "model comparison", "{model} over {reference}, {algorithm}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=ADJUSTMENT,
            secondary=_over_covariates, usual=usual_comparison,
        ),
    ),
    drawings=(
        Drawing("performance", figures.draw_performance, ("integration.metrics",)),
        Drawing("curves", figures.draw_curves, ("integration.predictions",)),
    ),
)  # fmt: skip
