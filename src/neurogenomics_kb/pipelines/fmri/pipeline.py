"""Functional MRI: parcel time series to connectivity, runs to embeddings."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.fmri.embedding import embed_runs, join_features
from neurogenomics_kb.pipelines.fmri.nodes import assess_quality, build_features


def create_pipeline() -> Pipeline:
    """Functional MRI pipeline; `recipe` names the encoders."""
    return Pipeline(
        [
            Node(
                assess_quality,
                ["timeseries", "confounds", "group_motion", "params:quality"],
                "run_quality",
                name="assess_quality",
            ),
            Node(
                embed_runs,
                [
                    "timeseries",
                    "volumes",
                    "embeddings",
                    "confounds",
                    "sidecar",
                    "run_quality",
                    "recipe",
                    "params:embedding",
                    "params:quality",
                ],
                ["encoder_features", "encoding", "quality"],
                name="embed_runs",
            ),
            Node(
                build_features,
                ["timeseries", "confounds", "sidecar", "run_quality", "params:connectivity"],
                "connectivity_features",
                name="build_features",
            ),
            Node(
                join_features,
                ["connectivity_features", "encoder_features", "quality"],
                "features",
                name="join_features",
            ),
        ],
        namespace="fmri",
        inputs={"recipe"},
    )
