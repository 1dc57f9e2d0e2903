"""What the ladder says in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.ladder.climb import (
    BESIDE,
    CANDIDATE,
    CHOSEN,
    CONTROL,
    LATE,
)
from neurogenomics_kb.pipelines.view import (
    METRIC_NAMES,
    Heading,
    Item,
    Note,
    Part,
    Picture,
    Section,
    Statement,
    Table,
    finite,
    format_number,
    format_p,
    head,
    interval,
    number,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe

NAME = "ladder"
SHOWN = 8
ROLES = {CANDIDATE: "candidate", CONTROL: "control", BESIDE: "second level beside", CHOSEN: ""}
HOW = (
    "One test decides: in every training fold inner folds choose among late fusion and all rungs, "
    "and what they chose is compared with late fusion on the test folds (one-sided corrected "
    "resampled t). The rungs' own differences are secondary, Holm over the rungs: the best of "
    "several on the same folds looks better than it is. Controls are never chosen."
)


def present_ladder(
    recipe: Recipe,
    rungs: pd.DataFrame,
    comparisons: pd.DataFrame,
    choice: pd.DataFrame,
    ranks: pd.DataFrame,
    retrieval: pd.DataFrame,
) -> Part:
    """Sentences, tables and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    rungs, comparisons, choice, ranks, retrieval : DataFrame
        Tables of the analysis.
    """
    if NAME not in recipe.experiment.analyses:
        return Part(analysis=NAME)
    if rungs.empty:
        return Part(
            analysis=NAME,
            cautions=["Ladder: not told, since the cohort has fewer than two blocks."],
        )
    alpha = recipe.experiment.alpha
    return Part(
        analysis=NAME,
        findings=_findings(recipe, rungs, comparisons, retrieval),
        cautions=_cautions(rungs),
        sections=[
            Section(
                id=NAME,
                title="Ladder beyond late fusion",
                items=_items(rungs, comparisons, choice, ranks, retrieval, alpha),
            )
        ],
        statements=_statements(rungs, comparisons, choice),
        metrics=_tracked(rungs, comparisons, choice),
    )


def _findings(
    recipe: Recipe, rungs: pd.DataFrame, comparisons: pd.DataFrame, retrieval: pd.DataFrame
) -> list[str]:
    """What every rung reaches, and which gains survive by themselves."""
    known = rungs[(rungs["role"] == CANDIDATE) & rungs["value"].notna()]
    told = ", ".join(
        f"{r.rung} {r.value:.2f} {interval(r.ci_low, r.ci_high, 2)}".rstrip()
        for r in known.itertuples()
    )
    out = [f"Ladder ({METRIC_NAMES[recipe.primary_metric]}): {told}."]
    claims = comparisons[comparisons["adjustment"] != ""]
    better = [r for r in claims.itertuples() if r.p_adjusted < recipe.experiment.alpha]
    controls = comparisons[comparisons["adjustment"] == ""]
    for r in better:
        sentence = (
            f"By itself {r.rung} gains {r.difference:+.3f} "
            f"{interval(r.ci_low, r.ci_high, signed=True)} over {r.reference} (Holm "
            f"{format_p(r.p_adjusted)})"
        )
        own = controls[controls["rung"] == r.rung]
        against = [
            f"{c.reference.removeprefix(f'{r.rung}: ')} {c.difference:+.3f} ({format_p(c.p_raw)})"
            for c in own.itertuples()
        ]
        out.append(sentence + (f"; over its controls: {', '.join(against)}." if against else "."))
    if claims.empty:
        return out
    if not better:
        out.append("No rung by itself demonstrably beats late fusion (Holm over the rungs).")
    first = retrieval[retrieval["k"] == retrieval["k"].min()] if len(retrieval) else retrieval
    out += [
        f"{r.rung}: {r.x} finds {r.y} of the same person within {r.bins} in {r.recall:.2f} of "
        f"held-out people at k = {r.k} (permuted {r.chance:.2f}, {format_p(r.p_raw)})."
        for r in first.itertuples()
    ]
    return out


def _cautions(rungs: pd.DataFrame) -> list[str]:
    """Rungs that could not be fitted."""
    return [
        f"Ladder: '{r.rung}' "
        f"{'was not among the candidates: ' if pd.isna(r.value) else ''}{r.reason}"
        for r in rungs[rungs["reason"] != ""].itertuples()
    ]


def _items(rungs, comparisons, choice, ranks, retrieval, alpha: float) -> list[Item]:
    """Figure, tables and how to read them."""
    items: list[Item] = [
        Picture(
            figure="ladder",
            alt="Difference of every rung and of the choice to late fusion, with intervals",
            caption="Every rung on the same people and folds as late fusion.",
        ),
        _choice_table(choice, alpha),
        Note(text=HOW),
        Heading(text="Rungs"),
        _rungs_table(rungs),
        Heading(text="Rungs over late fusion and over their controls"),
        _comparisons_table(comparisons, alpha),
    ]
    if not ranks.empty:
        items += [
            Heading(text="What the ensembles rest on"),
            _ranks_table(ranks),
            Note(
                text="Rank of the column in each learner (loss when it is shuffled) times rank of "
                "the learner, mean over learners and folds; small is important. An order, and no "
                "test."
            ),
        ]
    if not retrieval.empty:
        items += [Heading(text="Finding pairs"), _retrieval_table(retrieval)]
    return items


def _choice_table(choice: pd.DataFrame, alpha: float) -> Table:
    """The one line that decides."""
    return Table(
        name="ladder, choice",
        head=head(
            ["chosen most often", "against"],
            ["folds", "difference", "95 % interval", "p", "p over chance", "p over masks",
             "seen in 80 of 100 cohorts from", "minutes"],
        ),
        rows=[
            row(
                [
                    word(r.rung),
                    word(r.reference),
                    numeric(f"{r.folds} of {r.of}"),
                    numeric(f"{r.difference:+.3f}"),
                    numeric(interval(r.ci_low, r.ci_high, signed=True)),
                    p_cell(r.p_raw),
                    p_cell(r.p_chance),
                    p_cell(r.p_masks),
                    number(r.smallest_seen),
                    number(r.minutes, 1),
                ],
                hit=r.p_raw < alpha,
            )
            for r in choice.itertuples()
        ],
    )  # fmt: skip


def _rungs_table(rungs: pd.DataFrame) -> Table:
    """What everything reaches."""
    return Table(
        name="ladder, rungs",
        head=head(
            ["what predicts", "role", "stage"],
            [METRIC_NAMES[rungs["metric"].iloc[0]], "p over chance", "chosen in folds", "minutes"],
        ),
        rows=[
            row(
                [
                    word(r.rung),
                    word(ROLES.get(r.role, "")),
                    word(r.stage.replace("_", " ")),
                    numeric(
                        f"{format_number(r.value)} {interval(r.ci_low, r.ci_high, 2)}".rstrip()
                    ),
                    p_cell(r.p_chance),
                    numeric(str(r.chosen)),
                    number(r.minutes, 1),
                ]
            )
            for r in rungs.itertuples()
        ],
    )


def _comparisons_table(comparisons: pd.DataFrame, alpha: float) -> Table:
    """Differences over late fusion and over controls."""
    return Table(
        name="ladder, comparisons",
        head=head(["rung", "against"], ["difference", "95 % interval", "p", "p, Holm"]),
        rows=[
            row(
                [
                    word(r.rung),
                    word(r.reference),
                    numeric(f"{r.difference:+.3f}"),
                    numeric(interval(r.ci_low, r.ci_high, signed=True)),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                ],
                hit=bool(r.p_adjusted < alpha),
            )
            for r in comparisons.itertuples()
        ],
    )


def _ranks_table(ranks: pd.DataFrame) -> Table:
    """First columns of every ensemble."""
    first = ranks.groupby("rung", sort=False).head(SHOWN)
    return Table(
        name="ladder, ranks",
        head=head(["rung", "block", "component"], ["rank product", "rank"]),
        rows=[
            row(
                [word(r.rung), word(r.block), word(r.column), number(r.rank_product),
                 number(r.rank, 1)]
            )
            for r in first.itertuples()
        ],
    )  # fmt: skip


def _retrieval_table(retrieval: pd.DataFrame) -> Table:
    """Recall inside bins."""
    return Table(
        name="ladder, retrieval",
        head=head(["rung", "from", "to"], ["k", "recall", "permuted", "p"], ["within"]),
        rows=[
            row(
                [
                    word(r.rung),
                    word(r.x),
                    word(r.y),
                    numeric(str(r.k)),
                    number(r.recall),
                    number(r.chance),
                    p_cell(r.p_raw),
                    word(r.bins),
                ]
            )
            for r in retrieval.itertuples()
        ],
    )


def _statements(
    rungs: pd.DataFrame, comparisons: pd.DataFrame, choice: pd.DataFrame
) -> list[Statement]:
    """What every rung reaches, and what the choice gains."""
    shown = rungs[rungs["role"].isin([CANDIDATE]) | (rungs["rung"] == CHOSEN)]
    out = [
        Statement(
            test=r.rung,
            measure=r.metric,
            estimate=finite(r.value),
            ci_low=finite(r.ci_low),
            ci_high=finite(r.ci_high),
        )
        for r in shown.itertuples()
    ]
    claims = comparisons[comparisons["p_adjusted"].notna()]
    pairs = [(CHOSEN, r) for r in choice.itertuples()] + [(r.rung, r) for r in claims.itertuples()]
    return out + [
        Statement(
            test=f"{name} over {LATE}",
            measure=f"difference of {r.metric}",
            estimate=finite(r.difference),
            ci_low=finite(r.ci_low),
            ci_high=finite(r.ci_high),
            p_raw=finite(r.p_raw),
            p_adjusted=finite(r.p_adjusted),
            adjustment=r.adjustment,
        )
        for name, r in pairs
    ]


def _tracked(
    rungs: pd.DataFrame, comparisons: pd.DataFrame, choice: pd.DataFrame
) -> dict[str, float]:
    """Flat numbers."""
    out = {f"ladder/{r.rung.replace(': ', '/')}": float(r.value) for r in rungs.itertuples()}
    claims = comparisons[comparisons["p_adjusted"].notna()]
    out |= {f"ladder/{r.rung}/over late fusion": float(r.difference) for r in claims.itertuples()}
    for r in choice.itertuples():
        out["ladder/choice/difference"] = float(r.difference)
        out["ladder/choice/p_raw"] = float(r.p_raw)
        out["ladder/choice/minutes"] = float(r.minutes)
    return out
