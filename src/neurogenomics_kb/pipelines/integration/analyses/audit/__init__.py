"""Audit of leakage and confounding, and what a harmonization did to site and biology."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.audit import nodes, present, table
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.check_harmonization,
            inputs=["recipe", "cohort", "harmonization_manifest"],
            outputs="harmonization_notes",
            name="check_harmonization",
        ),
        Node(
            nodes.audit_confounding,
            inputs=[
                "recipe", "cohort", "blocks", "folds", "projections", "metrics",
                "genomics.gene_call_rates", "genomics.haplotype_index", "attribution",
            ],
            outputs="audit_checks",
            name="audit_confounding",
            tags="audit",
        ),
        Node(
            nodes.judge_audit,
            inputs=["recipe", "cohort", "blocks", "folds", "audit_checks", "harmonization_notes"],
            outputs=["audit", "audit_verdict"],
            name="judge_audit",
            tags="audit",
        ),
    ),
    tables=(table.HARMONIZATION_NOTES, table.CHECKS, table.AUDIT, table.VERDICT),
    present=present.present_audit,
    present_inputs=("integration.audit", "integration.audit_verdict"),
)  # fmt: skip
