"""Diagnostics of leakage and confounding: what can be told from a block that should not be.

A linear decoder with a fixed penalty turns labels into scores by one matrix per fold, so a thousand
permutations of the labels cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from neurogenomics_kb.stats.inference.detectable import Tail
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Exchangeability, Level
from neurogenomics_kb.stats.inference.fold_ridge import FoldRidge
from neurogenomics_kb.stats.inference.permutation import permutation_p_value
from neurogenomics_kb.stats.prediction.folds import fold_splits

CHUNK = 200
# Labels that are decoded at a time, people times columns: 64 MB.
LABELS = 2**23
UNKNOWN = Tail(np.nan, np.nan, 0)


class FoldDecoder:
    """Ridge regression of labels on features, per fold.

    Parameters
    ----------
    features : callable, sequence of ndarray (n, p_k), or ndarray
        The block as every fold sees it: a function of the fold's number, so that one fold at a time
        is in memory, the folds themselves, or one array for all of them.
    folds : ndarray (n,)
        Test fold of every person.
    """

    def __init__(
        self,
        features: Callable[[int], np.ndarray] | Sequence[np.ndarray] | np.ndarray,
        folds: np.ndarray,
    ) -> None:
        self.folds = np.asarray(folds)
        self.splits = self.splits_of(self.folds)
        self._features = features

    @staticmethod
    def splits_of(folds: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions of training and test people, fold by fold."""
        return list(fold_splits(np.asarray(folds)))

    def ridges(self) -> Iterator[FoldRidge]:
        """Ridge regression of one fold after the other, none of which is kept."""
        for k, (train, test) in enumerate(self.splits):
            yield FoldRidge(self._of(k), train, test)

    def _of(self, k: int) -> np.ndarray:
        if isinstance(self._features, np.ndarray):
            return self._features
        return self._features(k) if callable(self._features) else self._features[k]

    def scores(self, Y: np.ndarray) -> np.ndarray:
        """Out-of-fold scores (n, m) of label columns (n, m); NaN for who is never tested."""
        out = np.full(Y.shape, np.nan)
        for ridge in self.ridges():
            out[ridge.test] = ridge.scores(Y[ridge.train]).T
        return out


