"""Tables of the canonical correlation analysis, and axes by pair, component and side."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.foundation.contracts import Column, Contract
from neurogenomics_kb.foundation.naming import SUBJECT

AXIS = ["x", "y", "component", "side"]
PAIR = (
    Column("x", "Block on the first side.", "text"),
    Column("y", "Block on the second side.", "text"),
    Column("component", "Number of the canonical component, from 1.", "integer"),
)
SIDE = Column("side", "Side that the row is about, x or y.", "text")
_SCORE = Column("score", "Canonical variate, in standard deviations.", unit="SD")

INFERENCE = Contract(
    "integration.cca",
    "Permutation inference of one canonical component of a pair of blocks.",
    "model_output",
    (
        *PAIR,
        Column("correlation", "Canonical correlation in sample."),
        Column("null_mean", "Mean of the canonical correlation under permutation."),
        Column("p_raw", "Permutation p of the trailing block from this component on."),
        Column("p_adjusted", "The same, family-wise over the components of the pair."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("p_raw_low", "Lower end of the 95 % Monte-Carlo interval of p_raw."),
        Column("p_raw_high", "Upper end of the 95 % Monte-Carlo interval of p_raw."),
        Column("p_adjusted_low", "Lower end of the 95 % Monte-Carlo interval of p_adjusted."),
        Column("p_adjusted_high", "Upper end of the 95 % Monte-Carlo interval of p_adjusted."),
        Column("p_held_out_adjusted", "Permutation p of the held-out correlation, one-sided, "
               "closed over components."),
        Column("p_held_out_adjusted_low", "Lower end of its 95 % Monte-Carlo interval."),
        Column("p_held_out_adjusted_high", "Upper end of its 95 % Monte-Carlo interval."),
        Column("held_out_projected", "Held-out correlation that this p belongs to."),
        Column("n", "People analysed.", "integer", "people"),
        Column("n_effective", "Dimensions of the residual space.", "integer"),
        Column("x_dim", "Dimensions of the first block.", "integer"),
        Column("y_dim", "Dimensions of the second block.", "integer"),
        Column("x_variance", "Share of the first block's variance that its dimensions keep."),
        Column("y_variance", "Share of the second block's variance that its dimensions keep."),
        Column("x_redundancy", "Share of the first block that the other axis explains."),
        Column("y_redundancy", "Share of the second block that the other axis explains."),
        Column("bootstrap_x", "Stability of the first axis over resampled families, 0 to 1."),
        Column("bootstrap_y", "Stability of the second axis over resampled families, 0 to 1."),
        Column("split_half_x", "Stability of the first axis over disjoint halves, 0 to 1."),
        Column("split_half_y", "Stability of the second axis over disjoint halves, 0 to 1."),
        Column("n_permutations", "Permutations that p_raw rests on, the identity left out.",
               "integer"),
        Column("n_permutations_held_out", "Permutations that the held-out p of the component "
               "rests on."),
        Column("smallest_p", "Smallest p that the design allows."),
        Column("regularisation", "Regularisation of the analysis.", "text"),
        Column("method", "Statistic and residual space.", "text"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)  # fmt: skip
NULL = Contract(
    "integration.cca_null",
    "Canonical correlation of one component under one permutation.",
    "model_output",
    (*PAIR, Column("correlation", "Canonical correlation under permutation.")),
    private=False,
)
LOADINGS = Contract(
    "integration.cca_loadings",
    "Structure coefficient of one feature on one component.",
    "model_output",
    (
        *PAIR,
        SIDE,
        Column("block", "Block of the feature.", "text"),
        Column("feature", "Feature column.", "text"),
        Column("group", "Measure or encoder of the feature.", "text"),
        Column("unit", "Gene, region, edge or scale of the feature.", "text"),
        Column("loading", "Correlation of the confound-adjusted feature with its own variate."),
        Column("loading_se", "Bootstrap standard error of the loading."),
        Column("cross_loading", "Correlation of the feature with the other block's variate, whose "
               "weights come from people of other folds."),
        Column("p_raw", "Permutation p of the cross-loading, two-sided."),
        Column("p_adjusted", "The same, family-wise over the features of the side, given the "
               "axis."),
        Column("adjustment", "How p_adjusted was made.", "text"),
        Column("selection", "Share of random halves of the families in which the feature is among "
               "the largest of its side, with the same sign."),
    ),
    private=False,
    tracked="tables",
)  # fmt: skip
AXES = Contract(
    "integration.cca_axes",
    "In-sample canonical variate of one person on one side of one component.",
    "model_output",
    (*PAIR, SIDE, _SCORE),
    index=SUBJECT,
)
HELD_OUT = Contract(
    "integration.cca_held_out",
    "Canonical correlation of one component in one test fold.",
    "model_output",
    (
        *PAIR,
        Column("fold", "Test fold, from 0.", "integer"),
        Column("training", "Canonical correlation in the training fold."),
        Column("held_out", "Correlation of the variates of test subjects."),
        Column("stability_x", "Absolute correlation of the first axis with that of all subjects."),
        Column("stability_y", "Absolute correlation of the second axis with that of all subjects."),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)
SCORES = Contract(
    "integration.axis_scores",
    "Out-of-fold canonical variate of one person on one side of one component.",
    "model_output",
    (*PAIR, SIDE, _SCORE),
    index=SUBJECT,
)
DIRECTION = Contract(
    "integration.axis_direction",
    "How one side of one component goes with the outcome, since the sign of an axis is arbitrary.",
    "model_output",
    (
        *PAIR,
        SIDE,
        Column("block", "Block of the side.", "text"),
        Column("outcome", "Outcome of the experiment.", "text"),
        Column("correlation", "Correlation of the out-of-fold variate with the outcome."),
        Column("n", "People with both.", "integer", "people"),
    ),
    format="csv",
    private=False,
    tracked="tables",
    on_card=True,
)


def axes_to_rows(axes: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Axes in columns named by pair, component and side as rows that a file can hold.

    Parameters
    ----------
    axes : DataFrame (n, axes)
        Columns are tuples of x, y, component and side.
    contract : Contract
        Whose columns the rows get.
    """
    parts = [
        axes[[key]].set_axis(["score"], axis=1).assign(**dict(zip(AXIS, key, strict=True)))
        for key in axes.columns
    ]
    rows = pd.concat(parts)[list(contract.names)] if parts else contract.empty()
    return rows.rename_axis(index=SUBJECT)


def axes_of_rows(rows: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """The reverse of `axes_to_rows`, for the people of an index in its order."""
    found = {key: part["score"].reindex(index) for key, part in rows.groupby(AXIS, sort=False)}
    columns = pd.MultiIndex.from_tuples(list(found), names=AXIS) if found else None
    table = pd.DataFrame(dict(enumerate(found.values())), index=index)
    return table if columns is None else table.set_axis(columns, axis=1)
