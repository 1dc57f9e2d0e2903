"""What axes in words say in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.language.describe import LIKENESS, RETRIEVAL
from neurogenomics_kb.pipelines.view import (
    Item,
    Note,
    Part,
    Section,
    Statement,
    Table,
    finite,
    format_p,
    head,
    number,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "language"
TOP = 5
NONE = "no concept stands out"
NULL = (
    "p permutes the texts among the units, so it takes units as exchangeable. Both hemispheres of "
    "a region are one unit; neighbouring regions, and genes of one family or place, may still be "
    "alike in block and text without more meaning than that. Where texts name lobes or groups, p "
    "inside of groups permutes within these only and shows what is left; of whole blocks it is "
    "what counts. Texts are the knowledge base's "
    "own: a concept that nobody wrote cannot come out, and one that does says how texts are "
    "worded, not what causes the axis."
)
MEASURES = {
    LIKENESS: "pairs of units alike in the block have texts alike",
    RETRIEVAL: "a map from the other units finds the unit's text",
}


def present_language(recipe: Recipe, axes: pd.DataFrame, spaces: pd.DataFrame) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    axes, spaces : DataFrame
        Tables of the analysis.
    """
    if NAME not in recipe.experiment.analyses:
        return Part(analysis=NAME)
    alpha = recipe.experiment.alpha
    tested = spaces[spaces["p_raw"].notna()]
    first = axes[axes["rank"] == 1]
    items: list[Item] = []
    if not axes.empty:
        items += [_axes_table(axes, alpha), *(Note(text=t) for t in _silent(first, alpha))]
    if not tested.empty:
        items.append(_spaces_table(tested, alpha))
    return Part(
        analysis=NAME,
        findings=_findings(first, tested, alpha),
        cautions=_cautions(spaces),
        sections=[Section(id=NAME, title="In words", items=[*items, Note(text=NULL)])]
        if items
        else [],
        statements=_statements(first, tested),
        metrics=_metrics(first, tested),
    )


def _cautions(spaces: pd.DataFrame) -> list[str]:
    """What could not be told, and why."""
    return [
        f"Language, {r.bridge}: not told: {r.note}"
        for r in spaces[spaces["note"] != ""].itertuples()
    ]


def axis_name(r) -> str:
    """One side of one axis in words.

    Parameters
    ----------
    r : namedtuple
        Row of `AXES`.
    """
    return f"{r.block}, component {r.component} of {r.x} and {r.y}"


def _findings(first: pd.DataFrame, tested: pd.DataFrame, alpha: float) -> list[str]:
    """One sentence on axes and one on blocks."""
    out = []
    if not first.empty:
        passed = first[first["p_adjusted"] < alpha]
        named = "; ".join(
            f"{axis_name(r)}: {say(r.concept)} (r = {r.statistic:+.2f} over {r.n_units} units, "
            f"{format_p(r.p_adjusted)}{_inside(r)})"
            for r in passed.itertuples()
        )
        said = f"{len(passed)} of {len(first)} sides of axes have a concept that stands out"
        out.append(f"In words: {said}: {named}." if named else f"In words: {NONE}.")
    if not tested.empty:
        hits = tested[tested["p_adjusted"] < alpha].sort_values("p_adjusted", kind="stable")
        best = hits.drop_duplicates("block").itertuples()
        passed = [f"{r.block}: {format_p(r.p_adjusted)}" for r in best]
        blocks = tested["block"].nunique()
        out.append(
            f"Units that are alike have texts that are alike in {len(passed)} of {blocks} blocks, "
            "lobes or groups apart where texts name them"
            + (f" ({', '.join(passed)})." if passed else ".")
        )
    return out


def _inside(r) -> str:
    """What is left of a description inside of groups of units."""
    return f"; inside of lobes or groups {format_p(r.p_within)}" if r.p_within == r.p_within else ""


