"""What a report shows: statements, tables and figures as text, ready for any template.

Every number is formatted here and in the modules that build views, so that a template holds no
format, label or condition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

GAP = "–"
# Primary metrics for a reader.
METRIC_NAMES = {"auroc": "AUROC", "macro_auroc": "AUROC", "r2": "R²"}
STANDS, UNDECIDED, FALLS = "stands", "undecided", "does not stand"


class View(BaseModel):
    """Base of everything that is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cell(View):
    """One cell of a table.

    Parameters
    ----------
    text : str
        What is shown.
    css : str
        ``n`` for numbers, which stand to the right.
    """

    text: str
    css: str = ""


class Row(View):
    """One row of a table.

    Parameters
    ----------
    cells : list of Cell
        Cells from left to right.
    css : str
        ``hit`` where the row passes the experiment's alpha.
    """

    cells: list[Cell]
    css: str = ""


class Note(View):
    """A paragraph below a table or figure."""

    kind: Literal["note"] = "note"
    text: str


class Heading(View):
    """A heading inside a section."""

    kind: Literal["heading"] = "heading"
    text: str


class Bullets(View):
    """A list of statements.

    Parameters
    ----------
    items : list of Cell
        ``css`` is the class of the list item.
    """

    kind: Literal["bullets"] = "bullets"
    items: list[Cell]


class Table(View):
    """A table.

    Parameters
    ----------
    name : str
        What it shows, for tests and for who reads with a screen reader.
    head : list of Cell
        Names of the columns.
    rows : list of Row
        Rows from top to bottom.
    """

    kind: Literal["table"] = "table"
    name: str
    head: list[Cell]
    rows: list[Row]


class Picture(View):
    """A figure that the graph drew.

    Parameters
    ----------
    figure : str
        Name of the figure, as in the catalog without ``_figure``.
    alt : str
        What it shows, in words.
    caption : str
        Text below the figure; empty by default.
    """

    kind: Literal["picture"] = "picture"
    figure: str
    alt: str
    caption: str = ""


Item = Annotated[Note | Heading | Bullets | Table | Picture, Field(discriminator="kind")]


class Section(View):
    """A section of the report.

    Parameters
    ----------
    id : str
        Anchor; the order of sections is a list of these.
    title : str
        Heading, and the entry of the navigation.
    items : list
        What stands in it, in order.
    css : str
        Class of the section, ``warn`` for cautions.
    """

    id: str
    title: str
    items: list[Item]
    css: str = ""


def _known(numbers: dict[str, float]) -> dict[str, float]:
    """The numbers that exist; one that is not defined is not drawn, compared or tracked."""
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


Numbers = Annotated[dict[str, float], AfterValidator(_known)]


class Regional(View):
    """A result with a value per region, for maps of the brain.

    Parameters
    ----------
    title : str
        Title for a reader.
    values : dict of str to float
        Value by unit, without undefined ones.
    """

    title: str
    values: Numbers


class Statement(View):
    """A finding in numbers, for the result card.

    Parameters
    ----------
    test : str
        What was tested, in words.
    measure : str
        What the estimate is.
    estimate : float or None
        Size of the effect.
    ci_low, ci_high : float or None
        95 % interval where there is one.
    p_raw, p_adjusted : float or None
        Before and after the adjustment.
    p_low, p_high : float or None
        95 % Monte-Carlo interval of `p_adjusted` where permutations gave it.
    adjustment : str
        How `p_adjusted` was made.
    tier : str
        Of a claim in the family of the run.
    standing : str
        Whether a claim stands; ``undecided`` where the Monte-Carlo interval holds alpha.
    """

    test: str
    measure: str
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_raw: float | None = None
    p_adjusted: float | None = None
    p_low: float | None = None
    p_high: float | None = None
    adjustment: str = ""
    tier: str = ""
    standing: str = ""


class Verdict(View):
    """A sentence with a level."""

    level: str
    text: str


class ModelVerdict(View):
    """Whether a model earned its place, for the result card and the model's page.

    Parameters
    ----------
    model, block : str
        Model card, and the block that the model makes.
    verdict : str
        ``shown``, ``not shown at this N`` with what could have been seen, or ``not told``.
    reason : str
        Why not.
    cohort : str
        Whose people.
    n_subjects : int
        How many.
    licence : str
        Terms of the model's weights.
    metric : str
        What was compared.
    smallest_difference : float or None
        Difference that could have been seen.
    """

    model: str
    block: str
    verdict: str
    reason: str = ""
    cohort: str
    n_subjects: int
    licence: str
    metric: str
    smallest_difference: float | None = None


