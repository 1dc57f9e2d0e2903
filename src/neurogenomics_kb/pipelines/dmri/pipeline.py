"""Diffusion MRI: tables of tract means to features."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.dmri.nodes import assess_quality, build_features


def create_pipeline() -> Pipeline:
    """Diffusion pipeline."""
    return Pipeline(
        [
            Node(
                assess_quality,
                ["tracts", "group_image_quality", "params:quality"],
                "quality",
                name="assess_quality",
            ),
            Node(build_features, ["tracts", "quality"], "features", name="build_features"),
        ],
        namespace="dmri",
    )
