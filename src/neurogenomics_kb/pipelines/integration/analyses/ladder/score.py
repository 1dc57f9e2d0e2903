"""What the rungs reach, and whether the choice among them beats late fusion."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.ladder.climb import (
    CANDIDATE,
    CHOSEN,
    CONTROL,
    LATE,
    MASKS,
    Climbed,
)
from neurogenomics_kb.pipelines.integration.analyses.ladder.tables import (
    CHOICE,
    COMPARISONS,
    RANKS,
    RUNGS,
    TRAINING,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.compare import (
    compare,
    compare_gaps,
    fold_scores,
)
from neurogenomics_kb.pipelines.integration.design import clusters_of
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL, public_reason
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.prediction.bounds import AT_MOST_ONE
from neurogenomics_kb.stats.prediction.power import smallest_difference
from neurogenomics_kb.stats.prediction.resampling import FoldDifference, fold_mean_interval
from neurogenomics_kb.stats.roc import cv_auc

HOLM = "Holm over the rungs"
ONE_TEST = "one test"


def score_rungs(recipe: Recipe, cohort: pd.DataFrame, climbed: Climbed) -> pd.DataFrame:
    """Metric of every rung with its interval, and of what could not be fitted the reason."""
    frames = by_rung(climbed)
    picked = [choice.rung for choice in climbed.choices]
    failed = failures(climbed)
    rows = []
    for name, frame in frames.items():
        value, low, high = interval_of(recipe, cohort, frame)
        of, role = frame["of"].iloc[0], frame["role"].iloc[0]
        whole = role in (CANDIDATE, CHOSEN) or name == CHOSEN
        rows.append(
            {
                "rung": name,
                "of": of,
                "role": role,
                "stage": stage_of(recipe, of),
                "metric": recipe.primary_metric,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "p_chance": above_chance(recipe, frame),
                "chosen": picked.count(name),
                "minutes": climbed.seconds.get(name, np.nan) / 60 if whole else np.nan,
                "reason": failed.get(name, ""),
            }
        )
    for name, reason in climbed.absent.items():
        gap = float("nan")
        rows.append(
            {
                "rung": name, "of": name, "role": CANDIDATE, "stage": stage_of(recipe, name),
                "metric": recipe.primary_metric, "value": gap, "ci_low": gap, "ci_high": gap,
                "p_chance": gap, "chosen": 0, "minutes": gap, "reason": reason,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(RUNGS.names))


def failures(climbed: Climbed) -> dict[str, str]:
    """Rungs that inner folds could not score, in how many training folds and why."""
    found: dict[str, list[str]] = {}
    for choice in climbed.choices:
        for name, reason in choice.failed.items():
            found.setdefault(name, []).append(public_reason(InputError(reason, remedy="")))
    of = len(climbed.choices)
    return {n: f"could not be chosen in {len(r)} of {of} folds: {r[0]}" for n, r in found.items()}


def by_rung(climbed: Climbed) -> dict[str, pd.DataFrame]:
    """Predictions of everything over all folds, by name, in the order of the cards."""
    frames = pd.concat(climbed.predictions)
    return dict(list(frames.groupby("rung", sort=False)))


def stage_of(recipe: Recipe, name: str) -> str:
    """Stage of a rung; that of late fusion and of the choice is their own."""
    return recipe.rungs[name].stage if name in recipe.rungs else "late_fusion"


def interval_of(recipe: Recipe, cohort: pd.DataFrame, frame: pd.DataFrame):
    """Primary metric over the folds and the ends of its 95 % interval."""
    if recipe.continuous:
        return fold_mean_interval(fold_scores(recipe, frame), bounds=AT_MOST_ONE)
    found = cv_auc(
        frame["outcome"],
        frame["score"],
        frame["fold"],
        clusters=clusters_of(recipe, cohort, frame),
        n_features=float(frame["n_features"].mean()),
    )
    return found.auc, *found.ci


def above_chance(recipe: Recipe, frame: pd.DataFrame) -> float:
    """One-sided p that the score over the folds is that of chance."""
    chance = 0.0 if recipe.continuous else 0.5
    gaps = fold_scores(recipe, frame) - chance
    return compare_gaps(recipe, gaps, alternative="greater").p_value


def compare_rungs(recipe: Recipe, cohort: pd.DataFrame, climbed: Climbed) -> pd.DataFrame:
    """Every rung over late fusion, and over its controls."""
    frames = by_rung(climbed)
    rows, claims = [], []
    for name in recipe.rungs:
        if name not in frames:
            continue
        references = {LATE: True}
        references |= {
            other: False
            for other, frame in frames.items()
            if frame["of"].iloc[0] == name and frame["role"].iloc[0] == CONTROL
        }
        for reference, claim in references.items():
            test = compare(recipe, cohort, frames[name], frames[reference])
            rows.append(
                {
                    "rung": name,
                    "reference": reference,
                    "metric": recipe.primary_metric,
                    **difference(test),
                    "p_adjusted": np.nan,
                    "adjustment": HOLM if claim else "",
                }
            )
            claims.append(claim)
    table = pd.DataFrame(rows, columns=list(COMPARISONS.names))
    asked = np.array(claims, dtype=bool)
    table.loc[asked, "p_adjusted"] = adjust(table.loc[asked, "p_raw"], "holm")
    return table


def difference(test: FoldDifference) -> dict[str, float]:
    """Columns that every comparison has."""
    return {
        "difference": test.difference,
        "ci_low": test.ci[0],
        "ci_high": test.ci[1],
        "df": test.df,
        "p_raw": test.p_value,
    }


def judge_choice(recipe: Recipe, cohort: pd.DataFrame, climbed: Climbed) -> pd.DataFrame:
    """The one test that decides: what inner folds choose, over late fusion."""
    compared = {name for choice in climbed.choices for name in choice.scores} - {LATE}
    if not compared:
        return CHOICE.empty()
    frames = by_rung(climbed)
    chosen = frames[CHOSEN]
    test = compare(recipe, cohort, chosen, frames[LATE])
    picked = pd.Series([choice.rung for choice in climbed.choices])
    best = picked.value_counts().index[0]
    p_masks = np.nan
    if MASKS in frames:
        p_masks = compare(recipe, cohort, chosen, frames[MASKS]).p_value
    # Folds that chose late fusion differ by nothing, which says nothing of what could be seen: what
    # the rungs differ by does.
    errors = [compare(recipe, cohort, frames[n], frames[LATE]).se for n in recipe.rungs
              if n in frames]  # fmt: skip
    row = {
        "rung": best,
        "folds": int((picked == best).sum()),
        "of": len(picked),
        "reference": LATE,
        "metric": recipe.primary_metric,
        **difference(test),
        "p_adjusted": test.p_value,
        "adjustment": ONE_TEST,
        "p_chance": above_chance(recipe, chosen),
        "masks": MASKS in frames,
        "p_masks": p_masks,
        "smallest_seen": smallest_difference(
            max([test.se, np.median(errors) if errors else 0.0]), test.df, recipe.experiment.alpha
        ),
        "n": chosen.index.nunique(),
        "n_unlabelled": shown(climbed.n_unlabelled),
        "minutes": climbed.seconds[CHOSEN] / 60,
    }
    return pd.DataFrame([row], columns=list(CHOICE.names))


def shown(n: int) -> float:
    """A count that may be shown: none, or as many as the smallest cell."""
    return float(n) if n == 0 or n >= MINIMUM_CELL else float("nan")


def training_curves(climbed: Climbed) -> pd.DataFrame:
    """Curves of all rungs that were trained in steps."""
    if not climbed.training:
        return TRAINING.empty()
    table = pd.concat(climbed.training, ignore_index=True)
    table = table.reindex(columns=list(TRAINING.names))
    table["initialisation"] = table["initialisation"].fillna(0).astype(int)
    return table


def mean_ranks(climbed: Climbed) -> pd.DataFrame:
    """Ranks of columns, mean over the folds."""
    if not climbed.ranks:
        return RANKS.empty()
    table = pd.concat(climbed.ranks)
    # A fold may keep fewer components than another: the mean is over those that have the column.
    mean = table.groupby(["rung", "block", "column"], sort=False)["rank_product"].mean()
    out = mean.reset_index()
    out["rank"] = out.groupby("rung")["rank_product"].rank()
    return out.sort_values(["rung", "rank"], kind="stable")[list(RANKS.names)]
