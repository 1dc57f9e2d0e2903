"""Structural MRI: FreeSurfer tables to regional features."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.smri.nodes import assess_quality, build_features


def create_pipeline() -> Pipeline:
    """Structural MRI pipeline."""
    return Pipeline(
        [
            Node(
                assess_quality,
                ["freesurfer", "euler", "group_image_quality", "params:quality"],
                "quality",
                name="assess_quality",
            ),
            Node(build_features, ["freesurfer", "quality"], "features", name="build_features"),
        ],
        namespace="smri",
    )
