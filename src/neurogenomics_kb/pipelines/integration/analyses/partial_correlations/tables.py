"""Table of the partial associations."""

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import PAIR, SIDE

ASSOCIATIONS = Contract(
    "integration.associations",
    "Association of one axis with one outcome, all confounds adjusted for.",
    "model_output",
    (
        *PAIR,
        SIDE,
        Column("block", "Block of the side.", "text"),
        Column("outcome", "Outcome or association of the experiment.", "text"),
        Column("measure", "What the effect is.", "text"),
        Column("effect", "Effect of the axis."),
        Column("ci_low", "Lower end of the 95 % interval."),
        Column("ci_high", "Upper end of the 95 % interval."),
        Column("p_raw", "p of the association."),
        Column("p_adjusted", "False discovery rate over the claims of the table; a gap for what "
               "only describes."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("df", "Degrees of freedom; with clusters those of their variance."),
        Column("correction", "How likeness inside families or children was allowed for.", "text"),
        Column("n", "People with axis and outcome.", "integer", "people"),
        Column("note", "What a reader should know of the fit.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
