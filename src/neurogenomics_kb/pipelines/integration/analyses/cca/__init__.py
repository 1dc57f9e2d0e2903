"""Canonical correlation between every pair of blocks: inference, held-out axes, loadings."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.integration.analyses.cca import figures, nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.cca.inference import ADJUSTMENT


def _first(recipe, row) -> bool:
    """First components are asked before later ones."""
    return row["component"] == 1


ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.infer_canonical_correlations,
            inputs=["recipe", "cohort", "blocks", "folds"],
            outputs=["cca", "cca_null", "cca_loadings", "cca_axes"],
            name="infer_canonical_correlations",
        ),
        Node(
            nodes.hold_out_canonical_correlations,
            inputs=["recipe", "cohort", "folds", "cca_axes", "projections", "blocks"],
            outputs=["cca_held_out", "axis_scores", "axis_direction"],
            name="hold_out_canonical_correlations",
        ),
    ),
    tables=(
        tables.INFERENCE, tables.NULL, tables.LOADINGS, tables.AXES, tables.HELD_OUT,
        tables.SCORES, tables.DIRECTION,
    ),
    present=present.present_cca,
    present_inputs=(
        "integration.cca", "integration.cca_held_out", "integration.cca_loadings",
        "integration.axis_direction",
    ),
    claims=(
        Claims(
            "integration.cca", "canonical correlation", "{x} and {y}, component {component}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=ADJUSTMENT, enters="p_adjusted",
            secondary=_first,
        ),
        Claims(
            "integration.cca", "held-out correlation", "{x} and {y}, component {component}",
            p_raw="", p_adjusted="p_held_out_adjusted", adjustment=ADJUSTMENT,
            enters="p_held_out_adjusted", secondary=_first,
        ),
    ),
    drawings=(
        Drawing(
            "canonical_correlations",
            figures.draw_canonical_correlations,
            ("integration.cca", "integration.cca_null", "integration.cca_held_out"),
        ),
        Drawing(
            "loadings", figures.draw_loadings, ("integration.cca_loadings", "integration.cca")
        ),
    ),
)  # fmt: skip
