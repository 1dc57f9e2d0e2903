"""Axes in words, and blocks whose units are alike as their texts are; off by default."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims
from neurogenomics_kb.pipelines.integration.analyses.language import nodes, present, tables

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.describe_in_language,
            inputs=["recipe", "cohort", "blocks", "cca", "cca_loadings", "cca_axes"],
            outputs=["language_axes", "language_spaces"],
            name="describe_in_language",
        ),
    ),
    tables=(tables.AXES, tables.SPACES),
    present=present.present_language,
    present_inputs=("integration.language_axes", "integration.language_spaces"),
    claims=(
        Claims(
            "integration.language_axes", "axis in words",
            "{block}, component {component} of {x} and {y}, near “{concept}” ({bridge})",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=tables.OVER_AXES,
            enters="p_concepts",
        ),
        Claims(
            "integration.language_spaces", "block and texts", "{block}: {measure} ({bridge})",
            p_raw="p_claimed", p_adjusted="p_adjusted", adjustment=tables.OVER_SPACES,
        ),
    ),
)  # fmt: skip
