"""Are the maps of canonical axes like published maps of the brain?"""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis, Claims
from neurogenomics_kb.pipelines.integration.analyses.reference_maps import nodes, present, tables
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.compare import ADJUSTMENT

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.compare_reference_maps,
            inputs=["recipe", "cca", "cca_loadings", "reporting.reference_maps", "reporting.sphere",
                    "reporting.regions"],
            outputs="map_comparisons",
            name="compare_reference_maps",
        ),
    ),
    tables=(tables.COMPARISONS,),
    present=present.present_maps,
    present_inputs=("integration.map_comparisons",),
    claims=(
        Claims(
            "integration.map_comparisons", "spatial correlation",
            "{block}, {group}, component {component} of {x} and {y}, with {map}",
            p_raw="p_raw", p_adjusted="p_adjusted", adjustment=ADJUSTMENT,
        ),
    ),
)  # fmt: skip