class Decoding:
    """One label decoded, and its relabellings, filled fold by fold.

    Parameters
    ----------
    labels : ndarray (n,)
        Label of every person.
    rows : ndarray (1 + B, n)
        From `label_permutations`.
    continuous : bool
        Correlation instead of AUC.
    """

    def __init__(self, labels: np.ndarray, rows: np.ndarray, *, continuous: bool = False) -> None:
        self.columns, self.rows = label_columns(labels, continuous), rows
        self.continuous = continuous
        self._total = np.zeros((len(rows), self.columns.shape[1]))
        self._known = np.zeros(self._total.shape, dtype=int)

    def add(self, ridge: FoldRidge) -> None:
        """Decode in one more fold."""
        C = self.columns.shape[1]
        step = max(1, min(CHUNK, LABELS // (len(self.columns) * C)))
        for start in range(0, len(self.rows), step):
            chosen = self.rows[start : start + step]
            inside = self.columns[chosen[:, ridge.train]].transpose(1, 0, 2)
            scores = ridge.scores(inside.reshape(len(ridge.train), -1))
            truth = self.columns[chosen[:, ridge.test]].transpose(0, 2, 1)
            truth = truth.reshape(scores.shape)
            found = (
                correlations(scores.T, truth.T)
                if self.continuous
                else row_aucs(scores, truth > 0.5)
            ).reshape(-1, C)
            known = np.isfinite(found)
            self._total[start : start + step] += np.where(known, found, 0)
            self._known[start : start + step] += known

    def result(self) -> Decoded:
        """What was decoded, folds averaged."""
        with np.errstate(invalid="ignore"):
            values = _mean_of_known(self._total / self._known, axis=1)
        if np.isnan(values[0]):
            return UNDEFINED
        # A relabelling that leaves nothing to tell apart counts against the finding.
        null = np.where(np.isnan(values[1:]), np.inf, values[1:])
        p = permutation_p_value(values[:1], null[:, None])[0]
        return Decoded(
            float(values[0]), float(_mean_of_known(values[1:])), float(p), Tail.of(values[1:])
        )


def label_columns(labels: np.ndarray, continuous: bool) -> np.ndarray:
    """Numbers as they are, classes as indicators; one column (n, 1) for two classes."""
    labels = np.asarray(labels)
    if continuous:
        return labels.astype(float)[:, None]
    levels, codes = np.unique(labels, return_inverse=True)
    columns = np.eye(len(levels))[codes]
    return columns[:, 1:] if len(levels) == 2 else columns


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
    decoding = Decoding(labels, rows, continuous=continuous)
    for ridge in decoder.ridges():
        decoding.add(ridge)
    return decoding.result()


def decode_all(decoder: FoldDecoder, asked: Sequence[Decoding]) -> list[Decoded]:
    """Decode several labels in one pass over the folds, each of which is solved once.

    Parameters
    ----------
    decoder : FoldDecoder
        Decoder of the features.
    asked : sequence of Decoding
        Labels with their relabellings; filled here.

    Returns
    -------
    list of Decoded
    """
    for ridge in decoder.ridges():
        for decoding in asked:
            decoding.add(ridge)
    return [decoding.result() for decoding in asked]


UNDEFINED = Decoded(np.nan, np.nan, np.nan)


def _mean_of_known(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean over what is known; NaN, which is not nought, where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=axis) / known.sum(axis=axis)


def aucs(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """AUC by column; NaN where all or none are positive."""
    return row_aucs(np.ascontiguousarray(scores.T), np.ascontiguousarray(positive.T))


def row_aucs(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """AUC by row; NaN where all or none are positive, or a score is missing.

    Parameters
    ----------
    scores : ndarray (m, n)
        A row for every label.
    positive : ndarray of bool (m, n)
        Who has the label.
    """
    # Equal features have equal scores, up to rounding.
    size = np.abs(scores).max(axis=1, keepdims=True, initial=0)
    scores = np.round(scores / np.where(size > 0, size, 1), 12)
    order = scores.argsort(axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    m = positive.sum(axis=1)
    n = scores.shape[1] - m
    above = np.take_along_axis(positive, order, axis=1) @ np.arange(1.0, scores.shape[1] + 1)
    # Ties are rare; only their rows need middle ranks.
    for i in np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1)):
        above[i] = stats.rankdata(scores[i])[positive[i]].sum()
    above[np.isnan(ordered[:, -1:]).any(axis=1)] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        return (above - m * (m + 1) / 2) / (m * n)


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
    scores = np.asarray(scores, dtype=float)
    own, pairs = np.zeros(len(y)), 0.0
    partners = np.zeros(len(y))
    cell = np.unique(np.asarray(folds), return_inverse=True)[1]
    if strata is not None:
        second = np.unique(np.asarray(strata).astype(str), return_inverse=True)[1]
        cell = cell * (second.max() + 1) + second
    for members in _members(cell):
        cases, controls = members[y[members]], members[~y[members]]
        if len(cases) and len(controls):
            # How many of the others a score exceeds is its rank among all less that among its own
            # (Sun & Xu, IEEE Signal Processing Letters 2014): no table of pairs is made.
            ranks = stats.rankdata(scores[members])
            case = y[members]
            own[cases] = ranks[case] - stats.rankdata(scores[cases])
            own[controls] = len(cases) - (ranks[~case] - stats.rankdata(scores[controls]))
            partners[cases], partners[controls] = len(controls), len(cases)
            pairs += float(len(cases)) * len(controls)
    if not pairs:
        return float("nan"), np.full(len(y), np.nan)
    auc = own[y].sum() / pairs
    return float(auc), (own - auc * partners) / pairs


def _members(codes: np.ndarray) -> list[np.ndarray]:
    """Positions of the members of every cell, cells in order."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
