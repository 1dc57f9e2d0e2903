"""What the prediction says of curves and products of the confounds."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.curved_design import (
    PEOPLE_PER_COLUMN,
)
from neurogenomics_kb.pipelines.view import (
    Heading,
    Item,
    Note,
    Statement,
    Table,
    finite,
    format_p,
    head,
    interval,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe


def disagrees(recipe: Recipe, curves: pd.DataFrame) -> bool:
    """Whether curves change what all blocks add by more than chance, downwards or upwards."""
    return bool((curves["p_change"] < recipe.experiment.alpha).any())


def sentences(recipe: Recipe, curves: pd.DataFrame) -> list[str]:
    """The difference with and without curves, and whether it changed."""
    out = []
    for r in curves.itertuples():
        if pd.isna(r.p_change):
            verdict = "with one test set it is not told whether the change is more than chance"
        elif r.p_change < recipe.experiment.alpha:
            verdict = f"the change is more than chance ({format_p(r.p_change)})"
        else:
            verdict = f"the change may be chance ({format_p(r.p_change)})"
        out.append(
            f"With curves and products of the confounds in both, {r.model} over {r.reference} is "
            f"{r.curved_difference:+.3f} ({format_p(r.curved_p_raw)}); as on the card it is "
            f"{r.difference:+.3f} ({format_p(r.p_raw)}); {verdict}."
        )
    return out


def items(recipe: Recipe, curves: pd.DataFrame) -> list[Item]:
    """Both differences side by side, or why there is one."""
    title = Heading(text="With curves and products of the confounds")
    if curves.empty:
        return [
            title,
            Note(
                text="Not told: no confound has a curve or a product, or the richer design has "
                f"more columns than a {PEOPLE_PER_COLUMN}th of the training people."
            ),
        ]
    return [
        title,
        Table(
            name="curved comparisons",
            head=head(
                ["model", "against", "algorithm", "confounds"],
                ["difference", "95 % interval", "p"],
            ),
            rows=[cells for r in curves.itertuples() for cells in _rows(recipe, r)],
        ),
        Note(
            text=f"Beside the covariates: {curves['curves'].iloc[0]}. They are fitted in the "
            "training fold, and what they explain of the blocks is taken out. The last row asks, "
            "two-sided, whether the difference changed (corrected resampled t-test over folds); a "
            "change that is more than chance says that the straight lines of the card were not "
            "enough, and then the row with curves is the one to read. These rows are a check of "
            "the first one and no further claims."
        ),
    ]


def _rows(recipe: Recipe, r) -> list:
    """As on the card, with curves, and the change."""
    names = [word(r.model), word(r.reference), word(r.algorithm)]

    def cells(label: str, value: float, low: float, high: float, p: float) -> list:
        ends = numeric(interval(low, high, signed=True))
        return [*names, word(label), numeric(f"{value:+.3f}"), ends, p_cell(p)]

    return [
        row(cells("as on the card", r.difference, r.ci_low, r.ci_high, r.p_raw)),
        row(
            cells(
                "with curves", r.curved_difference, r.curved_ci_low, r.curved_ci_high,
                r.curved_p_raw,
            )
        ),
        row(
            cells("change", r.change, r.change_ci_low, r.change_ci_high, r.p_change),
            hit=r.p_change < recipe.experiment.alpha,
        ),
    ]  # fmt: skip


def statements(curves: pd.DataFrame) -> list[Statement]:
    """The difference with curves, and its change, for the result card."""
    out = []
    for r in curves.itertuples():
        test = f"{r.model} over {r.reference} ({r.algorithm})"
        out += [
            Statement(
                test=test,
                measure=f"difference of {r.metric}, with curves of the confounds",
                estimate=finite(r.curved_difference),
                ci_low=finite(r.curved_ci_low),
                ci_high=finite(r.curved_ci_high),
                p_raw=finite(r.curved_p_raw),
            ),
            Statement(
                test=test,
                measure=f"change of that difference of {r.metric}, with curves of the confounds",
                estimate=finite(r.change),
                ci_low=finite(r.change_ci_low),
                ci_high=finite(r.change_ci_high),
                p_raw=finite(r.p_change),
            ),
        ]
    return out
