"""Is a block, or a feature, part of how the outcome was made?

A scale that a diagnosis was made from carries the whole of it, and what such scales have in common
is the diagnosis. Features of a brain or of genes each carry little, and have much in common that
is not the diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.stats.inference.audit import CHUNK, FoldDecoder, label_columns
from neurogenomics_kb.stats.inference.detectable import Tail

# Pairs of more features than this are those of a random draw of so many.
MAX_FEATURES = 400


@dataclass(frozen=True)
class Scan:
    """Every feature alone against the outcome; p features.

    Attributes
    ----------
    values : ndarray (p,)
        AUC as far from a half as it is, 0.5 to 1 (of several classes the one told best), or the
        absolute correlation with a number.
    p_values : ndarray (p,)
        By the tail of each feature's own null distribution, times the features.
    seen : float
        Smallest value that is found in 80 of 100 such cohorts, for the median feature; NaN
        without features.
    """

    values: np.ndarray
    p_values: np.ndarray
    seen: float


def scan_features(
    values: np.ndarray,
    outcome: np.ndarray,
    folds: np.ndarray,
    rows: np.ndarray,
    *,
    continuous: bool = False,
    n_tests: int | None = None,
    level: float = 0.002,
    least: float = 0.0,
) -> Scan:
    """Tell the outcome from every feature alone, inside test folds.

    Nothing is fitted, so that one product with relabelled outcomes is the whole test. Features
    are compared inside a fold, since what prepared them was fitted once per fold.

    Parameters
    ----------
    values : ndarray (n, p)
        Every person's features as the fold saw them in which the person is tested.
    outcome : ndarray (n,)
        Classes, or a number.
    folds : ndarray (n,)
        Test fold of every person.
    rows : ndarray (1 + B, n)
        From `label_permutations`.
    continuous : bool
        Whether the outcome is a number.
    n_tests : int, optional
        Features that are looked at together; those of this block by default.
    level, least : float
        Level of the scan and smallest value that is spoken of, for `seen`.

    Returns
    -------
    Scan
    """
    told = feature_distances(values, outcome, folds, rows, continuous=continuous)
    return told.judged(values.shape[1] if n_tests is None else n_tests, level, least)


@dataclass(frozen=True)
class FeatureDistances:
    """How well every feature alone tells the outcome, before it is known how many are looked at.

    Attributes
    ----------
    values : ndarray (p,)
        Distance of the AUC from a half, or the absolute correlation.
    spreads : ndarray (p,)
        Of the signed statistic under relabelling.
    n_permutations, n_columns : int
        Relabellings, and labels that were told (one of two classes).
    base : float
        What chance gives.
    """

    values: np.ndarray
    spreads: np.ndarray
    n_permutations: int
    n_columns: int
    base: float

    def judged(self, n_features: int, level: float, least: float) -> Scan:
        """Adjust for the features that are looked at together; see `scan_features`."""
        tests, n = 2 * n_features * self.n_columns, self.n_permutations
        # A distance is folded at nought; the tail is that of the signed statistic, on both sides.
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = self.values / (self.spreads * np.sqrt(1 + 1 / n))
            p = np.fmin(1.0, tests * stats.t.sf(distance, n - 1))
        p[~(np.isfinite(self.values) & np.isfinite(self.spreads))] = np.nan
        middle = float(np.nanmedian(self.spreads)) if len(self.spreads) else np.nan
        seen = Tail(0.0, middle, n).seen(level, max(tests, 1), least=least - self.base)
        return Scan(self.base + self.values, p, self.base + seen)


def feature_distances(
    values: np.ndarray,
    outcome: np.ndarray,
    folds: np.ndarray,
    rows: np.ndarray,
    *,
    continuous: bool = False,
) -> FeatureDistances:
    """Tell the outcome from every feature alone, inside test folds, one fold at a time.

    Parameters
    ----------
    values, outcome, folds, rows, continuous
        As for `scan_features`.

    Returns
    -------
    FeatureDistances
    """
    columns = label_columns(outcome, continuous)
    p, C = values.shape[1], columns.shape[1]
    total = np.zeros((p, len(rows) * C))
    known = np.zeros((p, len(rows) * C), dtype=np.uint8)
    for _, test in FoldDecoder.splits_of(folds):
        part = _comparable(values[test], continuous)
        for start in range(0, len(rows), CHUNK):
            chosen = rows[start : start + CHUNK]
            Y = columns[chosen[:, test]].transpose(1, 0, 2).reshape(len(test), -1)
            each, at = _told(part, Y, continuous), slice(start * C, (start + len(chosen)) * C)
            finite = np.isfinite(each)
            total[:, at] += np.where(finite, each, 0)
            known[:, at] += finite
    with np.errstate(invalid="ignore"):
        distance = np.abs(total / known, out=total).reshape(p, len(rows), C).max(axis=2)
    spread = np.sqrt(np.nanmean(distance[:, 1:] ** 2, axis=1))
    return FeatureDistances(
        distance[:, 0].copy(), spread, len(rows) - 1, C, 0.0 if continuous else 0.5
    )


def _comparable(values: np.ndarray, continuous: bool) -> np.ndarray:
    """Ranks, or standardised numbers, of one fold's people."""
    if not continuous:
        return stats.rankdata(values, axis=0)
    centred = values - values.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)