class Part(View):
    """What one analysis adds to report, result card and tracking.

    Parameters
    ----------
    analysis : str
        Its name.
    first : list of str
        Sentences that stand before every finding of the run, for what makes all of them doubtful.
    findings : list of str
        Sentences for the top of the report.
    cautions : list of str
        What a reader must see with them.
    sections : list of Section
        What the analysis adds to the report.
    statements : list of Statement
        Main results in numbers.
    verdict : list of Verdict
        Sentences with a level, for analyses that judge the run.
    metrics : dict of str to float
        Flat numbers for comparing runs, without undefined ones.
    regional : list of Regional
        Results with a value per region.
    models : list of ModelVerdict
        Which models earned their place.
    """

    analysis: str
    first: list[str] = []
    findings: list[str] = []
    cautions: list[str] = []
    sections: list[Section] = []
    statements: list[Statement] = []
    verdict: list[Verdict] = []
    metrics: Numbers = {}
    regional: list[Regional] = []
    models: list[ModelVerdict] = []


def word(value: Any) -> Cell:
    """A cell of text; a gap is empty."""
    return Cell(text="" if _gap(value) else str(value))


def number(value: Any, digits: int = 3) -> Cell:
    """A cell with fixed decimals, a dash for a gap, integers as they are."""
    return Cell(text=format_number(value, digits), css="n")


def numeric(text: str) -> Cell:
    """A cell of text that stands where numbers do."""
    return Cell(text=text, css="n")


def p_cell(value: float, low: Any = None, high: Any = None, alpha: float | None = None) -> Cell:
    """A p-value without the letter, with its Monte-Carlo interval, and whether that is decided.

    Parameters
    ----------
    value : float
        The p-value.
    low, high : float, optional
        95 % Monte-Carlo interval; a gap where permutations did not give the p-value.
    alpha : float, optional
        Level; ``undecided`` is added where the interval holds it.
    """
    if _gap(value):
        return Cell(text=GAP, css="n")
    parts = [_bare(value)]
    if not (_gap(low) or _gap(high)):
        parts.append(f"[{_bare(low)}, {_bare(high)}]")
        if alpha is not None and undecided(low, high, alpha):
            parts.append("undecided")
    return Cell(text=" ".join(parts), css="n")


def _bare(p: float) -> str:
    """A p-value, or an end of its interval, without the letter."""
    return "0" if p == 0 else format_p(p).removeprefix("p = ")


def undecided(low: Any, high: Any, alpha: float) -> bool:
    """Whether the Monte-Carlo interval of a p-value holds alpha; a gap has no interval."""
    return not (_gap(low) or _gap(high)) and bool(low < alpha <= high)


def standing_of(p: float, low: Any, high: Any, alpha: float) -> str:
    """Whether a claim stands.

    Parameters
    ----------
    p, low, high : float
        p-value and the ends of its Monte-Carlo interval, which may be gaps.
    alpha : float
        Level.

    Returns
    -------
    {"stands", "undecided", "does not stand"}
    """
    if undecided(low, high, alpha):
        return UNDECIDED
    return STANDS if p < alpha else FALLS


def interval(low: Any, high: Any, digits: int = 3, signed: bool = False) -> str:
    """An interval in brackets; empty where an end is unknown."""
    if _gap(low) or _gap(high):
        return ""
    sign = "+" if signed else ""
    return f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def format_number(value: Any, digits: int = 3) -> str:
    """Fixed decimals, a dash for a gap, integers and words as they are."""
    if _gap(value):
        return GAP
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}f}"
    return str(value)


def format_p(p: float) -> str:
    """A p-value for a reader: two significant digits, never zero."""
    if not np.isfinite(p):
        return "p not available"
    if p < 1e-100:
        return "p < 1e-100"  # a parametric tail below what a double can hold
    return f"p = {p:.2g}" if p >= 1e-4 else f"p = {p:.1e}"


def head(
    words: Sequence[str], numbers: Sequence[str] = (), after: Sequence[str] = ()
) -> list[Cell]:
    """Header cells: words to the left, numbers to the right, words after them."""
    return [
        *(Cell(text=t) for t in words),
        *(Cell(text=t, css="n") for t in numbers),
        *(Cell(text=t) for t in after),
    ]


def row(cells: Sequence[Cell], hit: bool = False) -> Row:
    """A row, marked where it passes alpha."""
    return Row(cells=list(cells), css="hit" if hit else "")


def finite(value: Any) -> float | None:
    """A number for a card, None for a gap."""
    return None if _gap(value) or not np.isfinite(value) else float(value)


def _gap(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and bool(pd.isna(value)))
