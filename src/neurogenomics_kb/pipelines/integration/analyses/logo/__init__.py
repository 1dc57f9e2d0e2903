"""Leave-one-out attribution of a block's prediction to its genes, regions or scales."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims, Drawing
from neurogenomics_kb.pipelines.integration.analyses.logo import figures, nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.logo.leave_one_out import ADJUSTMENT

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.attribute_block,
            inputs=["recipe", "cohort", "blocks", "folds"],
            outputs=["attribution", "attribution_notes"],
            name="attribute_block",
        ),
    ),
    tables=(tables.ATTRIBUTION, tables.NOTES),
    present=present.present_attribution,
    present_inputs=("integration.attribution", "integration.attribution_notes"),
    claims=(
        Claims(
            "integration.attribution", "leave one out", "{block} without {unit}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=ADJUSTMENT,
        ),
    ),
    drawings=(Drawing("attribution", figures.draw_attribution, ("integration.attribution",)),),
)  # fmt: skip
