"""Did harmonization do what it is for? Site decodability and biology, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from neurogenomics_kb.stats.confounds import is_categorical
from neurogenomics_kb.stats.inference.audit import FoldDecoder
from neurogenomics_kb.stats.prediction.metrics import held_out_r2
from neurogenomics_kb.stats.roc import auc_score

EFFECT_COLUMNS = ["of", "measure", "before", "after", "chance"]


def site_decodability(decoder: FoldDecoder, site: np.ndarray) -> float:
    """Balanced accuracy of a linear classifier of the site on held-out subjects.

    One ridge regression per site, fitted on training folds; a subject is given to the site whose
    regression exceeds that site's training share most, relative to the share, so that large sites
    are not preferred. Recalls are averaged over sites of each test fold, then over folds. Chance is
    one over the number of sites.

    Parameters
    ----------
    decoder : FoldDecoder
        On the features as every fold sees them.
    site : ndarray (n,)
        Site of every person.

    Returns
    -------
    float
    """
    levels, codes = np.unique(np.asarray(site).astype(str), return_inverse=True)
    indicators = np.eye(len(levels))[codes]
    scores = decoder.scores(indicators)
    found = []
    for train, test in decoder.splits:
        share = indicators[train].mean(axis=0)
        relative = np.where(share > 0, scores[test] / np.where(share > 0, share, 1), -np.inf)
        guess = relative.argmax(axis=1)
        truth = codes[test]
        found.append(np.mean([(guess[truth == s] == s).mean() for s in np.unique(truth)]))
    return float(np.mean(found))


def covariate_decodability(decoder: FoldDecoder, column: pd.Series) -> tuple[str, float, float]:
    """How well a covariate is predicted on held-out subjects, folds averaged.

    Parameters
    ----------
    decoder : FoldDecoder
        Decoder of the features, fitted on the folds of the run.
    column : Series (n,)
        Number (R² against the training mean), two levels (AUC) or more (balanced accuracy).

    Returns
    -------
    measure : str
    value, chance : float
    """
    if not is_categorical(column) and column.nunique() > 2:
        y = column.to_numpy(dtype=float)
        scores = decoder.scores(y[:, None])[:, 0]
        found = [
            held_out_r2(y[test], scores[test] + y[train].mean(), y[train].mean())
            for train, test in decoder.splits
        ]
        return "R²", float(np.mean(found)), 0.0
    labels = column.astype(str).to_numpy()
    levels = np.unique(labels)
    if len(levels) != 2:
        value = site_decodability(decoder, labels) if len(levels) > 1 else float("nan")
        return "balanced accuracy", value, 1 / len(levels)
    y = (labels == levels[1]).astype(float)
    scores = decoder.scores(y[:, None])[:, 0]
    found = [
        auc_score(y[test], scores[test])
        for _, test in decoder.splits
        if 0 < y[test].sum() < len(test)
    ]
    return "AUC", float(np.mean(found)) if found else float("nan"), 0.5


def harmonization_effects(
    before: Sequence[np.ndarray],
    after: Sequence[np.ndarray],
    folds: np.ndarray,
    site: np.ndarray,
    covariates: Mapping[str, pd.Series],
) -> pd.DataFrame:
    """Site decodability and biology kept, before and after harmonization.

    Parameters
    ----------
    before, after : sequence of ndarray (n, p_k)
        The block as every fold sees it, everything fitted on that fold's training subjects.
    folds : ndarray (n,)
        Test fold of every person.
    site : ndarray (n,)
        Site of every person.
    covariates : mapping of str to Series
        What should have survived: age, sex.

    Returns
    -------
    DataFrame
        ``of`` ("site" or the covariate), ``measure``, ``before``, ``after``, ``chance``.
    """
    first, second = FoldDecoder(before, folds), FoldDecoder(after, folds)
    rows = [
        (
            "site",
            "balanced accuracy",
            site_decodability(first, site),
            site_decodability(second, site),
            1 / len(np.unique(np.asarray(site).astype(str))),
        )
    ]
    for name, column in covariates.items():
        measure, value, chance = covariate_decodability(first, column)
        rows.append((name, measure, value, covariate_decodability(second, column)[1], chance))
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)
