"""Diagnostics of leakage and confounding: what can be told from a block that should not be.

A linear decoder with a fixed penalty turns labels into scores by one matrix per fold, so a thousand
permutations of the labels cost one matrix product.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, Level
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.prediction.folds import fold_splits

# Ridge penalty relative to the mean eigenvalue: enough to be stable with as many columns as rows.
PENALTY = 1.0
CHUNK = 200


class FoldDecoder:
    """Ridge regression of labels on features, per fold, as a matrix from labels to scores.

    Parameters
    ----------
    features : sequence of ndarray (n, p_k)
        The block as every fold sees it; one array may be given for all folds.
    folds : ndarray (n,)
        Test fold of every person.
    """

    def __init__(self, features: Sequence[np.ndarray] | np.ndarray, folds: np.ndarray) -> None:
        self.folds = np.asarray(folds)
        self.splits = list(fold_splits(self.folds))
        if isinstance(features, np.ndarray):
            features = [features] * len(self.splits)
        self.matrices = [
            _hat(X, train, test) for X, (train, test) in zip(features, self.splits, strict=True)
        ]

    def scores(self, Y: np.ndarray) -> np.ndarray:
        """Out-of-fold scores (n, m) of label columns (n, m)."""
        out = np.empty(Y.shape)
        for H, (train, test) in zip(self.matrices, self.splits, strict=True):
            out[test] = H @ (Y[train] - Y[train].mean(axis=0))
        return out


def _hat(X: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    inside, outside = X[train] - X[train].mean(axis=0), X[test] - X[train].mean(axis=0)
    gram = inside @ inside.T
    penalty = PENALTY * max(np.trace(gram) / len(train), 1e-12)
    # Symmetric positive definite: (outside inside') (gram + λI)^-1
    return np.linalg.solve(gram + penalty * np.eye(len(train)), inside @ outside.T).T


def label_permutations(
    n: int,
    n_permutations: int,
    *,
    families: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    random_state: int = 0,
) -> np.ndarray:
    """Rows of random relabellings (1 + n_permutations, n), the identity first.

    Parameters
    ----------
    n, n_permutations : int
        People, and permutations.
    families : ndarray (n,), optional
        Change places as wholes.
    strata : ndarray (n,), optional
        Labels stay inside a stratum (site, batch). A family that spans strata changes places with
        families that span them alike: taking relatives apart would make them exchangeable freely.
    random_state : int
        Seed of the random numbers. Default 0.

    Raises
    ------
    InputError
        If families and strata leave nothing to change places.
    """
    rng = np.random.default_rng(random_state)
    blocks = None
    if families is not None:
        kinds = None if strata is None else np.asarray(strata).astype(str)
        blocks = Blocks((Level(np.asarray(families).astype(str)),), kinds=kinds)
    elif strata is not None:
        blocks = Blocks((Level(np.asarray(strata).astype(str), exchange=False),))
    exchange = Exchangeability(blocks, n)
    draws = [exchange.draw(rng) for _ in range(n_permutations)]
    return np.vstack([np.arange(n), *draws])


@dataclass(frozen=True)
class Decoded:
    """How well labels are told from a block.

    Attributes
    ----------
    value : float
        Fold-averaged AUC (macro one-against-rest), or correlation for numbers; chance is 0.5 or 0.
    null_mean : float
        The same under the relabellings: above chance where strata already tell the labels.
    p_value : float
        Of the permutation test.

    All are NaN where no test fold holds two labels, as when folds are the sites to be told.
    """

    value: float
    null_mean: float
    p_value: float


def decode(
    decoder: FoldDecoder, labels: np.ndarray, rows: np.ndarray, *, continuous: bool = False
) -> Decoded:
    """Decode labels and compare with relabelled ones.

    Parameters
    ----------
    decoder : FoldDecoder
        Decoder of the features, fitted on the folds of the run.
    labels : ndarray (n,)
        Label of every person.
    rows : ndarray (1 + B, n)
        From `label_permutations`.
    continuous : bool
        Correlation instead of AUC.

    Returns
    -------
    Decoded
    """
    labels = np.asarray(labels)
    columns = (
        labels.astype(float)[:, None]
        if continuous
        else (labels[:, None] == np.unique(labels)[None, :]).astype(float)
    )
    if columns.shape[1] == 2 and not continuous:
        columns = columns[:, 1:]
    found = []
    for start in range(0, len(rows), CHUNK):
        chosen = rows[start : start + CHUNK]
        Y = columns[chosen].transpose(1, 0, 2).reshape(len(labels), -1)
        each = _fold_mean(decoder, Y, continuous=continuous)
        found.append(_mean_of_known(each.reshape(len(chosen), -1), axis=1))
    values = np.concatenate(found)
    if np.isnan(values[0]):
        return Decoded(np.nan, np.nan, np.nan)
    # A relabelling that leaves nothing to tell apart counts against the finding.
    null = np.where(np.isnan(values[1:]), np.inf, values[1:])
    p = permutation_p_value(values[:1], null[:, None])[0]
    return Decoded(float(values[0]), float(_mean_of_known(values[1:])), float(p))


def _mean_of_known(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean over what is known; NaN, which is not nought, where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=axis) / known.sum(axis=axis)


def _fold_mean(decoder: FoldDecoder, Y: np.ndarray, *, continuous: bool) -> np.ndarray:
    scores = decoder.scores(Y)
    per_fold = []
    for _, test in decoder.splits:
        s, y = scores[test], Y[test]
        per_fold.append(_correlations(s, y) if continuous else _aucs(s, y > 0.5))
    return _mean_of_known(np.stack(per_fold))


def _aucs(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    ranks = stats.rankdata(scores, axis=0)
    m = positive.sum(axis=0)
    n = len(scores) - m
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((ranks * positive).sum(axis=0) - m * (m + 1) / 2) / (m * n)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return np.divide((a * b).sum(axis=0), norm, out=np.zeros(a.shape[1]), where=norm > 0)


def stratified_auc(y: np.ndarray, scores: np.ndarray, folds: np.ndarray, strata=None) -> float:
    """AUC over pairs of case and control of one fold, and of one stratum if given.

    Holding a batch fixed this way shows what a score tells beside the batch. NaN without a pair.
    """
    return stratified_auc_influence(y, scores, folds, strata)[0]


def stratified_auc_influence(
    y: np.ndarray, scores: np.ndarray, folds: np.ndarray, strata=None
) -> tuple[float, np.ndarray]:
    """AUC of `stratified_auc` and what every subject adds to it.

    Returns
    -------
    auc : float
    influence : ndarray (n,)
        First-order terms of the U-statistic (DeLong et al. 1988): the variance of the AUC, or of a
        sum of AUCs on the same subjects, is the sum of their squares, over families after summing
        inside each.
    """
    y = np.asarray(y) > 0.5
    own, pairs = np.zeros(len(y)), 0.0
    partners = np.zeros(len(y))
    cell = np.unique(np.asarray(folds), return_inverse=True)[1]
    if strata is not None:
        second = np.unique(np.asarray(strata).astype(str), return_inverse=True)[1]
        cell = cell * (second.max() + 1) + second
    for number in np.unique(cell):
        cases, controls = (
            np.flatnonzero((cell == number) & y),
            np.flatnonzero((cell == number) & ~y),
        )
        if len(cases) and len(controls):
            gap = scores[cases][:, None] - scores[controls]
            won = (gap > 0) + 0.5 * (gap == 0)
            own[cases], own[controls] = won.sum(axis=1), won.sum(axis=0)
            partners[cases], partners[controls] = len(controls), len(cases)
            pairs += gap.size
    if not pairs:
        return float("nan"), np.full(len(y), np.nan)
    auc = own[y].sum() / pairs
    return float(auc), (own - auc * partners) / pairs


@dataclass(frozen=True)
class GroupDifference:
    """Units whose rate depends on a group; U units, G groups.

    Attributes
    ----------
    rates : ndarray (U, G)
        Mean per group.
    p_values : ndarray (U,)
        Family-wise over units, by the maximum of the between-group share of variance.
    """

    rates: np.ndarray
    p_values: np.ndarray


def group_difference(
    values: np.ndarray, groups: np.ndarray, rows: np.ndarray
) -> tuple[list, GroupDifference]:
    """Does the mean of any unit differ between groups? Maximum statistic over units.

    Parameters
    ----------
    values : ndarray (n, U)
        Missing-call rates of units.
    groups : ndarray (n,)
        Group of every person.
    rows : ndarray (1 + B, n)
        From `label_permutations`.

    Returns
    -------
    levels : list
    difference : GroupDifference
    """
    levels, codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    member = np.eye(len(levels))[codes]
    sizes = member.sum(axis=0)
    centred = values - values.mean(axis=0)
    total = (centred**2).sum(axis=0)
    safe = np.where(total > 1e-12, total, np.inf)
    statistic = np.empty((len(rows), values.shape[1]))
    for b, order in enumerate(rows):
        means = member[order].T @ centred / sizes[:, None]
        statistic[b] = (sizes[:, None] * means**2).sum(axis=0) / safe
    p = permutation_p_value(statistic[0], statistic[1:].max(axis=1, keepdims=True))
    return list(levels), GroupDifference((member.T @ values / sizes[:, None]).T, p)


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Cramér's V of two label vectors, 0 to 1."""
    table = np.zeros((len(np.unique(a)), len(np.unique(b))))
    np.add.at(
        table, (np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]), 1
    )
    if min(table.shape) < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) @ table.sum(0, keepdims=True) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))


