"""Fit every rung on the folds of the run, and let inner folds choose among them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.ladder.people import (
    Fold,
    People,
    codes_of,
    group_columns,
    make_folds,
)
from neurogenomics_kb.pipelines.integration.design import first_algorithm, inner_folds
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.cards.rungs import RUNGS
from neurogenomics_kb.registry.disclosure import public_reason
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.ladder.concatenated import Concatenated
from neurogenomics_kb.stats.ladder.inputs import Rung
from neurogenomics_kb.stats.ladder.pooled_tokens import MasksOnly
from neurogenomics_kb.stats.ladder.selection import Choice, choose_rung, refuse_one_class
from neurogenomics_kb.stats.prediction.folds import fold_splits

logger = logging.getLogger(__name__)

LATE, CHOSEN = "late fusion", "chosen by inner folds"
# Who lacks which block, alone: any learner can see it where blocks have gaps.
MASKS = "masks only"
# Inner folds, and the share of the people that they train on.
INNER, INNER_SHARE = 3, 2 / 3
CANDIDATE, CONTROL, BESIDE, PICKED = "candidate", "control", "beside", "chosen"


@dataclass
class Climbed:
    """What the folds gave.

    Attributes
    ----------
    predictions : list of DataFrame
        One per fold and model, indexed by person.
    choices : list of Choice
        What the inner folds chose, fold by fold.
    training, ranks : list of DataFrame
        Curves, and ranks of columns, one per fold and rung that has them.
    embedded : dict of str to list
        Positions of the test people, their places in a common space and their families, fold by
        fold, of rungs that have one.
    seconds : dict of str to float
        Processor time of a rung on the outer folds; under `CHOSEN` that of the choice.
    alone : dict of str to float
        Processor time of a rung on the outer folds without its controls.
    absent : dict of str to str
        Rungs that could not be fitted, and why.
    n_unlabelled : int
        People without an outcome whom the first fold learned from.
    """

    predictions: list[pd.DataFrame] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    training: list[pd.DataFrame] = field(default_factory=list)
    ranks: list[pd.DataFrame] = field(default_factory=list)
    embedded: dict[str, list] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    n_unlabelled: int = 0


def makers_of(recipe: Recipe) -> dict[str, Callable[[], Rung]]:
    """Makers of unfitted rungs by name, late fusion first.

    Late fusion is the experiment's first algorithm on all projected blocks.
    """
    experiment = recipe.experiment
    common = {"continuous": recipe.continuous, "seed": experiment.seed}

    def predictor(name: str) -> Any:
        return PREDICTORS.build(recipe.rung_predictors[name], **common)

    def late() -> Rung:
        options = experiment.predictor(first_algorithm(recipe))
        return Concatenated(PREDICTORS.build(options, **common), continuous=recipe.continuous)

    rungs = {
        name: partial(RUNGS.build, card.rung, predictor=predictor, **common)
        for name, card in recipe.rungs.items()
    }
    return {LATE: late, **rungs}


def climb(
    recipe: Recipe,
    people: People,
    folds: pd.Series,
    projections: Mapping[str, pd.DataFrame],
) -> Climbed:
    """Late fusion, every rung with its controls, and what inner folds choose, on the same folds.

    A rung that cannot be fitted in one fold is left out of all, with the reason, and of the choices
    that were made before.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    people : People
        Who is there.
    folds : Series (n,)
        Test fold of everybody.
    projections : mapping of str to DataFrame
        As `project_blocks` gives them.
    """
    y = people.cohort[recipe.experiment.outcome].to_numpy(dtype=float)
    makers, out = makers_of(recipe), Climbed()
    n_folds = folds.nunique()
    logger.info(
        "ladder: %d rungs beside late fusion, each fitted %d times on the folds and about %d times "
        "inside them; the time of all is told after the first fold",
        len(makers) - 1,
        n_folds,
        INNER * n_folds,
    )
    problem = unfit_for_choice(recipe, people, folds, y)
    if problem:  # known before anything is fitted
        out.absent = dict.fromkeys(recipe.rungs, problem)
    for fold in make_folds(recipe, people, folds, projections, y):
        begun = time.process_time()
        if fold.number == 0:
            out.n_unlabelled = 0 if fold.unlabelled is None else len(fold.unlabelled)
        for name, make in makers.items():
            if fold.problem and name in recipe.rungs and recipe.rungs[name].rung.reads_features:
                out.absent.setdefault(name, fold.problem)
            if name not in out.absent:
                fit_rung(recipe, people.cohort, fold, y, name, make, out)
        if fold.inputs.present:
            masks = partial(MasksOnly, continuous=recipe.continuous)
            fit_rung(recipe, people.cohort, fold, y, MASKS, masks, out)
        spent = time.process_time() - begun
        if fold.number == 0:
            # Three inner folds of two thirds of the people, controls left out.
            inside = INNER * INNER_SHARE * sum(out.alone.values())
            logger.info(
                "ladder: about %.0f minutes of processor time for all folds",
                (spent + inside) * n_folds / 60,
            )
        ready = {name: make for name, make in makers.items() if name not in out.absent}
        if len(ready) > 1:
            choose(recipe, fold, y, ready, out)
    kept = [name for name in makers if name not in out.absent]
    out.predictions = [f for f in out.predictions if f["of"].iloc[0] not in out.absent]
    # A control that one fold could not fit is none.
    folds_of = Counter(f["rung"].iloc[0] for f in out.predictions)
    out.predictions = [f for f in out.predictions if folds_of[f["rung"].iloc[0]] == n_folds]
    for tables in (out.training, out.ranks):
        tables[:] = [t for t in tables if t["rung"].iloc[0] not in out.absent]
    out.embedded = {n: parts for n, parts in out.embedded.items() if n in kept}
    out.choices = [c.among(kept) for c in out.choices] if len(kept) > 1 else []
    out.predictions += chosen_predictions(out)
    return out


def choose(
    recipe: Recipe,
    fold: Fold,
    y: np.ndarray,
    makers: Mapping[str, Callable[[], Rung]],
    out: Climbed,
) -> None:
    """Let the inner folds of one training fold choose, and keep what they chose."""
    started = time.process_time()
    choice = choose_rung(
        makers,
        fold.inputs.take(fold.train),
        y[fold.train],
        fold.inside,
        fold.unlabelled,
        continuous=recipe.continuous,
        random_state=recipe.experiment.seed,
    )
    out.choices.append(choice)
    out.seconds[CHOSEN] = out.seconds.get(CHOSEN, 0.0) + time.process_time() - started
    logger.info("ladder: fold %d chooses %s", fold.number + 1, choice.rung)


def unfit_for_choice(recipe: Recipe, people: People, folds: pd.Series, y: np.ndarray) -> str:
    """Why inner folds cannot choose, looked at before anything is fitted; empty where they can."""
    groups, _ = codes_of(people, group_columns(recipe))
    try:
        for train, _ in fold_splits(folds):
            inside = inner_folds(recipe, y, groups, train)
            if not recipe.continuous:
                refuse_one_class(y[train], inside)
            for inner, _ in inside:
                inner_folds(recipe, y, groups, train[inner])
    except InputError as error:
        logger.warning("ladder: inner folds cannot choose: %s", error)
        return public_reason(error)
    return ""


def fit_rung(
    recipe: Recipe,
    cohort: pd.DataFrame,
    fold: Fold,
    y: np.ndarray,
    name: str,
    make: Callable[[], Rung],
    out: Climbed,
) -> None:
    """Fit a rung and its controls in one fold, and keep what they give.

    Its parameters are what a fold has; they are many, since nothing of it outlives the fold.
    """
    train, started = fold.train, time.process_time()
    here, there = fold.inputs.take(train), fold.inputs.take(fold.test)
    found = {}
    try:
        rung = make()
        models = {name: (CONTROL if name == MASKS else CANDIDATE, rung)}
        models |= {
            f"{name}: {c}": (CONTROL, control)
            for c, control in rung.controls.items()
            if not isinstance(control, MasksOnly)  # once for all rungs, see `MASKS`
        }
        for label, (role, model) in models.items():
            try:
                model.fit(here, y[train], fold.inside, fold.unlabelled)
            except InputError as error:
                if model is rung:
                    raise
                logger.warning("ladder: control '%s' is left out: %s", label, error)
                continue
            found[label] = role, model.predict(there)
            if model is rung:
                spent = time.process_time() - started
                out.alone[name] = out.alone.get(name, 0.0) + spent
            also = getattr(model, "also", None)
            for other, score in {} if also is None else also(there).items():
                found[f"{label}: {other}"] = BESIDE, score
    except InputError as error:
        if name == LATE:
            raise  # nothing is left to compare with
        out.absent[name] = public_reason(error)
        logger.warning("ladder: '%s' is left out: %s", name, error)
        return
    spent = time.process_time() - started
    out.seconds[name] = out.seconds.get(name, 0.0) + spent
    if fold.number == 0:
        logger.info("ladder: '%s' takes %.1f s a fold, its controls among them", name, spent)
    for label, (role, score) in found.items():
        out.predictions.append(
            pd.DataFrame(
                {
                    "rung": label,
                    "of": name,
                    "role": role,
                    "repeat": 0,
                    "fold": fold.number,
                    "outcome": y[fold.test],
                    "score": score,
                    "training_mean": y[train].mean(),
                    "n_features": sum(A.shape[1] for A in here.blocks.values()),
                },
                index=pd.Index(cohort.index[fold.test], name=SUBJECT),
            )
        )
    embed = getattr(rung, "embed", None)
    if embed is not None:
        out.embedded.setdefault(name, []).append((fold.test, embed(there), there.families))
    if rung.history:
        out.training.append(pd.DataFrame(rung.history).assign(rung=name, fold=fold.number))
    ranks = getattr(rung, "ranks", None)
    if ranks is not None:
        # One shuffle a column: the mean is over inner and outer folds anyway.
        out.ranks.append(ranks(1).assign(rung=name, fold=fold.number))


def chosen_predictions(out: Climbed) -> list[pd.DataFrame]:
    """Predictions of the rung that each fold chose, as those of one procedure."""
    by_place = {(f["rung"].iloc[0], f["fold"].iloc[0]): f for f in out.predictions}
    return [
        by_place[choice.rung, fold].assign(rung=CHOSEN, of=CHOSEN, role=PICKED)
        for fold, choice in enumerate(out.choices)
    ]
