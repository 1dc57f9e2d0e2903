"""Fit a block beside each of its rivals on the same folds, and compare."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.integration.analyses.prediction.classes import (
    class_codes,
    refuse_rare_classes,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import compare
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    fit,
    predict,
    with_covariates,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.features import (
    RivalFeatures,
    features_of,
    project_rival,
)
from neurogenomics_kb.pipelines.integration.analyses.rivals.tables import RIVALS
from neurogenomics_kb.pipelines.integration.design import clusters_of, fold_groups
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction.folds import fold_splits, inner_splits
from neurogenomics_kb.stats.prediction.power import smallest_difference
from neurogenomics_kb.stats.prediction.resampling import FoldDifference

logger = logging.getLogger(__name__)

ADJUSTMENT = "Holm over the claims of the table"
RIVAL, TWIN, TWINS = "rival", "twin", "twins"
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
        inside = [
            inner_splits(
                y[train],
                None if groups is None else groups[train],
                seed=recipe.experiment.seed,
                continuous=recipe.continuous,
            )
            for train, _ in splits
        ]
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
    features: Mapping[str, pd.DataFrame],
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
    features : mapping of str to DataFrame
        Features by modality.
    """
    of = [b for b in blocks_with_encoders(recipe) if f"{b}-adjusted-0" in projections]
    algorithms = recipe.experiment.algorithms
    if recipe.experiment.rival_settings.algorithms == "first":
        algorithms = algorithms[:1]
    if not of:
        return RIVALS.empty()
    rivals = {name: rival for name, rival in recipe.rivals.items() if rival.of in of}
    found = {name: features_of(recipe, name, cohort, features) for name in rivals}
    design = Design.of(recipe, cohort, folds)
    compete = announced(recipe, design, sum(not f.not_told for f in found.values()), algorithms)
    rows = []
    for block in of:
        rows += covariate_rows(recipe, block, comparisons, algorithms)
        for name in (name for name, rival in rivals.items() if rival.of == block):
            start = time.perf_counter()
            tests = attempt(recipe, name, cohort, found[name], projections, design, compete)
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


def blocks_with_encoders(recipe: Recipe) -> list[str]:
    """Blocks that have a model to be judged."""
    return [name for name, strategy in recipe.blocks.items() if strategy.encoder]


def announced(
    recipe: Recipe, design: Design, n_rivals: int, algorithms: list[str]
) -> Callable[..., Any]:
    """`fit` that tells what all fits will cost when the first one, which counts, is done."""
    total = 2 * n_rivals * len(design.splits) * len(algorithms)
    logger.info(
        "rivals: %d rivals with %d fits in %d folds (%s); `rivals: false` leaves them out",
        n_rivals, total, len(design.splits), ", ".join(algorithms),
    )  # fmt: skip
    done = []

    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        fitted = fit(recipe, *arguments)
        if not done:
            seconds = time.perf_counter() - start
            logger.info(
                "rivals: the first fit took %.2f s, so all take about %.0f s",
                seconds, total * seconds,
            )  # fmt: skip
        done.append(True)
        return fitted

    return timed


