"""Axes that three or more blocks have in common."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims
from neurogenomics_kb.pipelines.integration.analyses.joint_axes import nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.joint_axes.infer import (
    OVER_BLOCKS,
    OVER_COMPONENTS,
)

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.infer_joint_axes,
            inputs=["recipe", "cohort", "blocks"],
            outputs=["joint_axes", "joint_blocks", "joint_loadings"],
            name="infer_joint_axes",
        ),
    ),
    tables=(tables.AXES, tables.BLOCKS, tables.LOADINGS),
    present=present.present_joint_axes,
    present_inputs=(
        "integration.joint_axes", "integration.joint_blocks", "integration.joint_loadings",
    ),
    claims=(
        Claims(
            "integration.joint_axes", "axis in common", "all blocks, component {component}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=OVER_COMPONENTS,
            enters="p_adjusted",
        ),
        Claims(
            "integration.joint_blocks", "block in a common axis",
            "{block}, component {component}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=OVER_BLOCKS,
        ),
    ),
)  # fmt: skip