def _told(part: np.ndarray, Y: np.ndarray, continuous: bool) -> np.ndarray:
    """AUC less a half, or correlation, of every feature with every column of labels."""
    if continuous:
        centred = Y - Y.mean(axis=0)
        length = np.linalg.norm(centred, axis=0)
        return np.where(length > 0, part.T @ centred / np.where(length > 0, length, 1), np.nan)
    m = Y.sum(axis=0)
    pairs = m * (len(Y) - m)
    above = part.T @ Y - m * (m + 1) / 2
    return np.where(pairs > 0, above / np.where(pairs > 0, pairs, 1), np.nan) - np.where(
        pairs > 0, 0.5, 0.0
    )


def column_spreads(values: np.ndarray, size: int = 512) -> np.ndarray:
    """Standard deviation of every column (p,), a few columns at a time."""
    parts = range(0, values.shape[1], size)
    return np.concatenate([np.empty(0), *(values[:, a : a + size].std(axis=0) for a in parts)])


@dataclass(frozen=True)
class OneFactor:
    """What features have in common beside the outcome.

    Attributes
    ----------
    typical : float
        Median over features of the absolute z of their correlation with the outcome: about 0.7 by
        chance.
    left : float
        Root mean square correlation of two features once the outcome, and a common factor of the
        outcome's own direction, are taken out, above what chance gives; about 0 for scales that
        have nothing but the outcome in common.
    error : float
        How large `left` becomes by chance, two standard errors of its square.
    """

    typical: float
    left: float
    error: float


def one_factor(values: np.ndarray, outcome: np.ndarray, *, random_state: int = 0) -> OneFactor:
    """Is the outcome the one thing that the features have in common?

    Inside the outcome's classes, correlations of two features that one factor makes are products
    of their loadings. If that factor is the outcome, seen with error, the loadings are the
    features' own relations to the outcome; what this leaves of the correlations is measured.

    Parameters
    ----------
    values : ndarray (n, p)
        Features, confounds taken out.
    outcome : ndarray (n,) or (n, m)
        A number, 0/1, or indicators of classes.
    random_state : int
        Seed of the draw among more than `MAX_FEATURES` features.

    Returns
    -------
    OneFactor
        NaN for fewer than three features, of which there are too few pairs.
    """
    spread = column_spreads(values)
    kept = np.flatnonzero(spread > 1e-12)
    if len(kept) > MAX_FEATURES:
        rng = np.random.default_rng(random_state)
        kept = np.sort(rng.choice(kept, MAX_FEATURES, replace=False))
    n = len(values)
    target = np.asarray(outcome, dtype=float).reshape(n, -1)
    target = target - target.mean(axis=0)
    basis, size, _ = np.linalg.svd(target, full_matrices=False)
    basis = basis[:, size > 1e-9 * max(size.max(), 1e-12)]
    freedom = n - 1 - basis.shape[1]
    if len(kept) < 3 or freedom < 3 or not basis.shape[1]:
        return OneFactor(np.nan, np.nan, np.nan)
    Z = (values[:, kept] - values[:, kept].mean(axis=0)) / spread[kept]
    r = basis.T @ Z / np.sqrt(n)
    told = np.sqrt(np.clip((r**2).sum(axis=0), 0, 1 - 1e-12))
    z = stats.norm.isf(
        np.clip(stats.f.sf(told**2 / (1 - told**2) * freedom / len(r), len(r), freedom), 1e-300, 1)
        / 2
    )
    E = Z - basis @ (basis.T @ Z)
    E /= np.where(E.std(axis=0) > 1e-12, E.std(axis=0), 1)
    upper = np.triu_indices(len(kept), 1)
    inside = (E.T @ E / n)[upper]
    # Loadings on the outcome, in units of what the outcome leaves.
    loadings = (r / np.sqrt(1 - told**2)).T
    products = (loadings @ loadings.T)[upper]
    share = max(0.0, float(inside @ products) / max(float(products @ products), 1e-12))
    left = float(((inside - share * products) ** 2).mean()) - 1 / freedom
    error = np.sqrt(2 * np.sqrt(2 / len(inside)) / freedom)
    return OneFactor(float(np.median(z)), float(np.sign(left) * np.sqrt(abs(left))), float(error))
