"""Tables of the attribution."""

from neurogenomics_kb.foundation.contracts import Column, Contract

ATTRIBUTION = Contract(
    "integration.attribution",
    "What the prediction loses without one unit, or one cluster of correlated units, of a block.",
    "model_output",
    (
        Column("unit", "Gene, region or scale; the members of a cluster.", "text"),
        Column("level", "One unit (unit) or several that are correlated (cluster).", "text"),
        Column("delta", "Score of the full model less that without the unit, mean of folds."),
        Column("ci_low", "Lower end of the 95 % interval over folds."),
        Column("ci_high", "Upper end of the 95 % interval over folds."),
        Column("p_raw", "One-sided p of the paired swap test."),
        Column("p_raw_low", "Lower end of its 95 % Monte-Carlo interval."),
        Column("p_raw_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("p_adjusted", "The same, family-wise over all units and clusters."),
        Column("p_adjusted_low", "Lower end of its 95 % Monte-Carlo interval."),
        Column("p_adjusted_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("q_swap", "False discovery rate of the swap test over the table."),
        Column("p_t", "p of the corrected resampled t over folds."),
        Column("q_t", "Its false discovery rate."),
        Column("p_wilcoxon", "p of a Wilcoxon test over folds, for comparison only."),
        Column("q_wilcoxon", "Its false discovery rate."),
        Column("single_score", "Score of a model of the unit alone."),
        Column("single_low", "Lower end of its 95 % interval."),
        Column("single_high", "Upper end of its 95 % interval."),
        Column("block", "Block that is attributed.", "text"),
        Column("metric", "Which score.", "text"),
        Column("full_score", "Score of the full model."),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
NOTES = Contract(
    "integration.attribution_notes",
    "What the tests of the attribution can and cannot show with this design.",
    "model_output",
    format="json",
    private=False,
)
