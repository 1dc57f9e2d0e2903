"""Wiring of the reporting pipeline, from the list of analyses."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis
from neurogenomics_kb.pipelines.reporting import nodes
from neurogenomics_kb.pipelines.reporting.brain_maps import draw_brain_maps
from neurogenomics_kb.pipelines.reporting.figures import draw_sample_flow
from neurogenomics_kb.pipelines.reporting.view import build_view


def create_pipeline() -> Pipeline:
    """Tables of the integration in; figures, report, metrics and result card out."""
    analyses = load_analyses()
    parts = [f"{analysis.name}_part" for analysis in analyses]
    wired = [
        *(node for analysis in analyses for node in _nodes_of(analysis)),
        Node(
            draw_sample_flow, ["integration.sample_flow", "params:disclosure"],
            "sample_flow_figure", name="draw_sample_flow",
        ),
        Node(
            draw_brain_maps, ["regions", *parts], "brain_maps_figure", name="draw_brain_maps"
        ),
        Node(
            build_view,
            inputs=[
                "recipe", "integration.sample_flow", "integration.fold_summary",
                "integration.dimensions", "integration.tests", "integration.decision",
                "integration.notes", *parts,
            ],
            outputs="view",
            name="build_view",
        ),
        Node(nodes.summarize_metrics, "view", "metrics", name="summarize_metrics"),
        Node(
            nodes.write_result_card,
            inputs=[
                "recipe", "integration.cohort", "view", "fingerprints", "params:disclosure",
                *nodes.CARD_TABLES,
            ],
            outputs="result_card",
            name="write_result_card",
        ),
        Node(
            nodes.write_report,
            inputs=[
                "recipe", "view", "result_card", *(f"{name}_figure" for name in nodes.FIGURES)
            ],
            outputs="report",
            name="write_report",
        ),
    ]  # fmt: skip
    outside = {name for node in wired for name in node.inputs if name.startswith("integration.")}
    return Pipeline(
        wired,
        namespace="reporting",
        inputs={*outside, "recipe", "fingerprints"},
        parameters="params:disclosure",
    )


def _nodes_of(analysis: Analysis) -> list[Node]:
    """Figures of an analysis, and what it says."""
    return [
        *(
            Node(
                drawing.draw,
                inputs=["recipe", *drawing.inputs],
                outputs=f"{drawing.name}_figure",
                name=f"draw_{drawing.name}",
            )
            for drawing in analysis.drawings
        ),
        Node(
            analysis.present,
            inputs=["recipe", *analysis.present_inputs],
            outputs=f"{analysis.name}_part",
            name=f"present_{analysis.name}",
        ),
    ]