def attempt(
    recipe: Recipe,
    rival: str,
    cohort: pd.DataFrame,
    features: RivalFeatures,
    projections: Projections,
    design: Design,
    compete: Callable[..., Any],
) -> dict[str, FoldDifference] | str:
    """Comparison by algorithm, or why there is none: a rival never ends the run."""
    if features.not_told:
        return features.not_told
    try:
        return race(recipe, rival, cohort, features.table, projections, design, compete)
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
    compete: Callable[..., Any],
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
    compete : callable
        Fits one algorithm: name, columns, outcome, inner folds.
    """
    of, settings = recipe.rivals[rival].of, recipe.experiment.rival_settings
    algorithms = recipe.experiment.algorithms
    algorithms = algorithms[:1] if settings.algorithms == "first" else algorithms
    frames: dict[str, tuple[list, list]] = {name: ([], []) for name in algorithms}
    for fold, (train, test) in enumerate(design.splits):
        beside = np.hstack(
            [
                project_rival(recipe, rival, cohort, features, train),
                table_of(projections, f"{COVARIATES}-adjusted-{fold}"),
            ]
        )
        both = np.hstack([table_of(projections, f"{of}-adjusted-{fold}"), beside])
        for algorithm in algorithms:
            for X, frame in zip((both, beside), frames[algorithm], strict=True):
                y_train = design.y[train]
                fitted = compete(algorithm, X[train], y_train, design.inside[fold])
                predicted = predict(recipe, fitted, X[test], design.y[test], y_train, design.names)
                labels = {"repeat": fold // design.per_repeat, "fold": fold}
                frame.append(
                    pd.DataFrame(
                        {**labels, **predicted, "n_features": X.shape[1]},
                        index=cohort.index[test],
                    )
                )
    joined = {
        name: [pd.concat(parts).rename_axis(SUBJECT) for parts in pair]
        for name, pair in frames.items()
    }
    return {name: compare(recipe, cohort, *pair) for name, pair in joined.items()}


def table_of(projections: Projections, key: str) -> np.ndarray:
    """One projection, loaded if it lies on disk."""
    table = projections[key]
    return (table() if callable(table) else table).to_numpy()


def row_of(
    recipe: Recipe,
    name: str,
    algorithm: str,
    features: RivalFeatures,
    tests: dict[str, FoldDifference] | str,
    seconds: float,
) -> dict[str, Any]:
    """One line of the table."""
    rival = recipe.rivals[name]
    told = {} if isinstance(tests, str) else numbers_of(recipe, tests[algorithm])
    return {
        **blank(recipe, rival.of, name, rival.kind, algorithm),
        **told,
        "without": features.without,
        "not_told": tests if isinstance(tests, str) else "",
        "seconds": seconds,
    }


def blank(recipe: Recipe, block: str, rival: str, kind: str, algorithm: str) -> dict[str, Any]:
    """A line without numbers."""
    return {
        **dict.fromkeys(RIVALS.names, np.nan),
        "block": block,
        "encoder": recipe.blocks[block].encoder,
        "rival": rival,
        "kind": kind,
        "algorithm": algorithm,
        "metric": recipe.primary_metric,
        "adjustment": ADJUSTMENT,
        "without": "0",
        "not_told": "",
    }


def numbers_of(recipe: Recipe, test: FoldDifference) -> dict[str, float]:
    """What a comparison gives."""
    return {
        "difference": test.difference,
        "ci_low": test.ci[0],
        "ci_high": test.ci[1],
        "df": test.df,
        "p_raw": test.p_value,
        "smallest_difference": smallest_difference(test.se, test.df, recipe.experiment.alpha),
    }


def covariate_rows(
    recipe: Recipe, block: str, comparisons: pd.DataFrame, algorithms: list[str]
) -> list[dict[str, Any]]:
    """What the block adds to the covariates alone, as the prediction found it."""
    rows = comparisons[
        (comparisons["model"] == with_covariates(block))
        & (comparisons["reference"] == COVARIATES)
        & (comparisons["variant"] == "adjusted")
        & comparisons["algorithm"].isin(algorithms)
    ]
    out = []
    for r in rows.itertuples():
        se = r.difference / r.t if r.t else np.nan
        out.append(
            {
                **blank(recipe, block, COVARIATES, COVARIATES, r.algorithm),
                **{c: getattr(r, c) for c in ("difference", "ci_low", "ci_high", "df", "p_raw")},
                "smallest_difference": smallest_difference(se, r.df, recipe.experiment.alpha),
                "seconds": 0.0,
            }
        )
    return out


def hardest(rows: list[dict[str, Any]], block: str, algorithm: str) -> dict[str, Any] | None:
    """The twin that a block adds least surely to, which stands for all of them.

    The largest p over the seeds is a valid p for "it does not add to every twin" (an
    intersection–union test), and needs no correction for their number. An average of the twins'
    scores would ask less: whether the block adds to the usual twin.
    """
    own = [
        row
        for row in rows
        if (row["block"], row["algorithm"], row["kind"]) == (block, algorithm, TWIN)
    ]
    if not own:
        return None
    worst = max(own, key=lambda r: (r["not_told"] != "", _last(r["p_raw"])))
    seconds = sum(row["seconds"] for row in own)
    return {**worst, "kind": TWINS, "rival": TWINS, "seconds": seconds}


def _last(p: float) -> float:
    """A p-value to sort by; one that is not defined decides against the block."""
    return 1.0 if np.isnan(p) else p
