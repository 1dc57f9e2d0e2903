"""Partial associations of the canonical axes with the outcomes."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations import (
    nodes,
    present,
    tables,
)
from neurogenomics_kb.pipelines.integration.analyses.partial_correlations.associations import (
    ADJUSTMENT,
)

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.associate_axes,
            inputs=["recipe", "cohort", "axis_scores"],
            outputs="associations",
            name="associate_axes",
        ),
    ),
    tables=(tables.ASSOCIATIONS,),
    present=present.present_associations,
    present_inputs=("integration.associations",),
    claims=(
        Claims(
            "integration.associations",
            "association",
            "{x} and {y} {component} {block} with {outcome}, {measure}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=ADJUSTMENT,
            usual=lambda recipe: {"outcome": recipe.experiment.outcome},
        ),
    ),
)  # fmt: skip
