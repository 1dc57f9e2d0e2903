"""What the checks of assumptions say in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.assumptions.checks import (
    AS_ON_CARD,
    CURVES,
    ENRICHED,
    GROUPS,
    LIKENESS,
    SCALE,
    UNIT,
)
from neurogenomics_kb.pipelines.integration.analyses.assumptions.tables import (
    CAUTION,
    NOT_TOLD,
    OK,
)
from neurogenomics_kb.pipelines.view import (
    Bullets,
    Cell,
    Item,
    Note,
    Part,
    Section,
    Statement,
    Table,
    Verdict,
    finite,
    format_p,
    head,
    number,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "assumptions"
LEVELS = (CAUTION, NOT_TOLD, OK)
SEEN = "From these sizes on, 80 of 100 cohorts show it."
# What a size is, so that "from 0.25 on" can be read.
MEASURES = {
    CURVES: "share of both blocks that curves explain",
    SCALE: "rank correlation of the lengths of rows",
    GROUPS: "share of the lengths' spread between groups",
    LIKENESS: "correlation of the likeness of pairs",
}


def present_assumptions(recipe: Recipe, checks: pd.DataFrame, sensitivity: pd.DataFrame) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    checks, sensitivity : DataFrame
        Tables of the analysis.
    """
    verdict = judge_assumptions(recipe, checks, sensitivity)
    sections = []
    if len(checks):
        sections = [Section(id=NAME, title="What the test assumes",
                            items=_items(verdict, checks, sensitivity,
                                         recipe.experiment.alpha))]  # fmt: skip
    return Part(
        analysis=NAME,
        first=[v["text"] for v in verdict if v["level"] == CAUTION],
        sections=sections,
        statements=[_statement(line) for line in _first(sensitivity, ENRICHED).itertuples()],
        verdict=[Verdict(**v) for v in verdict],
        metrics={
            **{
                f"assumptions/{r.x}/{r.y}/{'_'.join([*r.check.split(), *r.of.split()])}/p": r.p_raw
                for r in checks.itertuples()
            },
            **{
                f"sensitivity/{r.x}/{r.y}/{r.component}/{'_'.join(r.design.split())}/{field}":
                float(getattr(r, field))
                for r in sensitivity.itertuples() if r.design != AS_ON_CARD
                for field in ("correlation", "p_adjusted")
            },
        },
    )  # fmt: skip


def judge_assumptions(
    recipe: Recipe, checks: pd.DataFrame, sensitivity: pd.DataFrame
) -> list[dict[str, str]]:
    """Sentences of every pair, worst first.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    checks, sensitivity : DataFrame
        Tables of the analysis.

    Returns
    -------
    list of dict
        ``level`` ("caution", "not told" or "ok") and ``text``.
    """
    found = []
    for (x, y), rows in checks.groupby(["x", "y"], sort=False):
        own = sensitivity[(sensitivity["x"] == x) & (sensitivity["y"] == y)]
        by_answer = dict(list(rows.groupby("answer")))
        warned = by_answer.get(CAUTION, rows.iloc[:0])
        for sentence in (_curves, _scale, _likeness):
            text = sentence(recipe, warned, own)
            if text:
                found.append({"level": CAUTION, "text": f"{x} and {y}: {text}"})
        for answer, start in ((NOT_TOLD, "not known whether there is"), (OK, "no sign of")):
            part = by_answer.get(answer, rows.iloc[:0])
            if len(part):
                told = "; ".join(_size(line, answer) for line in part.itertuples())
                text = f"{x} and {y}, {start} {told}. {SEEN}"
                found.append({"level": answer, "text": text})
    return sorted(found, key=lambda sentence: LEVELS.index(sentence["level"]))


def _size(line, answer: str) -> str:
    """What a check could have seen, or why it could not."""
    name = line.check.replace("group", line.of) if line.of else line.check
    if pd.isna(line.visible):
        return f"{name} ({line.detail})" if line.detail else name
    seen = f"{MEASURES[line.check]} would show from {line.visible:.2f} on"
    return f"{name} ({seen}" + (f", not from {line.bound:.2f})" if answer == NOT_TOLD else ")")


def _curves(recipe: Recipe, warned: pd.DataFrame, own: pd.DataFrame) -> str:
    """Curves and interactions on both blocks."""
    rows = warned[warned["check"] == CURVES]
    if rows.empty:
        return ""
    line = rows.iloc[0]
    return (
        "confounds act as curves or interactions on both blocks, which the card's design does not "
        f"hold ({line['detail']}; {format_p(line['p_raw'])}).{_instead(own, ENRICHED)} Report that "
        "one, and name curves under `smooth` and interactions under `products` of the confound set."
    )


