"""Sections of the report that every run has, whatever its analyses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.integration.family import STATEMENT, TIERS
from neurogenomics_kb.pipelines.view import (
    FALLS,
    STANDS,
    UNDECIDED,
    Bullets,
    Cell,
    Heading,
    Item,
    Note,
    Picture,
    Regional,
    Row,
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
from neurogenomics_kb.registry.cards import EmbeddingStrategy
from neurogenomics_kb.registry.recipe import Recipe

SHOWN_TESTS = 20
VARIANTS = {"adjusted": "regressed out", "unadjusted": "left in"}
ADJUSTMENT = "gatekeeping over the run"
PRIMARY = TIERS[0]
# A standing in a sentence.
SAID = {STANDS: "stands", UNDECIDED: "is undecided", FALLS: "does not stand"}


FAMILIES_ASSUMED = (
    "Relatives: units of equal structure change places, and so do their members. That takes "
    "members of a unit as equally close, and all units of a level as close as one another; kinship "
    "that was not named as a level is not in it."
)


def bullets(name: str, title: str, lines: Iterable[str], css: str = "") -> Section:
    """A section of sentences.

    Parameters
    ----------
    name, title : str
        Anchor and heading.
    lines : iterable of str
        Sentences.
    css : str
        Class of the section.
    """
    cells = [Cell(text=line) for line in lines]
    return Section(id=name, title=title, items=[Bullets(items=cells)], css=css)


def primary_findings(recipe: Recipe, tests: pd.DataFrame) -> list[str]:
    """What became of the tests that the run was made for.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    tests : DataFrame
        The family of the run.
    """
    if tests.empty:
        return []
    primary = tests[tests["tier"] == PRIMARY]
    told = [
        f"{r.test} ({r.source}) {SAID[r.standing]}, {format_p(r.p_run)}"
        for r in primary.itertuples()
    ]
    missing = len(recipe.experiment.primary_tests) - len(primary)
    if missing:
        told.append(f"{missing} of {missing + len(primary)} could not be made")
    if not told:
        return ["This run has no primary test: all that follows is secondary or exploratory."]
    return [f"Primary tests (family-wise over the run): {'; '.join(told)}."]


def family_findings(recipe: Recipe, tests: pd.DataFrame) -> list[str]:
    """How many claims stand over the run, and which need more permutations.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    tests : DataFrame
        The family of the run.
    """
    if tests.empty:
        return []
    counts = []
    for tier in TIERS:
        own = tests[tests["tier"] == tier]
        n, open_ = ((own["standing"] == standing).sum() for standing in (STANDS, UNDECIDED))
        if len(own):
            counts.append(f"{n} of {len(own)} {tier}" + (f" ({open_} undecided)" if open_ else ""))
    text = (
        f"Of {len(tests)} tests of this run, taken as one family and asked in tiers, these stand "
        f"at {recipe.experiment.alpha:g}: {', '.join(counts)}."
    )
    # No permutation reached the observed value: how small p is was not seen.
    unseen = (tests["p_entered_low"] == 0) & (tests["standing"] != STANDS)
    if unseen.any():
        text += (
            f" {unseen.sum()} of the others were reached by no permutation; more of them "
            "(max_permutations) would tell how small their p-values are."
        )
    return [text]


def decision_findings(decision: dict[str, Any]) -> list[str]:
    """What to do beyond late fusion and why, or what it would take to know.

    Parameters
    ----------
    decision : dict
        As `decide_escalation` gives it.
    """
    return [decision["says"]] if decision.get("says") else []


def claim_statement(line: Any) -> Statement:
    """A claim in the family of the run.

    Parameters
    ----------
    line : named tuple
        Row of the family.
    """
    low, high = _ends(line.p_run_low, line.p_run_high)
    return Statement(
        test=f"{line.source}: {line.test}",
        measure="p over the run",
        p_raw=finite(line.p_entered),
        p_adjusted=finite(line.p_run),
        p_low=finite(low),
        p_high=finite(high),
        adjustment=ADJUSTMENT,
        tier=line.tier,
        standing=line.standing,
    )


def flow_section(folds: dict[str, Any]) -> Section:
    """Who is analysed, and on which folds.

    Parameters
    ----------
    folds : dict
        Summary of the folds.
    """
    text = f"Folds: {folds['n_folds']}, scheme {folds['scheme']}"
    if folds.get("n_repeats", 1) > 1:
        text += f", {folds['n_repeats']} repeats"
    if folds.get("groups_out") is not None:
        text += f", {folds['groups_out']} groups tested at a time"
    if folds.get("column") is not None:
        text += f" (trained on {folds['column']} below {folds['cut']})"
    if folds.get("group"):
        text += f", grouped by {folds['group']}"
    text += (
        f", seed {folds['seed']}, hash {folds['hash']}. Every analysis uses these folds and these "
        "subjects"
    )
    text += (
        "; the prediction all repeats, others the first." if folds.get("n_repeats", 1) > 1 else "."
    )
    return Section(
        id="flow",
        title="Who is analysed",
        items=[
            Picture(
                figure="sample_flow",
                alt="Subjects remaining after each step",
                caption="Subjects remaining after each step, with the number left out. What would "
                "tell a small group, be it by subtraction, is not shown.",
            ),
            Note(text=text),
        ],
    )


def brain_sections(regional: list[Regional]) -> list[Section]:
    """Maps of results that have a value per region; none where no analysis has any.

    Parameters
    ----------
    regional : list of Regional
        Results of all analyses.
    """
    if not regional:
        return []
    picture = Picture(
        figure="brain_maps",
        alt="Results by region on a glass brain",
        caption="Values by region on a glass brain in MNI space. Where several features of a "
        "region are combined, the sign is lost; position says nothing about significance.",
    )
    return [Section(id="brain", title="Brain maps", items=[picture])]


def tests_section(recipe: Recipe, tests: pd.DataFrame) -> Section:
    """The family of the run.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    tests : DataFrame
        Tier by tier, the smallest p over the run first.
    """
    items: list[Item] = [Note(text="No confirmatory test in this experiment.")]
    alpha = recipe.experiment.alpha
    if not tests.empty:
        shown = tests.head(SHOWN_TESTS)
        items = [
            Note(text=STATEMENT),
            Table(
                name="family of tests",
                head=head(
                    ["tier", "analysis", "test"],
                    ["p, raw", "p, in its table"],
                    ["adjusted by"],
                )
                + head([], ["p that enters", "p over the run", "q over the run"]),
                rows=[
                    row(
                        [
                            word(r.tier),
                            word(r.source),
                            word(r.test),
                            p_cell(r.p_raw),
                            p_cell(r.p_adjusted),
                            word(r.adjustment),
                            _entered(r),
                            _over_the_run(r, alpha),
                            p_cell(r.q_run),
                        ],
                        hit=r.standing == STANDS,
                    )
                    for r in shown.itertuples()
                ],
            ),
            Note(
                text=f"{len(tests)} tests; the first {len(shown)} are shown, all are in tests.csv."
            ),
        ]
    return Section(id="tests", title="Everything this run tests", items=items)


def _entered(line: Any) -> Cell:
    """What enters the family, with its interval where permutations gave it."""
    return p_cell(line.p_entered, *_ends(line.p_entered_low, line.p_entered_high))


def _over_the_run(line: Any, alpha: float) -> Cell:
    """p over the run, with the interval that permutations of all tests leave."""
    return p_cell(line.p_run, *_ends(line.p_run_low, line.p_run_high), alpha)


def _ends(low: float, high: float) -> tuple[float | None, float | None]:
    """An interval; none where both ends are one number."""
    return (None, None) if low == high else (low, high)


def methods_section(recipe: Recipe, dimensions: pd.DataFrame, decision: dict[str, Any]) -> Section:
    """Recipes as on the cards, effective dimensions, and how inference was done.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    dimensions : DataFrame
        Dimension of every block and fold.
    decision : dict
        Holds the rule in words.
    """
    return Section(
        id="methods",
        title="Methods, as on the cards",
        items=[
            Table(
                name="strategies",
                head=head(
                    ["block", "strategy", "features", "steps, fitted in the training fold",
                     "projector"]
                ),
                rows=[_strategy_row(name, s) for name, s in recipe.blocks.items()],
            ),
            Heading(text="Effective dimension"),
            _dimension_table(dimensions),
            Note(
                text="Mean of folds. The dimension is bounded by rank and by "
                f"{recipe.experiment.subjects_per_dimension:g} training subjects per dimension "
                "over all blocks."
            ),
            Bullets(items=[Cell(text=line) for line in _method_lines(recipe, decision)]),
        ],
    )  # fmt: skip


def _strategy_row(name: str, strategy: EmbeddingStrategy) -> Row:
    """One strategy card."""
    steps = []
    for step in strategy.preprocessing:
        text = step.step
        if step.step == "residualize":
            text += f" on {', '.join(step.confounds)}"
            if step.optional:
                text += f" (where present: {', '.join(step.optional)})"
        steps.append(text)
    card = strategy.projector
    return row(
        [
            word(name),
            word(strategy.id),
            word(", ".join(strategy.groups)),
            Cell(text="; ".join(steps), css="wrap"),
            word(f"{card.type} {card.dim}" if card.type == "pca" else card.type),
        ]
    )


def _dimension_table(dimensions: pd.DataFrame) -> Table:
    """Effective dimension, mean of folds."""
    average = dimensions.groupby(["block", "variant"], sort=False)
    means = average[["features", "kept", "asked", "dim", "variance"]].mean().reset_index()
    return Table(
        name="effective dimension",
        head=head(["block", "confounds"], ["features", "kept", "asked", "used", "variance kept"]),
        rows=[
            row(
                [
                    word(r.block),
                    word(VARIANTS[r.variant]),
                    numeric(f"{r.features:.0f}"),
                    numeric(f"{r.kept:.0f}"),
                    numeric(f"{r.asked:.0f}"),
                    numeric(f"{r.dim:.1f}"),
                    number(r.variance, 2),
                ]
            )
            for r in means.itertuples()
        ],
    )


def _method_lines(recipe: Recipe, decision: dict[str, Any]) -> list[str]:
    """Inference, prediction, harmonization and the rule, in words."""
    experiment = recipe.experiment
    levels = ", ".join(
        f"{level.column} ({'change places as wholes' if level.exchange else 'stay in place'})"
        for level in experiment.exchangeability_levels
    )
    return [
        f"Inference: permutation test of trailing blocks ({experiment.statistic}) in a residual "
        "space with exchangeable rows (Winkler et al. 2020), closed over components; confounds, "
        "intercept included, are removed there"
        + (f"; exchangeability levels, outermost first: {levels}." if levels else "."),
        *([FAMILIES_ASSUMED] if levels and experiment.exchange_rows else []),
        "Prediction: every step above is fitted on training subjects only; penalties and tree "
        "numbers are chosen in inner folds. AUROC is taken inside folds and averaged, its interval "
        "follows LeDell et al. 2015.",
        f"Harmonization: {recipe.harmonization.id} ({recipe.harmonization.title}).",
        decision["rule"],
    ]


def provenance(rows: list[Row], card: dict[str, Any], attribution: str) -> Section:
    """Cards with their hashes, code, run and result card.

    Parameters
    ----------
    rows : list of Row
        Card and hash.
    card : dict
        The result card.
    attribution : str
        Whom the data's licence asks to name; may be empty.
    """
    text = (
        f"Code {card['code_version']}; MLflow run {card.get('mlflow_run_id') or 'none'}; result "
        f"card {card['id']}."
    )
    if attribution:
        text += f" Data: {attribution}"
    return Section(
        id="provenance",
        title="Provenance",
        items=[Table(name="cards", head=head(["card", "hash"]), rows=rows), Note(text=text)],
    )
