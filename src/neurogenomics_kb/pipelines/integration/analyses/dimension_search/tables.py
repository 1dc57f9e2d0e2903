"""Table of the dimension search."""

from neurogenomics_kb.foundation.contracts import Column, Contract

SEARCH = Contract(
    "integration.dimension_search",
    "One dimension of one block in one outer fold.",
    "model_output",
    (
        Column("block", "Block of the experiment.", "text"),
        Column("fold", "Outer test fold, from 0.", "integer"),
        Column("dim", "Principal components.", "integer"),
        Column("inner_score", "Mean score of the inner folds."),
        Column("inner_se", "Its standard error over the inner folds."),
        Column("best", "Whether it is the best of the inner folds.", "flag"),
        Column("chosen", "Whether it is the smallest within one standard error of it.", "flag"),
        Column("held_out", "Score of the outer test fold, which takes no part in the choice."),
        Column("metric", "Which score.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
