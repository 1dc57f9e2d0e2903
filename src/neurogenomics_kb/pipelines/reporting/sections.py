"""Sections of the report that every run has, whatever its analyses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.family import STATEMENT
from neurogenomics_kb.pipelines.view import (
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
# Room above a permutation floor within which a p counts as standing at it.
AT_FLOOR = 1.001


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


def family_findings(recipe: Recipe, tests: pd.DataFrame) -> list[str]:
    """How many claims stand over the run, and which cannot be told apart.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    tests : DataFrame
        The family of the run.
    """
    if tests.empty:
        return []
    alpha = recipe.experiment.alpha
    n = int((tests["p_run"] < alpha).sum())
    text = (
        f"Over all {len(tests)} tests of this run taken as one family, {n} remain significant "
        f"(Holm, {alpha:g})."
    )
    floor = 1 / (1 + recipe.experiment.n_permutations)
    at_floor = tests["p_entered"] <= floor * AT_FLOOR
    stuck = int((at_floor & (tests["p_run"] >= alpha)).sum())
    if stuck:
        text += (
            f" {stuck} permutation p-values are at their floor of {floor:.2g}; at least "
            f"{int(np.ceil(len(tests) / alpha)):,} permutations would be needed to tell them "
            "apart over the run."
        )
    return [text]


def decision_findings(decision: dict[str, Any]) -> list[str]:
    """What the escalation rule gives, where it could be evaluated.

    Parameters
    ----------
    decision : dict
        As `decide_escalation` gives it.
    """
    if not decision.get("inputs"):
        return []
    if decision["escalate"]:
        return [f"Decision: escalate to {decision['next_stage'].replace('_', ' ')}."]
    return ["Decision: stay at late fusion; fusion does not beat every single block."]


def surviving_statement(line: Any) -> Statement:
    """A claim that stands over the run.

    Parameters
    ----------
    line : named tuple
        Row of the family.
    """
    return Statement(
        test=f"{line.source}: {line.test}",
        measure="p over the run",
        p_raw=finite(line.p_entered),
        p_adjusted=finite(line.p_run),
        adjustment="Holm over the run",
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
                caption="Subjects remaining after each step, with the number excluded.",
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
        Smallest p over the run first.
    """
    items: list[Item] = [Note(text="No confirmatory test in this experiment.")]
    if not tests.empty:
        shown = tests.head(SHOWN_TESTS)
        items = [
            Note(text=STATEMENT),
            Table(
                name="family of tests",
                head=head(
                    ["analysis", "test"],
                    ["p, raw", "p, in its table"],
                    ["adjusted by"],
                )
                + head([], ["p that enters", "p over the run", "q over the run"]),
                rows=[
                    row(
                        [
                            word(r.source),
                            word(r.test),
                            p_cell(r.p_raw),
                            p_cell(r.p_adjusted),
                            word(r.adjustment),
                            p_cell(r.p_entered),
                            p_cell(r.p_run),
                            p_cell(r.q_run),
                        ],
                        hit=r.p_run < recipe.experiment.alpha,
                    )
                    for r in shown.itertuples()
                ],
            ),
            Note(
                text=f"{len(tests)} tests; the {len(shown)} smallest are shown, all are in "
                "tests.csv."
            ),
        ]
    return Section(id="tests", title="Everything this run tests", items=items)


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
