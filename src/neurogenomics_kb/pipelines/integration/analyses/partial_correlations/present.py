"""What the partial associations say in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    Item,
    Note,
    Part,
    Section,
    Statement,
    Table,
    finite,
    format_number,
    head,
    number,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "partial_correlations"


def present_associations(recipe: Recipe, associations: pd.DataFrame) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    associations : DataFrame
        Table of the analysis.
    """
    alpha = recipe.experiment.alpha
    found, items = [], [Note(text="None in this experiment.")]
    if not associations.empty:
        n = int((associations["p_adjusted"] < alpha).sum())
        tested = int(associations["p_adjusted"].notna().sum())
        found = [
            f"{n} of {tested} axis–outcome associations pass a false discovery rate of "
            f"{alpha:g}, all confounds adjusted for."
        ]
        items: list[Item] = [
            _table(associations, alpha),
            Note(
                text="Axis scores of held-out subjects, all confounds of the experiment adjusted "
                "for. Spearman's correlation describes what Pearson's tests: the two are one claim."
            ),
        ]
    first = associations[associations["component"] == 1]
    return Part(
        analysis=NAME,
        findings=found,
        sections=[
            Section(id="associations", title="Partial associations of the axes", items=items)
        ],
        statements=[
            Statement(
                test=f"{r.x} and {r.y}, component {r.component}, {r.block}, with {r.outcome}",
                measure=r.measure,
                estimate=finite(r.effect),
                ci_low=finite(r.ci_low),
                ci_high=finite(r.ci_high),
                p_raw=finite(r.p_raw),
                p_adjusted=finite(r.p_adjusted),
                adjustment=r.adjustment,
            )
            for r in first[first["outcome"] == recipe.experiment.outcome].itertuples()
        ],
        metrics={
            f"association/{r.x}/{r.y}/{r.component}/{r.block}/{r.outcome}/{r.measure}/{field}":
            float(getattr(r, field))
            for r in associations.itertuples()
            for field in ("effect", "p_raw")
        },
    )  # fmt: skip


def _table(associations: pd.DataFrame, alpha: float) -> Table:
    """Every association."""
    return Table(
        name="associations",
        head=head(
            ["axis", "block", "outcome", "measure"],
            ["effect", "95 % interval", "p", "q (FDR)", "df"],
            ["correction", "note"],
        ),
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y} {r.component}"),
                    word(r.block),
                    word(r.outcome),
                    word(r.measure),
                    number(r.effect, 2),
                    numeric(f"[{format_number(r.ci_low, 2)}, {format_number(r.ci_high, 2)}]"),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                    numeric(f"{r.df:.1f}".removesuffix(".0")),
                    word(r.correction),
                    word(r.note),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in associations.itertuples()
        ],
    )
