"""Scores of a prediction of several classes: one against the rest, fold by fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.stats.prediction.resampling import (
    N_FEATURES,
    Alternative,
    FoldDifference,
    aligned_folds,
    cluster_codes,
    corrected_resampled_t,
    disjoint_pairs,
    refuse_gaps,
)
from neurogenomics_kb.stats.roc import (
    CrossValidatedAUC,
    auc_estimate,
    fold_aucs,
    fold_influence,
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


def checked_scores(y_true, scores, classes) -> tuple[np.ndarray, np.ndarray, list]:
    """Outcome, scores (n, C) and the classes of the columns, refused where they do not fit."""
    y, S = np.asarray(y_true), np.asarray(scores, dtype=float)
    refuse_gaps(y, "outcome")
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
    strange = ~np.isin(y, classes)
    if strange.any():
        raise InputError(
            f"the outcome has classes without a column: {listing(pd.unique(y[strange]))}",
            subjects=int(strange.sum()),
            of=len(y),
            remedy="Give one column per class, or drop these subjects.",
        )
    refuse_gaps(S.sum(axis=1), "scores")
    return y, S, classes


def _naming(name, function, *arguments):
    """Call, and say which class an error is about."""
    try:
        return function(*arguments)
    except InputError as error:
        raise InputError(f"class {name}", remedy=str(error)) from error


def macro_auc(
    y_true,
    scores,
    folds,
    *,
    classes=None,
    clusters=None,
    n_features: float = N_FEATURES,
    confidence: float = 0.95,
) -> MacroAUC:
    """Mean over classes of the cross-validated one-against-rest AUC.

    Influence curves add up over classes, so the interval allows for their dependence; the rest is
    as in `roc.cv_auc`, with the degrees of freedom of the class that has fewest.

    Parameters
    ----------
    y_true : array-like (n,)
        True outcome, 0 or 1.
    scores : array-like (n, C)
        One column per class, out of fold.
    folds : array-like (n,)
        Test fold of every person.
    classes : sequence, optional
        Order of the columns; sorted by default.
    clusters : array-like (n,), optional
        Families, or children with several visits.
    n_features : float
        Columns that the models were fitted to.
    confidence : float
        Coverage of the interval, 0 to 1. Default 0.95.

    Returns
    -------
    MacroAUC

    Raises
    ------
    InputError
        For missing values, classes and columns that do not match, or a test fold with fewer than
        two subjects of a class.
    """
    y, S, classes = checked_scores(y_true, scores, classes)
    folds = aligned_folds(y, folds)
    codes = None if clusters is None else cluster_codes(clusters, len(y))
    shared = {"codes": codes, "n_features": n_features, "confidence": confidence}
    per_class, total, pairs = {}, np.zeros(len(y)), []
    for c, name in enumerate(classes):
        one, influence, df = _naming(name, fold_influence, y == name, S[:, c], folds, codes)
        pairs.append(disjoint_pairs(y == name, folds, codes))
        per_class[name] = auc_estimate(one, influence, df, pairs[-1], **shared)
        total += influence / len(classes)
    per_fold = np.mean([found.per_fold for found in per_class.values()], axis=0)
    df = min(found.df for found in per_class.values())
    macro = auc_estimate(per_fold, total, df, min(pairs), **shared)
    return MacroAUC(macro.auc, macro.se, macro.ci, per_fold, per_class)


def fold_macro_aucs(y_true, scores, folds, *, classes=None) -> np.ndarray:
    """Mean over classes of the one-against-rest AUC, inside every test fold (K,)."""
    y, S, names = checked_scores(y_true, scores, classes)
    folds = aligned_folds(y, folds)
    each = [_naming(name, fold_aucs, y == name, S[:, c], folds) for c, name in enumerate(names)]
    return np.mean(each, axis=0)


def macro_auc_difference(
    y_true, scores_a, scores_b, folds, *, classes=None, n_repeats: int = 1,
    confidence: float = 0.95, alternative: Alternative = "two-sided",
) -> FoldDifference:  # fmt: skip
    """Corrected resampled t-test of two procedures by their fold-wise macro AUC."""
    a, b = (fold_macro_aucs(y_true, s, folds, classes=classes) for s in (scores_a, scores_b))
    return corrected_resampled_t(
        (a - b).reshape(n_repeats, -1), largest=1.0, confidence=confidence, alternative=alternative
    )


def _checked_probabilities(y_true, probabilities, classes):
    y, P, classes = checked_scores(y_true, probabilities, classes)
    bad = (np.abs(P.sum(axis=1) - 1) > 1e-6) | (P < 0).any(axis=1)
    if bad.any():
        raise InputError(
            "the probabilities of some subjects do not add up to 1", subjects=int(bad.sum()),
            of=len(y), remedy="Give predicted probabilities, not scores.",
        )  # fmt: skip
    return y, P, classes


def class_metrics(y_true, probabilities, *, folds=None, classes=None) -> dict[str, float]:
    """Losses and balanced accuracy of class probabilities.

    Parameters
    ----------
    y_true : array-like (n,)
        True outcome, 0 or 1.
    probabilities : array-like (n, C)
        Predicted probability of every class.
    folds : array-like (n,), optional
        Every number is the mean over test folds; over all subjects without.
    classes : sequence, optional
        Order of the columns; sorted by default.

    Returns
    -------
    dict of str to float
        ``brier`` (summed over classes, 0 to 2), ``macro_brier`` (mean over classes, one against
        the rest), ``log_loss`` (nats), ``balanced_accuracy`` (mean recall; chance is 1/C).
    """
    y, P, classes = _checked_probabilities(y_true, probabilities, classes)
    folds = np.zeros(len(y)) if folds is None else aligned_folds(y, folds)
    found = []
    for fold in np.unique(folds):
        rows = folds == fold
        truth = np.stack([y[rows] == name for name in classes], axis=1).astype(float)
        if not truth.any(axis=0).all():
            raise InputError(
                f"test fold {fold} lacks class {classes[int(truth.any(axis=0).argmin())]}",
                subjects=int(rows.sum()),
                remedy="Use stratified folds, or fewer folds.",
            )
        right = truth[np.arange(len(truth)), P[rows].argmax(axis=1)]
        brier = ((P[rows] - truth) ** 2).sum(axis=1).mean()
        chosen = np.clip((P[rows] * truth).sum(axis=1), 1e-15, 1)
        found.append(
            {
                "brier": brier,
                "macro_brier": brier / len(classes),
                "log_loss": -np.log(chosen).mean(),
                "balanced_accuracy": np.mean([right[one == 1].mean() for one in truth.T]),
            }
        )
    return {name: float(value) for name, value in pd.DataFrame(found).mean().items()}


def confusion_table(y_true, probabilities, *, classes=None) -> pd.DataFrame:
    """Subjects by true class (rows) and most probable class (columns)."""
    y, P, classes = _checked_probabilities(y_true, probabilities, classes)
    chosen = np.asarray(classes, dtype=object)[P.argmax(axis=1)]
    table = pd.crosstab(pd.Series(y, name="true"), pd.Series(chosen, name="predicted"))
    return table.reindex(index=classes, columns=classes, fill_value=0)
