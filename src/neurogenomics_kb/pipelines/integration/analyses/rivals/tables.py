"""Tables of the rivals."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract

RIVALS = Contract(
    "integration.rivals",
    "What one block from an encoder adds to one of its rivals and the covariates.",
    "model_output",
    (
        Column("block", "Block that an encoder makes.", "text"),
        Column("encoder", "Model card of the encoder.", "text"),
        Column("rival", "Embedding strategy of the rival, an encoder with random weights, or the "
               "covariates alone.", "text"),
        Column("kind", "Cheaper features (rival), the encoder with random weights of one seed "
               "(twin), the twin that the block adds least surely to (twins), or covariates.",
               "text"),
        Column("algorithm", "Predictor of the experiment.", "text"),
        Column("metric", "Metric that is compared.", "text"),
        Column("difference", "Metric of block, rival and covariates less that of rival and "
               "covariates."),
        Column("ci_low", "Lower end of the 95 % interval."),
        Column("ci_high", "Upper end of the 95 % interval."),
        Column("df", "Degrees of freedom."),
        Column("p_raw", "One-sided p that the block adds nothing."),
        Column("p_adjusted", "The same over the claims of the table; a gap for what describes: "
               "single twins, and the covariates, which the prediction claims."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("smallest_difference", "True difference that such a comparison finds in 80 of 100 "
               "cohorts at the experiment's alpha."),
        Column("without", "People without the rival's features, who got the training mean; counts "
               "below 10 are not told.", "text"),
        Column("not_told", "Why there is no comparison; empty where there is one.", "text"),
        Column("seconds", "Time of the comparison.", unit="s"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
VERDICTS = Contract(
    "integration.model_verdicts",
    "Whether one encoder earned its place in one block.",
    "model_output",
    (
        Column("block", "Block that the encoder makes.", "text"),
        Column("model", "Model card of the encoder.", "text"),
        Column("strategy", "Embedding strategy of the block.", "text"),
        Column("verdict", "Whether the block adds to every rival: shown, not shown, not told.",
               "text"),
        Column("reason", "Why it is not told, or what it does not demonstrably add to.", "text"),
        Column("metric", "Metric that was compared.", "text"),
        Column("smallest_difference", "Difference that could have been seen in the least certain "
               "of the comparisons that decide."),
        Column("n_subjects", "People analysed.", "integer", "people"),
        Column("licence", "Terms of the encoder's weights.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",  # the card lists them itself
)  # fmt: skip
