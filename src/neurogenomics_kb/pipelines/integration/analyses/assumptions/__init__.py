"""What the permutation test of canonical correlation assumes, and what it finds without that."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.assumptions import nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.check_assumptions,
            inputs=["recipe", "cohort", "blocks", "cca"],
            outputs=["assumptions", "sensitivity"],
            name="check_assumptions",
        ),
    ),
    tables=(tables.CHECKS, tables.SENSITIVITY),
    present=present.present_assumptions,
    present_inputs=("integration.assumptions", "integration.sensitivity"),
)