def say(concept: str) -> str:
    """A concept's name as words.

    Examples
    --------
    >>> say("working_memory")
    '“working memory”'
    """
    return f"“{concept.replace('_', ' ')}”"


def _silent(first: pd.DataFrame, alpha: float) -> list[str]:
    """Axes without a concept that stands out."""
    quiet = first[~(first["p_adjusted"] < alpha)]
    return [f"{axis_name(r)} ({r.bridge}): {NONE}." for r in quiet.itertuples()]


def _axes_table(axes: pd.DataFrame, alpha: float) -> Table:
    """The best concepts of every axis, in order."""
    return Table(
        name="axes in words",
        head=head(
            ["bridge", "pair", "block", "concept"],
            ["component", "rank", "r", "p", "p over concepts", "p over axes", "p inside of groups",
             "units",
             "units without a text"],
        ),
        rows=[
            row(
                [
                    word(r.bridge),
                    word(f"{r.x} – {r.y}"),
                    word(r.block),
                    word(r.concept.replace("_", " ")),
                    number(r.component),
                    number(r.rank),
                    number(r.statistic),
                    p_cell(r.p_raw),
                    p_cell(r.p_concepts, r.p_concepts_low, r.p_concepts_high),
                    p_cell(r.p_adjusted),
                    p_cell(r.p_within),
                    number(r.n_units),
                    number(r.n_lost),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in axes[axes["rank"] <= TOP].itertuples()
        ],
    )  # fmt: skip


def _spaces_table(tested: pd.DataFrame, alpha: float) -> Table:
    """Blocks and the texts of their units."""
    return Table(
        name="blocks and texts",
        head=head(
            ["bridge", "block", "question", "a unit's vector"],
            ["statistic", "by chance", "own text in the nearest tenth", "by chance", "p",
             "p inside of groups", "p, adjusted", "units", "units without a text"],
        ),
        rows=[
            row(
                [
                    word(r.bridge),
                    word(r.block),
                    word(MEASURES[r.measure]),
                    word(r.vectors),
                    number(r.statistic),
                    number(r.chance),
                    number(r.recall),
                    number(r.recall_chance),
                    p_cell(r.p_raw),
                    p_cell(r.p_within),
                    p_cell(r.p_adjusted),
                    number(int(r.n_units)),
                    number(int(r.n_lost)),
                ],
                hit=r.p_adjusted < alpha,
            )
            for r in tested.itertuples()
        ],
    )  # fmt: skip


def _statements(first: pd.DataFrame, tested: pd.DataFrame) -> list[Statement]:
    """The best concept of every axis, and both comparisons of every block."""
    return [
        *(
            Statement(
                test=f"{axis_name(r)}, near {say(r.concept)} ({r.bridge})",
                measure="correlation over units of loading and likeness of texts",
                estimate=finite(r.statistic),
                p_raw=finite(r.p_raw),
                p_adjusted=finite(r.p_adjusted),
                adjustment=r.adjustment,
            )
            for r in first.itertuples()
        ),
        *(
            Statement(
                test=f"{r.block}: {MEASURES[r.measure]} ({r.bridge})",
                measure="correlation over pairs" if r.measure == LIKENESS else "mean rank",
                estimate=finite(r.statistic),
                p_raw=finite(r.p_claimed),
                p_adjusted=finite(r.p_adjusted),
                adjustment=r.adjustment,
            )
            for r in tested.itertuples()
        ),
    ]


def _metrics(first: pd.DataFrame, tested: pd.DataFrame) -> dict[str, float]:
    """Flat numbers for comparing runs."""
    axes = {
        f"language/{r.bridge}/{r.x}/{r.y}/{r.component}/{r.block}/{name}": float(getattr(r, name))
        for r in first.itertuples()
        for name in ("statistic", "p_adjusted")
    }
    spaces = {
        f"language/{r.bridge}/{r.block}/{r.measure}/{name}": float(getattr(r, name))
        for r in tested.itertuples()
        for name in ("statistic", "p_adjusted")
    }
    return axes | spaces
