"""Scores of a prediction of several classes: one against the rest, fold by fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.errors import InputError, listing
from neurogenomics_kb.stats.resampling import Alternative, FoldDifference, corrected_resampled_t
from neurogenomics_kb.stats.roc import (
    CrossValidatedAUC,
    fold_influence,
    fold_overlap,
    influence_se,
    logit_interval,
)


@dataclass(frozen=True)
class MacroAUC:
    """Macro-averaged one-against-rest AUC.

    Attributes
    ----------
    auc, se : float
    ci : tuple of float
    per_fold : ndarray (K,)
    per_class : dict of class to CrossValidatedAUC
    """

    auc: float
    se: float
    ci: tuple[float, float]
    per_fold: np.ndarray
    per_class: dict[object, CrossValidatedAUC]


def _checked(y_true, scores, classes) -> tuple[np.ndarray, np.ndarray, list]:
    y, S = np.asarray(y_true), np.asarray(scores, dtype=float)
    classes = sorted(pd.unique(y)) if classes is None else list(classes)
    if S.shape != (len(y), len(classes)):
        raise InputError(
            f"scores of shape {S.shape} for {len(y)} subjects and classes {listing(classes)}",
            remedy="Give one column per class, in the order of the classes.",
        )
    absent = [c for c in classes if not (y == c).any()]
    if absent or len(classes) < 2:
        raise InputError(
            f"no subject has class {listing(absent)}" if absent else "there is a single class",
            subjects=len(y),
            remedy="Leave the class out, or use another outcome.",
        )
    return y, S, classes


def macro_auc(
    y_true, scores, folds, *, classes=None, clusters=None, confidence: float = 0.95
) -> MacroAUC:
    """Mean over classes of the cross-validated one-against-rest AUC.

    Influence curves add up over classes, so the interval allows for their dependence.

    Parameters
    ----------
    y_true : array-like (n,)
    scores : array-like (n, C)
        One column per class, out of fold.
    folds : array-like (n,)
    classes : sequence, optional
        Order of the columns; sorted by default.
    clusters : array-like (n,), optional
    confidence : float

    Returns
    -------
    MacroAUC
    """
    y, S, classes = _checked(y_true, scores, classes)
    folds = np.asarray(folds)
    found, total, per_fold = {}, np.zeros(len(y)), []
    for c, name in enumerate(classes):
        one, influence = fold_influence(y == name, S[:, c], folds)
        influence *= fold_overlap(len(one))
        se, n_clusters = influence_se(influence, clusters)
        df = None if n_clusters is None else n_clusters - 1
        auc = float(one.mean())
        found[name] = CrossValidatedAUC(auc, se, logit_interval(auc, se, confidence, df), one)
        total += influence / len(classes)
        per_fold.append(one)
    se, n_clusters = influence_se(total, clusters)
    df = None if n_clusters is None else n_clusters - 1
    folds_mean = np.mean(per_fold, axis=0)
    auc = float(folds_mean.mean())
    return MacroAUC(auc, se, logit_interval(auc, se, confidence, df), folds_mean, found)


def macro_auc_difference(
    y_true, scores_a, scores_b, folds, *, classes=None, rope: float = 0.01,
    alternative: Alternative = "two-sided",
) -> FoldDifference:  # fmt: skip
    """Corrected resampled t-test of two procedures by their fold-wise macro AUC."""
    a = macro_auc(y_true, scores_a, folds, classes=classes).per_fold
    b = macro_auc(y_true, scores_b, folds, classes=classes).per_fold
    return corrected_resampled_t(a - b, rope=rope, alternative=alternative)


def class_metrics(y_true, probabilities, *, classes=None) -> dict[str, float]:
    """Brier score over all classes, log loss and balanced accuracy of probabilities (n, C)."""
    y, P, classes = _checked(y_true, probabilities, classes)
    truth = np.stack([y == name for name in classes], axis=1).astype(float)
    right = truth[np.arange(len(y)), P.argmax(axis=1)]
    chosen = np.clip((P * truth).sum(axis=1), 1e-15, 1)
    recall = [right[truth[:, c] == 1].mean() for c in range(len(classes))]
    return {
        "brier": float(((P - truth) ** 2).sum(axis=1).mean()),
        "log_loss": float(-np.log(chosen).mean()),
        "balanced_accuracy": float(np.mean(recall)),
    }
