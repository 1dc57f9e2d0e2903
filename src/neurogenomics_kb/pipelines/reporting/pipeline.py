"""Wiring of the reporting pipeline."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.reporting import nodes

FIGURES = [
    "sample_flow_figure",
    "canonical_correlations_figure",
    "loadings_figure",
    "performance_figure",
    "curves_figure",
    "attribution_figure",
    "brain_maps_figure",
]


def create_pipeline() -> Pipeline:
    """Tables of the integration in; figures, report, metrics and result card out."""
    nodes_ = [
        Node(
            nodes.draw_figures,
            inputs=[
                "recipe", "integration.sample_flow", "integration.cca", "integration.cca_null",
                "integration.cca_held_out", "integration.cca_loadings", "integration.predictions",
                "integration.metrics", "integration.attribution", "regions",
            ],
            outputs=FIGURES,
            name="draw_figures",
        ),
        Node(
            nodes.summarize_metrics,
            inputs=[
                "integration.cca", "integration.cca_held_out", "integration.metrics",
                "integration.comparisons", "integration.sample_flow",
            ],
            outputs="metrics",
            name="summarize_metrics",
        ),
        Node(
            nodes.write_result_card,
            inputs=[
                "recipe", "integration.cohort", "integration.sample_flow",
                "integration.fold_summary", "integration.dimensions", "integration.cca",
                "integration.cca_held_out", "integration.metrics", "integration.comparisons",
                "integration.attribution", "integration.associations", "integration.decision",
                "integration.tests", "integration.audit", "integration.audit_verdict",
                "integration.notes", "fingerprints", "params:disclosure",
            ],
            outputs="result_card",
            name="write_result_card",
        ),
        Node(
            nodes.write_report,
            inputs=[
                "recipe", "integration.sample_flow", "integration.fold_summary",
                "integration.dimensions", "integration.cca", "integration.cca_null",
                "integration.cca_held_out", "integration.cca_loadings", "integration.predictions",
                "integration.metrics", "integration.comparisons", "integration.attribution",
                "integration.attribution_notes", "integration.associations",
                "integration.tests", "integration.audit", "integration.audit_verdict",
                "integration.decision", "integration.notes", "integration.dimension_search",
                "result_card", "regions",
            ],
            outputs="report",
            name="write_report",
        ),
    ]  # fmt: skip
    outside = {name for node in nodes_ for name in node.inputs if name.startswith("integration.")}
    return Pipeline(
        nodes_,
        namespace="reporting",
        inputs={*outside, "recipe", "fingerprints"},
        parameters="params:disclosure",
    )