def association_p_value(a: np.ndarray, b: np.ndarray, rows: np.ndarray) -> float:
    """Permutation p of Cramér's V, relabelling `a`."""
    values = np.array([cramers_v(a[order], b) for order in rows])
    return float(permutation_p_value(values[:1], values[1:, None])[0])


# Pairs this close, relative to two unrelated subjects, are one subject measured once or twice.
NEAR = 0.01
# With fewer effective dimensions some of 100,000 unrelated pairs come that close.
NEAR_DIMENSIONS = 8


def identical_rows(X: np.ndarray, folds: np.ndarray, *, tolerance: float = 1e-9) -> int:
    """Pairs of subjects with the same features on both sides of a fold boundary.

    Parameters
    ----------
    X : ndarray (n, p)
        Standardised here; missing values count as the mean, and subjects without half of their
        features are in no pair.
    folds : ndarray (n,)
        Test fold of every person.
    tolerance : float
        Largest squared distance, relative to that of unrelated subjects; see `repeat_tolerance`.
    """
    Z = _standardised(X)
    norms = (Z**2).sum(axis=1)
    squared = norms[:, None] + norms[None, :] - 2 * Z @ Z.T
    near = squared <= 2 * tolerance * max(float(norms.mean()), 1e-12)
    known = np.isnan(X).mean(axis=1) <= 0.5
    near &= known[:, None] & known[None, :]
    across = np.asarray(folds)[:, None] != np.asarray(folds)[None, :]
    return int(np.triu(near & across, 1).sum())


