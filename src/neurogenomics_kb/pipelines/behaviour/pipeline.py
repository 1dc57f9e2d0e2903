"""Behaviour: columns of questionnaires and tests to features."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.behaviour.nodes import assess_quality, build_features, select_items


def create_pipeline() -> Pipeline:
    """Behaviour pipeline."""
    return Pipeline(
        [
            Node(
                select_items,
                ["instruments", "params:instruments"],
                "items",
                name="select_items",
            ),
            Node(assess_quality, ["items", "params:quality"], "quality", name="assess_quality"),
            Node(build_features, ["items", "quality"], "features", name="build_features"),
        ],
        namespace="behaviour",
    )
