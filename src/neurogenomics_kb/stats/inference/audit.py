"""Diagnostics of leakage and confounding: what can be told from a block that should not be.

A linear decoder with a fixed penalty turns labels into scores by one matrix per fold, so a thousand
permutations of the labels cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from neurogenomics_kb.stats.inference.detectable import Tail
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, Level
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.prediction.folds import fold_splits

# Ridge penalty relative to the mean eigenvalue: enough to be stable with as many columns as rows.
PENALTY = 1.0
CHUNK = 200
UNKNOWN = Tail(np.nan, np.nan, 0)


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
        self.splits = self.splits_of(self.folds)
        if isinstance(features, np.ndarray):
            features = [features] * len(self.splits)
        self.matrices = [
            _hat(X, train, test) for X, (train, test) in zip(features, self.splits, strict=True)
        ]

    @staticmethod
    def splits_of(folds: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of training and test people, fold by fold."""
        return list(fold_splits(np.asarray(folds)))

    def scores(self, Y: np.ndarray) -> np.ndarray:
        """Out-of-fold scores (n, m) of label columns (n, m); NaN for who is never tested."""
        out = np.full(Y.shape, np.nan)
        for factors, (train, test) in zip(self.matrices, self.splits, strict=True):
            found = Y[train] - Y[train].mean(axis=0)
            for factor in reversed(factors):
                found = factor @ found
            out[test] = found
        return out


def _hat(X: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, ...]:
    """Factors whose product takes labels of training people to scores of test people.

    One matrix where there are more columns than people, two where there are fewer: of thousands of
    people no matrix over pairs is made.
    """
    inside, outside = X[train] - X[train].mean(axis=0), X[test] - X[train].mean(axis=0)
    penalty = PENALTY * max(float((inside**2).sum()) / len(train), 1e-12)
    if X.shape[1] < len(train):
        gram = inside.T @ inside + penalty * np.eye(X.shape[1])
        return outside, np.linalg.solve(gram, inside.T)
    gram = inside @ inside.T
    # Symmetric positive definite: (outside inside') (gram + λI)^-1
    return (np.linalg.solve(gram + penalty * np.eye(len(train)), inside @ outside.T).T,)


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
    tail : Tail
        Null distribution, from which the size that could have been seen follows.

    All are NaN where no test fold holds two labels, as when folds are the sites to be told.
    """

    value: float
    null_mean: float
    p_value: float
    tail: Tail = field(default=UNKNOWN, compare=False)


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
        return UNDEFINED
    # A relabelling that leaves nothing to tell apart counts against the finding.
    null = np.where(np.isnan(values[1:]), np.inf, values[1:])
    p = permutation_p_value(values[:1], null[:, None])[0]
    return Decoded(
        float(values[0]), float(_mean_of_known(values[1:])), float(p), Tail.of(values[1:])
    )


UNDEFINED = Decoded(np.nan, np.nan, np.nan)


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
        per_fold.append(correlations(s, y) if continuous else aucs(s, y > 0.5))
    return _mean_of_known(np.stack(per_fold))


def aucs(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """AUC by column; NaN where all or none are positive."""
    ranks = stats.rankdata(scores, axis=0)
    m = positive.sum(axis=0)
    n = len(scores) - m
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((ranks * positive).sum(axis=0) - m * (m + 1) / 2) / (m * n)


def correlations(scores: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Correlations by column: 0 for scores that are all one, NaN for numbers that are."""
    constant = np.ptp(numbers, axis=0) == 0
    a, b = scores - scores.mean(axis=0), numbers - numbers.mean(axis=0)
    norm = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    found = np.divide((a * b).sum(axis=0), norm, out=np.zeros(a.shape[1]), where=norm > 0)
    return np.where(constant, np.nan, found)


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
