"""Prediction of an outcome of several classes: what is stored, and how it is scored."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.stats.prediction.folds import fold_splits
from neurogenomics_kb.stats.prediction.locked import locked_macro_auc_difference
from neurogenomics_kb.stats.prediction.multiclass import (
    class_metrics,
    fold_macro_aucs,
    macro_auc,
)
from neurogenomics_kb.stats.prediction.predictors import predict_probabilities
from neurogenomics_kb.stats.prediction.resampling import FoldDifference, fold_mean_interval

# Columns of the predictions, one per class.
PROBABILITY = "probability:"


def class_codes(outcome: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Classes of every row as numbers 0 to C − 1 (n,), and their names (C,), sorted."""
    names, codes = np.unique(outcome.to_numpy(dtype=str), return_inverse=True)
    return codes, names


def refuse_rare_classes(
    y: np.ndarray,
    names: np.ndarray,
    folds: np.ndarray | pd.Series,
    inner: list[list[tuple[np.ndarray, np.ndarray]]],
    clusters: np.ndarray | None,
    column: str,
) -> None:
    """Refuse, before anything is fitted, folds that a class is too rare for.

    Parameters
    ----------
    y : ndarray of int (n,)
        Class of every person.
    names : ndarray (C,)
        Names of the classes.
    folds : array-like (n,)
        Test fold of every person.
    inner : list
        Inner splits of every training fold, positions in the training fold.
    clusters : ndarray (n,), optional
        Families, or children with several visits.
    column : str
        Outcome, for messages.

    Raises
    ------
    InputError
        If a test fold has fewer than two families of a class, which an interval needs, or one
        side of an inner split has no subject of a class.
    """
    who = np.arange(len(y)) if clusters is None else np.asarray(clusters)
    unit = "subjects" if clusters is None else "families or groups"
    for fold, ((train, test), splits) in enumerate(zip(fold_splits(folds), inner, strict=True)):
        for code, name in enumerate(names):
            found = len(np.unique(who[test][y[test] == code]))
            if found < 2:
                raise InputError(
                    f"test fold {fold} has {found} {unit} of class {name}, too few for a variance",
                    column=column,
                    subjects=int((y == code).sum()),
                    of=len(y),
                    remedy="Use fewer folds or a stratified scheme, or merge the class with "
                    "another under `levels` of the dataset card.",
                )
            if not all((y[train][side] == code).any() for split in splits for side in split):
                raise InputError(
                    f"class {name} is too rare in training fold {fold} for its inner folds",
                    column=column,
                    subjects=int((y[train] == code).sum()),
                    of=len(train),
                    remedy="Use fewer folds, or merge the class with another under `levels` of "
                    "the dataset card.",
                )


def predicted_classes(fitted, X: np.ndarray, y: np.ndarray, names: np.ndarray) -> dict:
    """Columns of the predictions: the true class, and a probability for each."""
    P = predict_probabilities(fitted, X)
    return {"outcome": names[y], **{PROBABILITY + n: P[:, c] for c, n in enumerate(names)}}


def probabilities_of(frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Predicted probabilities (n, C) and the names of the classes."""
    columns = [c for c in frame.columns if c.startswith(PROBABILITY)]
    return frame[columns].to_numpy(), [c.removeprefix(PROBABILITY) for c in columns]


def score_classes(frame: pd.DataFrame, clusters: np.ndarray | None) -> list[dict]:
    """Macro and one-against-rest AUROC with intervals, balanced accuracy, Brier, prevalence.

    Shares of classes are left out where one has fewer than ten subjects, who could be counted from
    them.

    Parameters
    ----------
    frame : DataFrame
        Out-of-fold predictions of one model.
    clusters : ndarray (n,), optional
        Family, or child with several visits, of every row; unrelated by default.

    Returns
    -------
    list of dict
        ``metric, level, value, ci_low, ci_high, method``; ``level`` is the class of a metric of one
        class, and empty for metrics of all.
    """
    P, names = probabilities_of(frame)
    y, fold = frame["outcome"].to_numpy(dtype=str), frame["fold"].to_numpy()
    found = macro_auc(
        y, P, fold, classes=names, clusters=clusters, n_features=float(frame["n_features"].mean())
    )
    influence = "influence curve, folds averaged"
    rows = [("macro_auroc", "", found.auc, *found.ci, f"mean of classes; {influence}")]
    inside = pd.DataFrame(
        [class_metrics(y[fold == k], P[fold == k], classes=names) for k in np.unique(fold)]
    )
    for name, how, largest in (
        ("balanced_accuracy", "most probable class", 1.0),
        ("brier", "summed over classes, 0 to 2", 2.0),
    ):
        values, gap = inside[name].to_numpy(), float("nan")
        if len(values) == 1:
            rows.append((name, "", float(values[0]), gap, gap, f"{how}; one locked test set"))
        elif np.ptp(values) < 1e-12:  # the same in all folds, which is no certainty
            rows.append((name, "", float(values[0]), gap, gap, f"{how}; equal in all folds"))
        else:
            value, low, high = fold_mean_interval(values, bounds=(0.0, largest))
            how = f"{how}; corrected t over folds, logit scale"
            rows.append((name, "", value, low, high, how))
    shares = np.array([(y == name).mean() for name in names])
    disclosing = shares.min() * len(y) < MINIMUM_CELL
    if not disclosing:
        rows.append(
            ("brier_of_prevalence", "", float(1 - (shares**2).sum()), gap, gap,
             "what the shares of the classes reach")
        )  # fmt: skip
    for share, name in zip(shares, names, strict=True):
        one = found.per_class[name]
        rows.append(("auroc", name, one.auc, *one.ci, f"one against the rest; {influence}"))
        if not disclosing:
            rows.append(("prevalence", name, float(share), gap, gap, "share of the class"))
    columns = ("metric", "level", "value", "ci_low", "ci_high", "method")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def macro_scores(frame: pd.DataFrame) -> np.ndarray:
    """Macro AUROC of every test fold (K,)."""
    P, names = probabilities_of(frame)
    return fold_macro_aucs(frame["outcome"].to_numpy(dtype=str), P, frame["fold"], classes=names)


def compare_classes_once(a: pd.DataFrame, b: pd.DataFrame, **options) -> FoldDifference:
    """Difference of two fitted models' macro AUROC on one test set, rows aligned."""
    (first, names), (second, others) = probabilities_of(a), probabilities_of(b)
    if names != others:
        raise InputError(
            "the models were fitted to other classes",
            remedy="Run the prediction again from the folds on.",
        )
    y = a["outcome"].to_numpy(dtype=str)
    return locked_macro_auc_difference(y, first, second, classes=names, **options)