def _scale(recipe: Recipe, warned: pd.DataFrame, own: pd.DataFrame) -> str:
    """Noise of unequal size in both blocks."""
    rows = warned[warned["check"].isin([SCALE, GROUPS])]
    if rows.empty:
        return ""
    groups = [of for of in rows["of"] if of]
    where = f" (by {', '.join(groups)})" if groups else ""
    families = recipe.experiment.cluster_column
    who = "some people" + (" or families" if families else "")
    text = (
        f"noise is larger for {who} in both blocks at once{where}, so that permutation rejects too "
        f"often ({', '.join(f'{MEASURES[r.check]} {r.value:.2f}' for r in rows.itertuples())}; "
        f"{format_p(rows['p_raw'].min())})."
    )
    if recipe.experiment.unit_rows:
        return text + " The test is made on rows of one length, which does not need equal noise."
    return (
        text + _instead(own, UNIT) + " Report that one (`unit_rows: true`), harmonize scale by "
        "site, or let permutations stay inside the site."
    )


def _likeness(recipe: Recipe, warned: pd.DataFrame, own: pd.DataFrame) -> str:
    """Pairs inside families that are closer than others."""
    rows = warned[warned["check"] == LIKENESS]
    if rows.empty:
        return ""
    return (
        "some members of a family are closer than others in both blocks "
        f"({format_p(rows['p_raw'].iloc[0])}), and permutation takes them as equally close, so "
        "that it rejects too often. Name the closer relatives (sibships inside extended families) "
        "as a further level under `exchangeability`."
    )


def _instead(own: pd.DataFrame, design: str) -> str:
    """First component on another design beside that of the card."""
    first = _first(own, design)
    if first.empty:
        return ""
    other, card = first.iloc[0], _first(own, AS_ON_CARD).iloc[0]
    how = "With them in the design" if design == ENRICHED else "With rows of one length"
    return (
        f" {how} the first component correlates {other['correlation']:.2f} "
        f"({format_p(other['p_adjusted'])}) instead of {card['correlation']:.2f} "
        f"({format_p(card['p_adjusted'])})."
    )


def _first(sensitivity: pd.DataFrame, design: str) -> pd.DataFrame:
    return sensitivity[(sensitivity["design"] == design) & (sensitivity["component"] == 1)]


def _statement(line) -> Statement:
    """First component with the richer design, for the card."""
    return Statement(
        test=f"canonical correlation of {line.x} and {line.y}, component {line.component}, "
        f"{line.design}",
        measure="canonical correlation in sample",
        estimate=finite(line.correlation),
        p_raw=finite(line.p_raw),
        p_adjusted=finite(line.p_adjusted),
        adjustment=line.adjustment,
    )


def _items(
    verdict: list[dict[str, str]],
    checks: pd.DataFrame,
    sensitivity: pd.DataFrame,
    alpha: float,
) -> list[Item]:
    """Sentences and tables."""
    return [
        Bullets(
            items=[
                Cell(text=f"{v['level']}: {v['text']}", css=v["level"].replace(" ", "-"))
                for v in verdict
            ]
        ),
        _designs(sensitivity, alpha),
        Note(
            text="Curves are squares and cubes of every number among the confounds, interactions "
            "age × sex, age × site and sex × site. The design of the card decides the tests of the "
            "run; a change between designs is tested in the table below, since p-values on either "
            "side of a bound change sides by chance."
        ),
        _checks(checks),
        Note(
            text="Found, seen from: "
            + "; ".join(f"{check}: {measure}" for check, measure in MEASURES.items())
            + ". Lengths and likeness are those of the blocks' rows once confounds and the axes "
            "found are taken out. These p-values are diagnostic and no part of the family of tests."
        ),
    ]  # fmt: skip


def _designs(sensitivity: pd.DataFrame, alpha: float) -> Table:
    """Every component on every design."""
    return Table(
        name="the same test on other designs",
        head=head(
            ["pair", "design"],
            ["component", "in sample", "chance", "p, family-wise", "p, uncorrected",
             "effective N"],
        ),
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y}"), word(r.design), number(r.component),
                    number(r.correlation), number(r.null_mean),
                    p_cell(r.p_adjusted, r.p_adjusted_low, r.p_adjusted_high, alpha),
                    p_cell(r.p_raw), number(r.n_effective),
                ]
            )
            for r in sensitivity.itertuples()
        ],
    )  # fmt: skip


def _checks(checks: pd.DataFrame) -> Table:
    """Every check with its size and answer."""
    return Table(
        name="checks of assumptions",
        head=head(
            ["pair", "assumed", "of"],
            ["found", "seen from", "vouched for", "p", "level"],
            ["answer", "detail"],
        ),
        rows=[
            row(
                [
                    word(f"{r.x} – {r.y}"), word(r.check), word(r.of), number(r.value),
                    number(r.visible), number(r.bound, 2), p_cell(r.p_raw),
                    number(r.level, 4), word(r.answer), Cell(text=r.detail, css="wrap"),
                ]
            )
            for r in checks.itertuples()
        ],
    )  # fmt: skip
