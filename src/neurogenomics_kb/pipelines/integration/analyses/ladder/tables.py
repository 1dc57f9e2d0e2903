"""Tables of the ladder."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.foundation.naming import SUBJECT

_PUBLIC = {"format": "csv", "private": False, "tracked": "tables", "on_card": True}
PREDICTIONS = Contract(
    "integration.ladder_predictions",
    "Out-of-fold prediction of one person by one rung, one of its controls, or what inner folds "
    "chose.",
    "model_output",
    (
        Column("rung", "What predicts, for a reader; never taken apart.", "text"),
        Column("of", "Rung that it belongs to.", "text"),
        Column("role", "candidate, control, beside or chosen.", "text"),
        Column("repeat", "Always 0: the ladder uses the first division of the people.", "integer"),
        Column("fold", "Test fold, from 0.", "integer"),
        Column("outcome", "Outcome of the person."),
        Column("score", "Probability of the larger class, or predicted score."),
        Column("training_mean", "Mean outcome of the training people."),
        Column("n_features", "Columns of the projected blocks.", "integer"),
    ),
    index=SUBJECT,
)
RUNGS = Contract(
    "integration.ladder_rungs",
    "What one rung, control or second level reaches on the test folds.",
    "model_output",
    (
        Column("rung", "What predicts, for a reader.", "text"),
        Column("of", "Rung that it belongs to.", "text"),
        Column("role", "candidate (inner folds may choose it), control (tells where a gain comes "
               "from), beside (another second level of the same learners) or chosen.", "text"),
        Column("stage", "Stage of the ladder.", "text"),
        Column("metric", "Metric.", "text"),
        Column("value", "Mean over the test folds; a gap where the rung could not be fitted."),
        Column("ci_low", "Lower end of its 95 % interval."),
        Column("ci_high", "Upper end of its 95 % interval."),
        Column("p_chance", "One-sided p that it is no better than chance (corrected resampled t)."),
        Column("chosen", "Test folds whose inner folds chose it.", "integer"),
        Column("minutes", "Processor time on the folds.", unit="minutes"),
        Column("reason", "Why it could not be fitted, or chosen in every fold; empty where it "
               "could.", "text"),
    ),
    **_PUBLIC,
)  # fmt: skip
_DIFFERENCE = (
    Column("difference", "Metric of the first less that of the second."),
    Column("ci_low", "Lower end of its 95 % interval."),
    Column("ci_high", "Upper end of its 95 % interval."),
    Column("df", "Degrees of freedom."),
    Column("p_raw", "One-sided p that the first is no better (corrected resampled t)."),
    Column("p_adjusted", "The same adjusted in this table; a gap where it is no claim."),
    Column("adjustment", "How p_adjusted was made.", "text"),
)
COMPARISONS = Contract(
    "integration.ladder_comparisons",
    "One rung over late fusion (a claim), or over one of its controls.",
    "model_output",
    (
        Column("rung", "Rung.", "text"),
        Column("reference", "What it is compared with.", "text"),
        Column("metric", "Metric that is compared.", "text"),
        *_DIFFERENCE,
    ),
    **_PUBLIC,
)
CHOICE = Contract(
    "integration.ladder_choice",
    "What inner folds choose among all rungs, over late fusion: one line.",
    "model_output",
    (
        Column("rung", "Rung that most folds chose.", "text"),
        Column("folds", "Test folds that chose it.", "integer"),
        Column("of", "Test folds.", "integer"),
        Column("reference", "What the choice is compared with.", "text"),
        Column("metric", "Metric that is compared.", "text"),
        *_DIFFERENCE,
        Column("p_chance", "One-sided p that the choice is no better than chance."),
        Column("masks", "Whether people lack blocks, so that the choice must beat knowing who.",
               "flag"),
        Column("p_masks", "One-sided p that it is no better than knowing who lacks which block; a "
               "gap where nobody lacks one."),
        Column("smallest_seen", "True difference that 80 of 100 such cohorts would show."),
        Column("n", "People predicted.", "integer", "people"),
        Column("n_unlabelled", "People without an outcome whom rungs learned from; a gap where "
               "they are fewer than the smallest cell.", "integer", "people"),
        Column("minutes", "Processor time of the choice.", unit="minutes"),
    ),
    **_PUBLIC,
)  # fmt: skip
TRAINING = Contract(
    "integration.ladder_training",
    "One step of the training of one rung in one fold.",
    "model_output",
    (
        Column("rung", "Rung.", "text"),
        Column("fold", "Test fold, from 0.", "integer"),
        Column("initialisation", "Random start, from 0.", "integer"),
        Column("epoch", "Pass over the training people, from 0.", "integer"),
        Column("loss", "Mean loss of the training people."),
        Column("validation", "Mean loss of the inner families that stop the training."),
    ),
    format="csv",
    private=False,
    tracked="tables",
)
RANKS = Contract(
    "integration.ladder_ranks",
    "Rank of one column of one block in an ensemble, mean over the folds.",
    "model_output",
    (
        Column("rung", "Rung.", "text"),
        Column("block", "Block.", "text"),
        Column("column", "Component of the projected block, from 1.", "text"),
        Column("rank_product", "Rank in the learners times rank of the learners, 0 to 1; small is "
               "important."),
        Column("rank", "Order among the columns, from 1."),
    ),
    **_PUBLIC,
)  # fmt: skip
RETRIEVAL = Contract(
    "integration.ladder_retrieval",
    "How often a person's one block finds the other among people of the same site and ancestry.",
    "model_output",
    (
        Column("rung", "Rung.", "text"),
        Column("x", "Block that searches.", "text"),
        Column("y", "Block that is found.", "text"),
        Column("k", "Nearest people that count as found.", "integer"),
        Column("recall", "Share of held-out people who are found, mean over the folds."),
        Column("chance", "The same where pairs are permuted inside bins, families as wholes."),
        Column("p_raw", "Permutation p of the recall."),
        Column("bins", "Columns whose values a bin shares.", "text"),
        Column("n_permutations", "Permutations.", "integer"),
    ),
    **_PUBLIC,
)
