"""Fit a block beside each of its rivals on the same folds, and compare."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.loops import iterate_loop
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.foundation.wide import StoredTable
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    class_codes,
    refuse_rare_classes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import compare
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    fit,
    predict,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.features import (
    RivalFeatures,
    features_of,
    project_rival,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.lines import (
    RIVAL,
    covariate_rows,
    hardest,
    row_of,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import RIVALS
from neurogenomics_kb.pipelines.integration.design import clusters_of, fold_groups, inner_folds
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.rivals import TWINS
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction.folds import fold_splits
from neurogenomics_kb.stats.prediction.resampling import FoldDifference

logger = logging.getLogger(__name__)

Projections = Mapping[str, Any]


@dataclass(frozen=True)
class Design:
    """Outcome and folds of a run, as the prediction has them.

    Parameters
    ----------
    y : ndarray
        Outcome, classes as codes.
    names : list or None
        Classes, where there are several.
    splits : list of (train, test)
        Positions, repeat after repeat.
    inside : list
        Inner folds of every training fold.
    per_repeat : int
        Folds of a repeat.
    """

    y: np.ndarray
    names: Any
    splits: list[tuple[np.ndarray, np.ndarray]]
    inside: list[Any]
    per_repeat: int

    @classmethod
    def of(cls, recipe: Recipe, cohort: pd.DataFrame, folds: pd.DataFrame) -> Design:
        """Design of a run; classes too rare for it are refused."""
        outcome, names = cohort[recipe.experiment.outcome], None
        if recipe.multiclass:
            y, names = class_codes(outcome)
        else:
            y = outcome.to_numpy(dtype=float)
        groups, splits = fold_groups(recipe, cohort), list(fold_splits(folds))
        inside = [inner_folds(recipe, y, groups, train) for train, _ in splits]
        if recipe.multiclass:
            clusters = clusters_of(recipe, cohort, cohort)
            refuse_rare_classes(y, names, folds, inside, clusters, recipe.experiment.outcome)
        return cls(y, names, splits, inside, len(splits) // pd.DataFrame(folds).shape[1])


def compare_rivals(
    recipe: Recipe,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    projections: Projections,
    comparisons: pd.DataFrame,
    features: Mapping[str, pd.DataFrame | StoredTable],
) -> pd.DataFrame:
    """Every block of an encoder against every rival, the covariates in both models.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    folds : DataFrame
        Test fold of everybody, a column per repeat.
    projections : mapping of str to DataFrame or callable
        Blocks and covariates as every fold sees them.
    comparisons : DataFrame
        Of the prediction, for what a block adds to the covariates alone.
    features : mapping of str to DataFrame or StoredTable
        Features by modality.
    """
    of = [b for b in blocks_with_encoders(recipe) if f"{b}-adjusted-0" in projections]
    algorithms = algorithms_of(recipe)
    if not of:
        return RIVALS.empty()
    rivals = {name: rival for name, rival in recipe.rivals.items() if rival.of in of}
    found = {name: features_of(recipe, name, cohort, features) for name in rivals}
    design = Design.of(recipe, cohort, folds)
    price = Price(sum(not f.not_told for f in found.values()), len(design.splits), len(algorithms))
    rows = []
    for block in of:
        rows += covariate_rows(recipe, block, comparisons, algorithms)
        for name in (name for name, rival in rivals.items() if rival.of == block):
            start = time.perf_counter()
            tests = attempt(recipe, name, cohort, found[name], projections, design, price)
            seconds = (time.perf_counter() - start) / len(algorithms)
            rows += [
                row_of(recipe, name, algorithm, found[name], tests, seconds)
                for algorithm in algorithms
            ]
        rows += [hardest(rows, block, algorithm) for algorithm in algorithms]
    table = pd.DataFrame([r for r in rows if r], columns=list(RIVALS.names))
    claims = table["kind"].isin([RIVAL, TWINS]) & (table["not_told"] == "")
    table["p_adjusted"] = np.nan
    table.loc[claims, "p_adjusted"] = adjust(table.loc[claims, "p_raw"].astype(float), "holm")
    return table


def algorithms_of(recipe: Recipe) -> list[str]:
    """Predictors that rivals are compared by."""
    first = recipe.experiment.rival_settings.algorithms == "first"
    return recipe.experiment.algorithms[:1] if first else recipe.experiment.algorithms


def blocks_with_encoders(recipe: Recipe) -> list[str]:
    """Blocks that have a model to be judged."""
    return [name for name, strategy in recipe.blocks.items() if strategy.encoder]


class Price:
    """What all comparisons cost: how many fits at once, the time from the first fold.

    Parameters
    ----------
    rivals, folds, algorithms : int
        How many there are.
    """

    def __init__(self, rivals: int, folds: int, algorithms: int) -> None:
        self.folds, self.known = rivals * folds, False
        logger.info(
            "rivals: %d to compare with in %d folds: %d projections and %d fits; `rivals: false` "
            "in the experiment leaves them out",
            rivals, folds, self.folds, 2 * self.folds * algorithms,
        )  # fmt: skip

    def of_a_fold(self, seconds: float) -> None:
        """Tell what is to be expected, when the first fold of the first rival is done."""
        if not self.known:
            logger.info(
                "rivals: the first fold of the first took %.1f s, so all take about %.0f s",
                seconds, self.folds * seconds,
            )  # fmt: skip
        self.known = True


def attempt(
    recipe: Recipe,
    rival: str,
    cohort: pd.DataFrame,
    features: RivalFeatures,
    projections: Projections,
    design: Design,
    price: Price,
) -> dict[str, FoldDifference] | str:
    """Comparison by algorithm, or why there is none: a rival never ends the run."""
    if features.not_told:
        return features.not_told
    try:
        return race(recipe, rival, cohort, features.table, projections, design, price)
    except InputError as error:
        # The message may speak of single people, whom no table of this kind may name or count.
        logger.warning("rivals: %s cannot be compared: %s", rival, error)
        return "it cannot be fitted here, as the log says"


def race(
    recipe: Recipe,
    rival: str,
    cohort: pd.DataFrame,
    features: pd.DataFrame,
    projections: Projections,
    design: Design,
    price: Price,
) -> dict[str, FoldDifference]:
    """Rival and covariates against block, rival and covariates, by algorithm.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    rival : str
        Its name in the recipe.
    cohort, features : DataFrame
        Analysed people, and the rival's features of them.
    projections : mapping of str to DataFrame or callable
        Blocks and covariates as every fold sees them.
    design : Design
        Outcome and folds.
    price : Price
        Is told how long a fold took.
    """
    of, algorithms = recipe.rivals[rival].of, algorithms_of(recipe)
    frames: dict[str, tuple[list, list]] = {name: ([], []) for name in algorithms}
    tasks = (
        (
            train,
            test,
            design.inside[fold],
            table_of(projections, f"{COVARIATES}-adjusted-{fold}"),
            table_of(projections, f"{of}-adjusted-{fold}"),
        )
        for fold, (train, test) in enumerate(design.splits)
    )
    start = time.perf_counter()
    results = iterate_loop(
        race_in_fold, tasks, total=len(design.splits),
        shared=(recipe, rival, cohort, features, design.y, design.names, algorithms),
    )  # fmt: skip
    for fold, predicted in enumerate(results):
        labels = {"repeat": fold // design.per_repeat, "fold": fold}
        people = cohort.index[design.splits[fold][1]]
        for algorithm, pair in predicted.items():
            for columns, frame in zip(pair, frames[algorithm], strict=True):
                frame.append(pd.DataFrame({**labels, **columns}, index=people))
        price.of_a_fold(time.perf_counter() - start)
    joined = {
        name: [pd.concat(parts).rename_axis(SUBJECT) for parts in pair]
        for name, pair in frames.items()
    }
    return {name: compare(recipe, cohort, *pair) for name, pair in joined.items()}


def race_in_fold(
    task: tuple,
    recipe: Recipe,
    rival: str,
    cohort: pd.DataFrame,
    features: pd.DataFrame,
    y: np.ndarray,
    names: Any,
    algorithms: list[str],
) -> dict[str, list[dict]]:
    """Predictions with the block and without it, by algorithm, in one fold."""
    train, test, inner, covariates, block = task
    beside = np.hstack([project_rival(recipe, rival, cohort, features, train), covariates])
    both = np.hstack([block, beside])
    out: dict[str, list[dict]] = {}
    for algorithm in algorithms:
        for X in (both, beside):
            fitted = fit(recipe, algorithm, X[train], y[train], inner)
            predicted = predict(recipe, fitted, X[test], y[test], y[train], names)
            out.setdefault(algorithm, []).append({**predicted, "n_features": X.shape[1]})
    return out


def table_of(projections: Projections, key: str) -> np.ndarray:
    """One projection, loaded if it lies on disk."""
    table = projections[key]
    return (table() if callable(table) else table).to_numpy()
