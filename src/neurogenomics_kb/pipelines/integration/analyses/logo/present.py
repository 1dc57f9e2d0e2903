"""What the attribution says in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.view import (
    STANDS,
    UNDECIDED,
    Item,
    Note,
    Part,
    Picture,
    Regional,
    Section,
    Statement,
    Table,
    finite,
    format_number,
    head,
    interval,
    number,
    numeric,
    p_cell,
    row,
    standing_of,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "logo"
SHOWN = 15
ON_CARD = 5


def present_attribution(recipe: Recipe, attribution: pd.DataFrame, notes: list[str]) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    attribution : DataFrame
        Table of the analysis, largest loss first.
    notes : list of str
        What its tests can and cannot show.
    """
    alpha = recipe.experiment.alpha
    items: list[Item] = [
        Picture(figure="attribution", alt="Loss of score without each unit, with its interval"),
        *(Note(text=line) for line in notes),
    ]
    if not attribution.empty:
        items += [
            _table(attribution.head(SHOWN), alpha),
            Note(
                text="Primary test: families swap the two models' predictions, family-wise over "
                "all units and clusters, one-sided, conditional on the fitted models. Units that "
                "share information share credit, so leaving out one of them understates both; rows "
                "with a plus leave a cluster of correlated units out together. In brackets the "
                "95 % Monte-Carlo interval of a p-value; undecided: it holds alpha, and only more "
                "permutations (n_permutations) would tell."
            ),
        ]
    return Part(
        analysis=NAME,
        findings=_findings(attribution, alpha),
        sections=[Section(id=NAME, title="Attribution: leave one out", items=items)],
        statements=[
            Statement(
                test=f"{r.block} without {r.unit}",
                measure=f"loss of {r.metric}",
                estimate=finite(r.delta),
                ci_low=finite(r.ci_low),
                ci_high=finite(r.ci_high),
                p_raw=finite(r.p_raw),
                p_adjusted=finite(r.p_adjusted),
                p_low=finite(r.p_adjusted_low),
                p_high=finite(r.p_adjusted_high),
                adjustment=r.adjustment,
                standing=_standing(r, alpha),
            )
            for r in attribution.head(ON_CARD).itertuples()
        ],
        metrics=_tracked(attribution),
        regional=_regional(attribution),
    )


def _findings(attribution: pd.DataFrame, alpha: float) -> list[str]:
    """Which units lower the score."""
    if attribution.empty:
        return []
    standings = [_standing(r, alpha) for r in attribution.itertuples()]
    hits, open_ = (
        ", ".join(u for u, s in zip(attribution["unit"], standings, strict=True) if s == standing)
        for standing in (STANDS, UNDECIDED)
    )
    return [
        f"Leaving out one unit of block {attribution['block'].iloc[0]} at a time: "
        + (
            f"{hits} lower the score more than chance (family-wise)"
            if hits
            else "none lowers the score more than chance (family-wise)"
        )
        + (f"; undecided with these permutations: {open_}." if open_ else ".")
    ]


def _standing(line, alpha: float) -> str:
    """Whether a unit lowers the score family-wise, as far as its permutations tell."""
    return standing_of(line.p_adjusted, line.p_adjusted_low, line.p_adjusted_high, alpha)


def _tracked(attribution: pd.DataFrame) -> dict[str, float]:
    """Score of the full model, and the smallest family-wise p."""
    if attribution.empty:
        return {}
    first = attribution.iloc[0]
    stem = f"logo/{first['block']}"
    return {
        f"{stem}/full_score": float(first["full_score"]),
        f"{stem}/largest_loss": float(first["delta"]),
        f"{stem}/smallest_p_adjusted": float(attribution["p_adjusted"].min()),
    }


def _regional(attribution: pd.DataFrame) -> list[Regional]:
    """Loss by single unit, for maps."""
    single = attribution[attribution["level"] != "cluster"]
    if single.empty:
        return []
    title = f"{single['block'].iloc[0]}: loss of {single['metric'].iloc[0].upper()} without it"
    return [Regional(title=title, values=single.set_index("unit")["delta"].to_dict())]


def _table(attribution: pd.DataFrame, alpha: float) -> Table:
    """Largest losses."""
    return Table(
        name="attribution",
        head=head(
            ["unit"],
            ["loss", "95 % interval", "p, family-wise (swap, max)", "p (swap)", "q (FDR)",
             "p (t over folds)", "p (Wilcoxon, for comparison)", "score alone"],
        ),
        rows=[
            row(
                [
                    word(r.unit),
                    number(r.delta),
                    numeric(interval(r.ci_low, r.ci_high, signed=True)),
                    p_cell(r.p_adjusted, r.p_adjusted_low, r.p_adjusted_high, alpha),
                    p_cell(r.p_raw, r.p_raw_low, r.p_raw_high, alpha),
                    p_cell(r.q_swap),
                    p_cell(r.p_t),
                    p_cell(r.p_wilcoxon),
                    numeric(
                        f"{format_number(r.single_score)} "
                        f"{interval(r.single_low, r.single_high, 2)}".rstrip()
                    ),
                ],
                hit=_standing(r, alpha) == STANDS,
            )
            for r in attribution.itertuples()
        ],
    )  # fmt: skip
