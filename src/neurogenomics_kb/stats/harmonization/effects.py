"""Did harmonization do what it is for? Site decodability and biology, before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
    _, indicators = _levels(site)
    return _balanced(indicators, decoder.scores(indicators), decoder.splits)


def _levels(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Levels of labels, and who has each (n, levels)."""
    levels, codes = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    return levels, np.eye(len(levels))[codes]


def _balanced(indicators: np.ndarray, scores: np.ndarray, splits) -> float:
    """Balanced accuracy of scores of every level, folds averaged."""
    codes, found = indicators.argmax(axis=1), []
    for train, test in splits:
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
    columns = _columns(column)
    scores = decoder.scores(columns) if columns.shape[1] else columns
    return _decoded(column, columns, scores, decoder.splits)


def _columns(column: pd.Series) -> np.ndarray:
    """A covariate as label columns: a number, one of two levels, or indicators."""
    if not is_categorical(column) and column.nunique() > 2:
        return column.to_numpy(dtype=float)[:, None]
    levels, indicators = _levels(column)
    return indicators[:, 1:] if len(levels) <= 2 else indicators


def _decoded(
    column: pd.Series, columns: np.ndarray, scores: np.ndarray, splits
) -> tuple[str, float, float]:
    """How well scores tell a covariate: measure, value, chance."""
    y = columns[:, 0] if columns.shape[1] else np.empty(0)
    if not is_categorical(column) and column.nunique() > 2:
        found = [
            held_out_r2(y[test], scores[test, 0] + y[train].mean(), y[train].mean())
            for train, test in splits
        ]
        return "R²", float(np.mean(found)), 0.0
    n_levels = column.astype(str).nunique()
    if n_levels != 2:
        value = _balanced(columns, scores, splits) if n_levels > 1 else float("nan")
        return "balanced accuracy", value, 1 / n_levels
    found = [
        auc_score(y[test], scores[test, 0]) for _, test in splits if 0 < y[test].sum() < len(test)
    ]
    return "AUC", float(np.mean(found)) if found else float("nan"), 0.5


def harmonization_effects(
    before: Sequence[np.ndarray] | Callable[[int], np.ndarray],
    after: Sequence[np.ndarray] | Callable[[int], np.ndarray],
    folds: np.ndarray,
    site: np.ndarray,
    covariates: Mapping[str, pd.Series],
) -> pd.DataFrame:
    """Site decodability and biology kept, before and after harmonization.

    Parameters
    ----------
    before, after : sequence of ndarray (n, p_k), or callable
        The block as every fold sees it, everything fitted on that fold's training subjects; or a
        function of the fold's number, so that one fold is in memory at a time.
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
    levels, indicators = _levels(site)
    wanted = {name: _columns(column) for name, column in covariates.items()}
    splits, found = FoldDecoder.splits_of(folds), []
    for features in (before, after):
        # All labels at once, so that every fold is solved once.
        stacked = np.hstack([indicators, *wanted.values()])
        at = np.cumsum([indicators.shape[1], *(c.shape[1] for c in wanted.values())])[:-1]
        scores = np.split(FoldDecoder(features, folds).scores(stacked), at, axis=1)
        site_value = _balanced(indicators, scores[0], splits)
        told = [
            _decoded(column, wanted[name], own, splits)
            for (name, column), own in zip(covariates.items(), scores[1:], strict=True)
        ]
        found.append((site_value, told))
    (site_before, told_before), (site_after, told_after) = found
    rows = [("site", "balanced accuracy", site_before, site_after, 1 / len(levels))]
    for name, (measure, value, chance), (_, later, _) in zip(
        covariates, told_before, told_after, strict=True
    ):
        rows.append((name, measure, value, later, chance))
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)
