"""Tables of the assumptions."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract

CAUTION, NOT_TOLD, OK = "caution", "not told", "ok"
PAIR = (
    Column("x", "Block on the first side.", "text"),
    Column("y", "Block on the second side.", "text"),
)

CHECKS = Contract(
    "integration.assumptions",
    "One check of what the canonical correlation of a pair of blocks assumes.",
    "model_output",
    (
        *PAIR,
        Column("check", "What was looked for.", "text"),
        Column("of", "Column that it is about; empty for all confounds, or all people.", "text"),
        Column("value", "Size of what was found: the smaller share of a block's variance that "
               "curves explain, a rank correlation of lengths, the smaller share of spread between "
               "groups, or a correlation of likeness."),
        Column("visible", "Size that the check sees in 80 of 100 cohorts of this size."),
        Column("bound", "Size that an answer of ok vouches for."),
        Column("p_raw", "Permutation p of the check; diagnostic, no claim of the run."),
        Column("level", "Level at which it warns, shared by the pairs of the run."),
        Column("answer", "caution, not told or ok.", "text"),
        Column("detail", "What else is known of it.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
SENSITIVITY = Contract(
    "integration.sensitivity",
    "One canonical component of a pair of blocks on one design.",
    "model_output",
    (
        *PAIR,
        Column("component", "Number of the canonical component, from 1.", "integer"),
        Column("design", "As on the card, with curves and interactions, or rows of one length.",
               "text"),
        Column("correlation", "Canonical correlation in sample."),
        Column("null_mean", "Mean of the canonical correlation under permutation."),
        Column("p_raw", "Permutation p of the trailing block from this component on."),
        Column("p_adjusted", "The same, family-wise over the components of the pair."),
        Column("p_adjusted_low", "Lower end of the 95 % Monte-Carlo interval of p_adjusted."),
        Column("p_adjusted_high", "Upper end of the 95 % Monte-Carlo interval of p_adjusted."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("n_effective", "Dimensions of the residual space.", "integer"),
        Column("n_permutations", "Permutations, the identity left out.", "integer"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
