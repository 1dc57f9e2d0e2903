"""Table of the comparison with reference maps."""

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import PAIR, SIDE

COMPARISONS = Contract(
    "integration.map_comparisons",
    "One map of loadings against one reference map, over regions.",
    "model_output",
    (
        *PAIR,
        SIDE,
        Column("block", "Block of the map of loadings.", "text"),
        Column("group", "Measure of the map.", "text"),
        Column("map", "Reference map.", "text"),
        Column("method", "Spatial null model.", "text"),
        Column("correlation", "Pearson correlation of the two maps over regions."),
        Column("p_raw", "Two-sided p by the spatial null model."),
        Column("p_adjusted", "The same, over all comparisons of the run."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("p_error", "Monte-Carlo standard error of p_raw."),
        Column("p_naive", "What a test that takes regions as independent would say; no result."),
        Column("n_regions", "Regions compared.", "integer"),
        Column("n_lost", "Regions of the map of loadings without a place or a reference value.",
               "integer"),
        Column("note", "Why there is no comparison, or nothing.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
