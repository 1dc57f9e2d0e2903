"""Tables of the axes in common."""

from neurogenomics_kb.foundation.contracts import Column, Contract

_COMPONENT = Column("component", "Number of the component, from 1.", "integer")
_BLOCK = Column("block", "Block of the experiment.", "text")

AXES = Contract(
    "integration.joint_axes",
    "Permutation inference of one axis that all blocks have in common.",
    "model_output",
    (
        _COMPONENT,
        Column("shared", "Mean over blocks of the squared correlation with the axis; one over the "
               "number of blocks where nothing is shared, 1 where every block holds it."),
        Column("null_mean", "Mean of the same under permutation."),
        Column("p_raw", "Permutation p of what is left from this component on."),
        Column("p_adjusted", "The same, family-wise over the components."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("p_error", "Monte-Carlo standard error of p_raw."),
        Column("n", "People analysed.", "integer", "people"),
        Column("n_effective", "Dimensions of the residual space.", "integer"),
        Column("n_permutations", "Permutations, the identity left out.", "integer"),
        Column("smallest_p", "Smallest p that the design allows."),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
BLOCKS = Contract(
    "integration.joint_blocks",
    "How one block takes part in one axis in common.",
    "model_output",
    (
        _COMPONENT,
        _BLOCK,
        Column("dim", "Dimensions of the block.", "integer"),
        Column("correlation", "Correlation of the axis with its best approximation in the block."),
        Column("p_raw", "Permutation p of the block: its rows alone change places."),
        Column("p_adjusted", "The same, over the blocks of the component."),
        Column("adjustment", "How p_adjusted was made.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
LOADINGS = Contract(
    "integration.joint_loadings",
    "Structure coefficient of one feature on one axis in common.",
    "model_output",
    (
        _COMPONENT,
        _BLOCK,
        Column("feature", "Feature column.", "text"),
        Column("loading", "Correlation of the confound-adjusted feature with the axis."),
    ),
    private=False,
    tracked="tables",
)
