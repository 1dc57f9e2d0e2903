"""Tables that every analysis of a run shares."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.foundation.naming import SUBJECT

PARTICIPANTS = Contract(
    "integration.participants_standard",
    "One person (one visit in longitudinal cohorts) under the canonical names of the dataset card.",
    "primary",
    index=SUBJECT,
    further="Columns of the dataset card's table of participants.",
    file="participants.parquet",
)
COHORT = Contract(
    "integration.cohort",
    "One analysed person: outcome, associations, groups and covariates.",
    "model_input",
    index=SUBJECT,
    further="Columns of the dataset card that the experiment and its strategies name.",
)
BLOCKS = Contract(
    "integration.blocks",
    "Features of one analysed person in one block, a table per block.",
    "model_input",
    format="partitions",
    index=SUBJECT,
    further="Features, <modality>__<group>__<unit>[__<component>].",
)
FLOW = Contract(
    "integration.sample_flow",
    "People excluded by one step, and those who remain after it.",
    "model_input",
    (
        Column("step", "Why people were left out.", "text"),
        Column("excluded", "How many.", "integer", "people"),
        Column("remaining", "How many are left.", "integer", "people"),
    ),
    format="csv",
    # No row is about a person, but small counts are about few.
    private=True,
)
NOTES = Contract(
    "integration.notes",
    "What the report should say of the sample.",
    "model_input",
    format="json",
    private=False,
)
FOLDS = Contract(
    "integration.folds",
    "Test fold of one person.",
    "model_input",
    (Column("fold", "Number of the test fold, from 0; -1 is never tested.", "integer"),),
    index=SUBJECT,
    further="fold_2, fold_3, … of further repeats, numbered on.",
)
FOLD_SUMMARY = Contract(
    "integration.fold_summary",
    "Scheme, sizes and hash of the folds.",
    "model_input",
    format="json",
    private=False,
    tracked="folds",
)
PROJECTIONS = Contract(
    "integration.projections",
    "One person on the components of one block as one fold sees them, a table per block, variant "
    "and fold.",
    "models",
    format="partitions",
    index=SUBJECT,
    further="Components, or coded covariates.",
)
DIMENSIONS = Contract(
    "integration.dimensions",
    "Effective dimension of one block in one training fold.",
    "models",
    (
        Column("block", "Block of the experiment.", "text"),
        Column("variant", "Confounds regressed out (adjusted) or left in (unadjusted).", "text"),
        Column("fold", "Test fold, from 0, numbered on over repeats.", "integer"),
        Column("n_train", "People in the training fold.", "integer", "people"),
        Column("features", "Features of the block.", "integer"),
        Column("kept", "Features that the filters keep.", "integer"),
        Column("asked", "Dimension that the card asks for.", "integer"),
        Column("dim", "Dimension used.", "integer"),
        Column("variance", "Share of the variance that it keeps."),
    ),
    format="csv",
    private=False,
    on_card=True,
    preview_rows=20,
)
TESTS = Contract(
    "integration.tests",
    "One claim of the run, adjusted over all of them.",
    "model_output",
    (
        Column("analysis", "Analysis that makes the claim.", "text"),
        Column("source", "Kind of test.", "text"),
        Column("test", "What was tested, for a reader.", "text"),
        Column("tier", "When it is asked: primary, secondary or exploratory.", "text"),
        Column("p_raw", "p before any adjustment; a gap where only an adjusted one is valid."),
        Column("p_adjusted", "p as adjusted in its own table."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("p_entered", "p that enters the family: valid for its own null hypothesis."),
        Column("p_entered_low", "Lower end of its 95 % Monte-Carlo interval; p itself where no "
               "permutation gave it."),
        Column("p_entered_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("p_run", "p over the run, gatekeeping over the tiers."),
        Column("p_run_low", "The same with the lower ends of all tests."),
        Column("p_run_high", "The same with the upper ends of all tests."),
        Column("q_run", "Benjamini-Yekutieli over the run."),
        Column("standing", "Whether it stands over the run at the experiment's alpha: stands, "
               "undecided, does not stand.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
DECISION = Contract(
    "integration.decision",
    "What the escalation rule gives, and on which numbers.",
    "model_output",
    format="json",
    private=False,
    tracked="tables",
)
TABLES = (
    PARTICIPANTS, COHORT, BLOCKS, FLOW, NOTES, FOLDS, FOLD_SUMMARY,
    PROJECTIONS, DIMENSIONS, TESTS, DECISION,
)  # fmt: skip
