"""What the axes in common say in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    Note,
    Part,
    Section,
    Statement,
    Table,
    finite,
    format_p,
    head,
    number,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "joint_axes"
# Features of a block that the report names; the table of the run holds all.
NAMED = 3


def present_joint_axes(
    recipe: Recipe, axes: pd.DataFrame, blocks: pd.DataFrame, loadings: pd.DataFrame
) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    axes, blocks, loadings : DataFrame
        Tables of the analysis.
    """
    if NAME not in recipe.experiment.analyses:
        return Part(analysis=NAME)
    if axes.empty:
        return Part(
            analysis=NAME,
            cautions=["Axes in common: not told, since the cohort has fewer than three blocks."],
        )
    alpha = recipe.experiment.alpha
    return Part(
        analysis=NAME,
        findings=[_finding(axes, blocks, alpha)],
        sections=[
            Section(
                id="joint-axes",
                title="Axes in common",
                items=[
                    _axes_table(axes, alpha),
                    _blocks_table(blocks, loadings, alpha),
                    Note(
                        text="The axis that all blocks come closest to (MAXVAR). Shared: mean "
                        "squared correlation of the blocks with it; chance is its mean when the "
                        "rows of all blocks but one change places. The p of an axis asks whether "
                        "any blocks are related, two being enough; the p of a block asks whether "
                        "that block is related to the others."
                    ),
                ],
            )
        ],
        statements=[
            Statement(
                test=f"axis in common of all blocks, component {line.component}",
                measure="mean squared correlation of the blocks with the axis",
                estimate=finite(line.shared),
                p_raw=finite(line.p_raw),
                p_adjusted=finite(line.p_adjusted),
                adjustment=line.adjustment,
            )
            for line in axes[axes["component"] == 1].itertuples()
        ],
        metrics={
            **{
                f"joint_axes/{line.component}/{field}": float(getattr(line, field))
                for line in axes.itertuples()
                for field in ("shared", "p_adjusted")
            },
            **{
                f"joint_axes/{line.component}/{line.block}/{field}": float(getattr(line, field))
                for line in blocks.itertuples()
                for field in ("correlation", "p_adjusted")
            },
        },
    )


def _finding(axes: pd.DataFrame, blocks: pd.DataFrame, alpha: float) -> str:
    """One sentence: how many axes, and which blocks take part in the first."""
    first = axes.iloc[0]
    own = blocks[blocks["component"] == first["component"]]
    part = own.loc[own["p_adjusted"] < alpha, "block"].tolist()
    who = f"{', '.join(part)} take part in the first" if part else "no block passes by itself"
    return (
        f"Of {own.shape[0]} blocks together, {int((axes['p_adjusted'] < alpha).sum())} of "
        f"{len(axes)} tested axes in common are significant family-wise; {who} (shared "
        f"{first['shared']:.2f}, {first['null_mean']:.2f} by chance; "
        f"{format_p(first['p_adjusted'])})."
    )


def _axes_table(axes: pd.DataFrame, alpha: float) -> Table:
    """Every component."""
    return Table(
        name="axes in common",
        head=head([], ["component", "shared", "chance", "p, family-wise", "p, uncorrected",
                       "MC error", "N / effective", "permutations", "smallest attainable p"]),
        rows=[
            row(
                [
                    number(r.component),
                    number(r.shared),
                    number(r.null_mean),
                    p_cell(r.p_adjusted),
                    p_cell(r.p_raw),
                    number(r.p_error, 4),
                    numeric(f"{r.n} / {r.n_effective}"),
                    number(r.n_permutations),
                    p_cell(r.smallest_p),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in axes.itertuples()
        ],
    )  # fmt: skip


def _blocks_table(blocks: pd.DataFrame, loadings: pd.DataFrame, alpha: float) -> Table:
    """Every block of every component, with its largest loadings."""
    return Table(
        name="blocks of the axes in common",
        head=[
            *head(["block"], ["component", "dims", "correlation", "p, over blocks",
                              "p, uncorrected"]),
            *head(["largest loadings"]),
        ],
        rows=[
            row(
                [
                    word(r.block),
                    number(r.component),
                    number(r.dim),
                    number(r.correlation),
                    p_cell(r.p_adjusted),
                    p_cell(r.p_raw),
                    word(_largest(loadings, r.component, r.block)),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in blocks.itertuples()
        ],
    )  # fmt: skip


def _largest(loadings: pd.DataFrame, component: int, block: str) -> str:
    """Features with the largest loadings of a block, with them."""
    own = loadings[(loadings["component"] == component) & (loadings["block"] == block)]
    order = own["loading"].abs().sort_values(ascending=False, kind="stable").index[:NAMED]
    return ", ".join(f"{r.feature} ({r.loading:+.2f})" for r in own.loc[order].itertuples())
