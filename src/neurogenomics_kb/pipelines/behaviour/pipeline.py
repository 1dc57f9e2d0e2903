"""Behaviour: questionnaires and tests to scores."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.behaviour.nodes import (
    assess_quality,
    build_features,
    score_instruments,
)


def create_pipeline() -> Pipeline:
    """Behaviour pipeline; `kb` holds the instrument cards."""
    return Pipeline(
        [
            Node(
                score_instruments,
                ["instruments", "kb", "params:instruments"],
                ["items", "missing_items"],
                name="score_instruments",
            ),
            Node(
                assess_quality,
                ["missing_items", "params:quality"],
                "quality",
                name="assess_quality",
            ),
            Node(build_features, ["items", "quality"], "features", name="build_features"),
        ],
        namespace="behaviour",
        inputs={"kb"},
    )
