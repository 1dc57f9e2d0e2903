"""Wiring of the recipe pipeline."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.recipe.nodes import write_recipe


def create_pipeline() -> Pipeline:
    """Experiment and knowledge base in, recipe out."""
    return Pipeline(
        [
            Node(
                write_recipe,
                inputs=["params:experiment", "params:cohort", "kb"],
                outputs="recipe",
                name="write_recipe",
            )
        ]
    )
