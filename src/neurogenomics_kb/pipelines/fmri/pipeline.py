"""Functional MRI: parcel time series to connectivity."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.fmri.nodes import assess_quality, build_features


def create_pipeline() -> Pipeline:
    """Functional MRI pipeline."""
    return Pipeline(
        [
            Node(
                assess_quality,
                ["timeseries", "confounds", "group_motion", "params:quality"],
                "quality",
                name="assess_quality",
            ),
            Node(
                build_features,
                ["timeseries", "confounds", "sidecar", "quality", "params:connectivity"],
                "features",
                name="build_features",
            ),
        ],
        namespace="fmri",
    )
