"""Tables of axes and blocks in words."""

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.pipelines.integration.analyses.cca.tables import PAIR, SIDE

OVER_AXES = "largest over the concepts, Holm over axes"
OVER_SPACES = "Holm over blocks and measures"
_PUBLIC = {"format": "csv", "private": False, "tracked": "tables", "on_card": True}
_BRIDGE = (
    Column("bridge", "Alignment card.", "text"),
    Column("encoder", "Model card of the text encoder.", "text"),
    Column("weights", "Fingerprint of its weights; empty where they are absent.", "text"),
)
_UNITS = (
    Column("n_units", "Units with a text, those that share one counted once.", "integer"),
    Column("n_lost", "Units of the block without a text.", "integer"),
    Column("n_permutations", "Permutations of the texts among the units.", "integer"),
)
AXES = Contract(
    "integration.language_axes",
    "How well one concept describes one side of one canonical component.",
    "model_output",
    (
        *_BRIDGE,
        *PAIR,
        SIDE,
        Column("block", "Block of the side.", "text"),
        Column("concept", "Concept of a text set.", "text"),
        Column("rank", "Order among the concepts of the axis, from 1.", "integer"),
        Column("statistic", "Correlation over units of the size of the loadings and the likeness "
               "of the unit's text to the concept's."),
        Column("p_raw", "One-sided p of the concept alone, by permuted texts."),
        Column("p_concepts", "The same, family-wise over the concepts of the axis."),
        Column("p_concepts_low", "Lower end of its 95 % Monte-Carlo interval."),
        Column("p_concepts_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("p_within", "As p_concepts, from texts that are permuted inside groups of units "
               "(lobes) only; a gap where the texts name no groups. It describes and claims "
               "nothing."),
        Column("p_adjusted", "p_concepts over the axes of the run, for the first concept of each; "
               "a gap for the others, which claim nothing."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        *_UNITS,
    ),
    **_PUBLIC,
)  # fmt: skip
SPACES = Contract(
    "integration.language_spaces",
    "Whether units that are alike in a block have texts that are alike.",
    "model_output",
    (
        *_BRIDGE,
        Column("block", "Block; empty where the whole bridge could not be told.", "text"),
        Column("measure", "likeness (of pairs of units and pairs of texts) or retrieval (of a "
               "unit's text by a map from the other units).", "text"),
        Column("vectors", "What a unit's vector is: its mean profile of components, or its values "
               "over people.", "text"),
        Column("statistic", "Correlation of the similarities of pairs, or mean rank of the own "
               "text (1: always the nearest)."),
        Column("chance", "Its mean under permuted texts."),
        Column("recall", "Share of units whose own text is among the nearest tenth."),
        Column("recall_chance", "The same by chance."),
        Column("p_raw", "One-sided p by permuted texts."),
        Column("p_within", "The same from texts that are permuted inside groups of units (lobes) "
               "only; a gap where the texts name no groups."),
        Column("p_claimed", "p_within where there is one, since lobes alone make blocks like their "
               "texts; else p_raw."),
        Column("p_claimed_low", "Lower end of its 95 % Monte-Carlo interval."),
        Column("p_claimed_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("p_adjusted", "p_claimed over all rows."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        *_UNITS,
        Column("note", "Why it is not told, or nothing.", "text"),
    ),
    **_PUBLIC,
)  # fmt: skip
