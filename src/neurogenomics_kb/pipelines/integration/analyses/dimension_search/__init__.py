"""How many components a prediction needs, chosen inside training folds."""

from kedro.pipeline import Node

from neurogenomics_kb.pipelines.integration.analyses.base import Analysis
from neurogenomics_kb.pipelines.integration.analyses.dimension_search import (
    nodes,
    present,
    tables,
)

ANALYSIS = Analysis(
    name=present.NAME,
    nodes=(
        Node(
            nodes.search_dimensions,
            inputs=["recipe", "cohort", "blocks", "folds"],
            outputs="dimension_search",
            name="search_dimensions",
        ),
    ),
    tables=(tables.SEARCH,),
    present=present.present_search,
    present_inputs=("integration.dimension_search",),
)
