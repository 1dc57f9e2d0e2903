"""What the rivals say in report, card and tracking."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import COVARIATES
from neurogenomics_kb.pipelines.integration.analyses.rivals.judge import NOT_SHOWN, SHOWN
from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import TWIN
from neurogenomics_kb.pipelines.view import (
    METRIC_NAMES,
    Heading,
    Item,
    ModelVerdict,
    Note,
    Part,
    Picture,
    Section,
    Table,
    finite,
    format_number,
    head,
    interval,
    number,
    numeric,
    p_cell,
    row,
    word,
)
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.rivals import TWINS

NAME = "rivals"
KINDS = {
    "rival": "cheaper features",
    TWIN: "random weights",
    TWINS: "random weights, the least certain seed",
    COVARIATES: "covariates alone",
}


def present_rivals(recipe: Recipe, rivals: pd.DataFrame, verdicts: pd.DataFrame) -> Part:
    """Sentences, table and numbers of the analysis.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    rivals, verdicts : DataFrame
        Tables of the analysis.
    """
    if rivals.empty:
        return Part(analysis=NAME)
    return Part(
        analysis=NAME,
        findings=[_finding(recipe, r) for r in verdicts.itertuples()],
        sections=[
            Section(
                id=NAME,
                title="Rivals: what models add to cheaper features and to random weights",
                items=_items(recipe, rivals, verdicts),
            )
        ],
        metrics=_tracked(rivals, verdicts),
        models=[
            ModelVerdict(
                model=r.model,
                block=r.block,
                verdict=said(r),
                reason=r.reason,
                cohort=recipe.cohort,
                n_subjects=r.n_subjects,
                licence=r.licence,
                metric=r.metric,
                smallest_difference=finite(r.smallest_difference),
            )
            for r in verdicts.itertuples()
        ],
    )


def said(line) -> str:
    """A verdict in words."""
    if line.verdict != NOT_SHOWN:
        return line.verdict
    size = finite(line.smallest_difference)
    seen = "unknown" if size is None else f"{size:.3f} {METRIC_NAMES[line.metric]}"
    return f"not shown at this N (smallest difference that could have been seen: {seen})"


def _finding(recipe: Recipe, line) -> str:
    """Whether the model of one block earned its place."""
    stem = f"Model {line.model} of block {line.block}: {said(line)}"
    if line.verdict == SHOWN:
        return (
            f"{stem}: it adds to each of its rivals and to the covariates, each over the run "
            f"(N = {line.n_subjects}, weights: {line.licence})."
        )
    if line.verdict == NOT_SHOWN:
        return f"{stem}; it {line.reason} (N = {line.n_subjects}, weights: {line.licence})."
    return f"{stem}, since {line.reason} (N = {line.n_subjects}, weights: {line.licence})."


def _items(recipe: Recipe, rivals: pd.DataFrame, verdicts: pd.DataFrame) -> list[Item]:
    """Figure, tables and what they mean."""
    alpha = recipe.experiment.alpha
    twinless = [f"{block}: {why}" for block, why in recipe.no_twins.items()]
    return [
        Picture(figure="rivals", alt="What each block adds to each rival, with its interval"),
        _table(rivals, alpha),
        Note(
            text="Each line compares block, rival and covariates with rival and covariates on the "
            "folds of the prediction (corrected resampled t, one-sided); the rival is adjusted for "
            "the same confounds as the block, in the training fold. The smallest difference is "
            f"what 80 of 100 such cohorts would show at {alpha:g}, before any adjustment. People "
            "without a rival's features get the training mean; where they are more than a tenth, "
            "nothing is told."
        ),
        Note(
            text="Twins have the encoder's architecture and random weights: what the block adds to "
            "them was learned. The largest p over their seeds decides, which is valid for the "
            "claim that the block adds to every one of them."
            + (f" There are none for {'; '.join(twinless)}." if twinless else "")
        ),
        Heading(text="Verdicts"),
        _verdicts(verdicts),
    ]


def _table(rivals: pd.DataFrame, alpha: float) -> Table:
    """Every comparison."""
    return Table(
        name="rivals",
        head=head(
            ["block", "rival", "what it is", "predictor"],
            ["difference", "95 % interval", "p", "p (Holm)", "smallest difference", "people "
             "without", "seconds"],
            ["not told"],
        ),
        rows=[
            row(
                [
                    word(r.block),
                    word(r.rival),
                    word(KINDS[r.kind]),
                    word(r.algorithm),
                    number(r.difference),
                    numeric(interval(r.ci_low, r.ci_high, signed=True)),
                    p_cell(r.p_raw),
                    p_cell(r.p_adjusted),
                    number(r.smallest_difference),
                    numeric(r.without),
                    number(r.seconds, 1),
                    word(r.not_told),
                ],
                hit=bool(r.p_adjusted < alpha),
            )
            for r in rivals.itertuples()
        ],
    )  # fmt: skip


def _verdicts(verdicts: pd.DataFrame) -> Table:
    """One line per model."""
    return Table(
        name="model verdicts",
        head=head(
            ["model", "block", "strategy", "verdict", "why"], ["smallest difference", "N"],
            ["weights"],
        ),
        rows=[
            row(
                [
                    word(r.model),
                    word(r.block),
                    word(r.strategy),
                    word(r.verdict),
                    word(r.reason),
                    numeric(format_number(r.smallest_difference)),
                    number(r.n_subjects),
                    word(r.licence),
                ],
                hit=r.verdict == SHOWN,
            )
            for r in verdicts.itertuples()
        ],
    )  # fmt: skip


def _tracked(rivals: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, float]:
    """Differences and their p-values, and whether each model is shown to earn its place."""
    out = {}
    for r in rivals[rivals["kind"] != TWIN].itertuples():
        stem = f"rivals/{r.algorithm}/{r.block}/over/{r.rival}"
        out |= {f"{stem}/difference": r.difference, f"{stem}/p_raw": r.p_raw}
    for r in verdicts.itertuples():
        out[f"rivals/{r.block}/shown"] = float(r.verdict == SHOWN)
        out[f"rivals/{r.block}/smallest_difference"] = r.smallest_difference
    return out
