"""Structural MRI: FreeSurfer tables to regional features, T1 volumes to embeddings."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.smri.embedding import embed_volumes
from neurogenomics_kb.pipelines.smri.nodes import assess_quality, build_features


def create_pipeline() -> Pipeline:
    """Structural MRI pipeline; `recipe` names the encoders."""
    return Pipeline(
        [
            Node(
                assess_quality,
                ["freesurfer", "euler", "group_image_quality", "params:quality"],
                "table_quality",
                name="assess_quality",
            ),
            Node(
                embed_volumes,
                ["volumes", "table_quality", "recipe", "params:embedding"],
                ["encoder_features", "encoding", "quality"],
                name="embed_volumes",
            ),
            Node(
                build_features,
                ["freesurfer", "encoder_features", "quality"],
                "features",
                name="build_features",
            ),
        ],
        namespace="smri",
        inputs={"recipe"},
    )