def repeat_tolerance(X: np.ndarray) -> float:
    """How near two rows may come to count as repeats: `NEAR` for many continuous columns.

    Rows of few dimensions, or of counts, come near by chance; there only equal rows count.
    """
    continuous = np.median([len(np.unique(column)) for column in X.T]) > len(X) / 2
    Z = _standardised(X)
    spectrum = np.linalg.eigvalsh(Z @ Z.T)
    dimensions = spectrum.sum() ** 2 / max((spectrum**2).sum(), 1e-12)
    return NEAR if continuous and dimensions >= NEAR_DIMENSIONS else 1e-9


def commonest_row(X: np.ndarray) -> int:
    """Subjects who share the commonest row of features; rows with gaps do not count."""
    complete = X[np.isfinite(X).all(axis=1)]
    if not len(complete):
        return 0
    return int(np.unique(complete, axis=0, return_counts=True)[1].max())


def expected_repeats(X: np.ndarray, units: Iterable[Sequence[int]]) -> float:
    """Pairs of unrelated subjects that are expected to agree on every unit.

    Units (genes, regions, scales; positions of their columns) count as independent. A block of few
    coarse scales has pairs by nature, and then equal rows are no evidence of anything.
    """
    n = len(X)
    log_pairs = np.log(max(n * (n - 1) / 2, 1.0))
    for columns in units:
        part = np.ascontiguousarray(np.nan_to_num(X[:, list(columns)], nan=np.inf)) + 0.0
        rows = part.view(np.dtype((np.void, part.dtype.itemsize * part.shape[1]))).ravel()
        share = np.unique(rows, return_counts=True)[1] / n
        # Of a subject with another one; never zero, since no finite sample shows an impossible.
        same = (n * (share**2).sum() - 1) / max(n - 1, 1)
        log_pairs += np.log(max(same, 1.0 / n))
        if log_pairs < -20:
            break
    return float(np.exp(log_pairs))


def _standardised(X: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without a value
        mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    return np.nan_to_num((X - mean) / np.where(spread > 0, spread, 1.0))
