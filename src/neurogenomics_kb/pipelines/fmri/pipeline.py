"""Functional MRI: parcel time series to connectivity, runs to embeddings."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.fmri.embedding import embed_runs, join_features
from neurogenomics_kb.pipelines.fmri.nodes import assess_quality, average_parcels, build_features


def create_pipeline() -> Pipeline:
    """Functional MRI pipeline; `recipe` names the encoders. Long, being a list of nodes."""
    return Pipeline(
        [
            Node(
                average_parcels,
                [
                    "volumes",
                    "atlas",
                    "sidecar",
                    "recipe",
                    "params:quality",
                    "params:connectivity",
                ],
                "parcels",
                name="average_parcels",
            ),
            Node(
                assess_quality,
                [
                    "timeseries",
                    "parcels",
                    "confounds",
                    "sidecar",
                    "group_motion",
                    "recipe",
                    "params:quality",
                ],
                "run_quality",
                name="assess_quality",
            ),
            Node(
                embed_runs,
                [
                    "timeseries",
                    "parcels",
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
                [
                    "timeseries",
                    "parcels",
                    "confounds",
                    "sidecar",
                    "atlas",
                    "run_quality",
                    "recipe",
                    "params:connectivity",
                ],
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
