"""Wiring of the integration pipeline."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.integration import nodes

FEATURES = [
    f"{modality}.{table}" for modality in nodes.MODALITIES for table in ("features", "quality")
]
# What the audit reads beside features.
GENOTYPES = ["genomics.gene_call_rates", "genomics.haplotype_index"]


def create_pipeline() -> Pipeline:
    """Feature tables and recipe in, evidence out."""
    return Pipeline(
        [
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
                nodes.project_blocks,
                inputs=["recipe", "cohort", "blocks", "folds"],
                outputs=["projections", "dimensions"],
                name="project_blocks",
            ),
            Node(
                nodes.infer_canonical_correlations,
                inputs=["recipe", "cohort", "blocks", "folds"],
                outputs=["cca", "cca_null", "cca_loadings", "cca_axes"],
                name="infer_canonical_correlations",
            ),
            Node(
                nodes.hold_out_canonical_correlations,
                inputs=["recipe", "folds", "cca_axes", "projections", "blocks"],
                outputs=["cca_held_out", "axis_scores"],
                name="hold_out_canonical_correlations",
            ),
            Node(
                nodes.predict_outcome,
                inputs=["recipe", "cohort", "folds", "projections", "blocks"],
                outputs="predictions",
                name="predict_outcome",
            ),
            Node(
                nodes.score_models,
                inputs=["recipe", "cohort", "predictions"],
                outputs=["metrics", "comparisons"],
                name="score_models",
            ),
            Node(
                nodes.search_dimensions,
                inputs=["recipe", "cohort", "blocks", "folds"],
                outputs="dimension_search",
                name="search_dimensions",
            ),
            Node(
                nodes.attribute_block,
                inputs=["recipe", "cohort", "blocks", "folds"],
                outputs=["attribution", "attribution_notes"],
                name="attribute_block",
            ),
            Node(
                nodes.associate_axes,
                inputs=["recipe", "cohort", "axis_scores"],
                outputs="associations",
                name="associate_axes",
            ),
            Node(
                nodes.check_harmonization,
                inputs=["recipe", "cohort", "harmonization_manifest"],
                outputs="harmonization_notes",
                name="check_harmonization",
            ),
            Node(
                nodes.audit_confounding,
                inputs=[
                    "recipe",
                    "cohort",
                    "blocks",
                    "folds",
                    "projections",
                    "metrics",
                    *GENOTYPES,
                    "attribution",
                    "harmonization_notes",
                ],
                outputs=["audit", "audit_verdict"],
                name="audit_confounding",
                tags="audit",
            ),
            Node(
                nodes.collect_tests,
                inputs=["cca", "comparisons", "attribution", "associations"],
                outputs="tests",
                name="collect_tests",
            ),
            Node(
                nodes.decide_escalation,
                inputs=["recipe", "comparisons"],
                outputs="decision",
                name="decide_escalation",
            ),
        ],
        namespace="integration",
        inputs={"participants", "recipe", "harmonization_manifest", *GENOTYPES, *FEATURES},
    )
