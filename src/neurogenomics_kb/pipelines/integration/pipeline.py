"""Wiring of the integration pipeline: what every run does, and the nodes of its analyses."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.integration import nodes
from neurogenomics_kb.pipelines.integration.analyses import load_analyses

FEATURES = [
    f"{modality}.{table}" for modality in nodes.MODALITIES for table in ("features", "quality")
]
# What comes from outside the namespace, whichever analysis reads it.
OUTSIDE = {"participants", "recipe", "harmonization_manifest"}


def create_pipeline() -> Pipeline:
    """Feature tables and recipe in, evidence out."""
    whole = [
        Node(
            nodes.standardize_participants,
            inputs=["participants", "recipe"],
            outputs="participants_standard",
            name="standardize_participants",
        ),
        Node(
            nodes.assemble_cohort,
            inputs=["recipe", "participants_standard", *FEATURES],
            outputs=["cohort", "blocks", "sample_flow", "notes"],
            name="assemble_cohort",
        ),
        Node(
            nodes.split_folds,
            inputs=["recipe", "cohort"],
            outputs=["folds", "fold_summary"],
            name="split_folds",
        ),
        Node(
            nodes.stream_projections,
            inputs=["recipe", "cohort", "blocks", "folds"],
            outputs=["projections", "dimensions"],
            name="project_blocks",
        ),
        *(node for analysis in load_analyses() for node in analysis.nodes),
        Node(
            nodes.collect_tests,
            inputs=[
                "recipe",
                *(claims.table.removeprefix("integration.") for _, claims in nodes.CLAIMS),
            ],
            outputs="tests",
            name="collect_tests",
        ),
        Node(
            nodes.decide_escalation,
            inputs=["recipe", "cohort", "ladder_rungs", "ladder_choice"],
            outputs="decision",
            name="decide_escalation",
        ),
    ]
    read = {name for node in whole for name in node.inputs}
    outside = {n for n in read if "." in n} | (OUTSIDE & read)
    return Pipeline(whole, namespace="integration", inputs=outside)
