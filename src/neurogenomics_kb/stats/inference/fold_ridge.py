"""Ridge regression of many labels on the features of one fold, in tiles of people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from neurogenomics_kb.foundation.threads import large_product
from neurogenomics_kb.foundation.tiles import tiles
from neurogenomics_kb.stats.transformers.projection import gram_of, mean_of

# Ridge penalty relative to the mean eigenvalue: enough to be stable with as many columns as rows.
PENALTY = 1.0
# A product of two columns that is so small beside their lengths is nought, up to rounding.
NOTHING = 1e-12


class FoldRidge:
    """Labels of training people as scores of test people; everything is factored once.

    With fewer columns than training people the system has one equation a column, and no matrix
    over pairs of people is made; otherwise one a person.

    Parameters
    ----------
    X : ndarray (n, p)
        Features as the fold sees them; not copied.
    train, test : ndarray of int
        Positions of its people.
    subsets : bool
        Whether `subset_scores` will be asked, for which products of columns are kept.
    """

    def __init__(
        self, X: np.ndarray, train: np.ndarray, test: np.ndarray, *, subsets: bool = False
    ) -> None:
        self.X, self.train, self.test, self.subsets = X, train, test, subsets
        self.mean = mean_of(X, train)
        self.primal = X.shape[1] < len(train)
        with large_product(float(len(train)) * X.shape[1] * min(len(train), X.shape[1])):
            self._solve()

    def _parts(self, people: np.ndarray) -> Iterator[np.ndarray]:
        for part in tiles(len(people), self.X.shape[1]):
            yield people[part]

    def _solve(self) -> None:
        """Factor of the penalised Gram matrix; of people, at once the matrix of all scores."""
        train = self.train
        if self.primal:
            gram = gram_of(self.X, train, self.mean)  # the lower triangle alone
            if self.subsets:
                _fill_upper(gram)
                self._gram = gram
            self._squares = gram.diagonal().copy()
        else:
            inside, outside = self.X[train] - self.mean, self.X[self.test] - self.mean
            gram, across = inside @ inside.T, inside @ outside.T
        penalty = PENALTY * max(float(np.trace(gram)) / len(train), 1e-12)
        gram.flat[:: len(gram) + 1] += penalty
        try:
            self._factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            # Features that are missing tell nothing: scores are missing as well.
            self._factor = None
        if not self.primal and self._factor is not None:
            self._hat = cho_solve(self._factor, across, overwrite_b=True, check_finite=False).T
            self._factor = ()

    def scores(self, Y: np.ndarray) -> np.ndarray:
        """Scores (m, test people) of label columns (training people, m), one row a label."""
        if self._factor is None:
            return np.full((Y.shape[1], len(self.test)), np.nan)
        if not self.primal:
            centred = Y - Y.mean(axis=0)
            found = centred.T @ self._hat.T
            length = np.linalg.norm(self._hat, axis=1)
            told = np.abs(found / np.where(length > 0, length, np.inf)).max(axis=1, initial=0)
            found[told <= NOTHING * np.linalg.norm(centred, axis=0)] = 0
            return found
        weights = cho_solve(self._factor, self._products(Y), overwrite_b=True, check_finite=False)
        return self._told(weights)

    def subset_scores(self, columns: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Scores of a ridge regression on some of the columns alone.

        Parameters
        ----------
        columns : ndarray of int
            Positions of the columns, rising.
        Y : ndarray (training people, m)
            Label columns.

        Returns
        -------
        ndarray (m, test people)
        """
        columns = np.asarray(columns)
        if not (self.primal and self.subsets) or self._factor is None:
            part = np.ascontiguousarray(self.X[:, columns])
            return FoldRidge(part, self.train, self.test).scores(Y)
        # The factor stands in the lower triangle, the products themselves above.
        gram = np.asfortranarray(self._gram[np.ix_(columns, columns)])
        own = self._squares[columns]
        gram.flat[:: len(gram) + 1] = own + PENALTY * max(float(own.sum()) / len(self.train), 1e-12)
        factor = cho_factor(gram, lower=False, overwrite_a=True, check_finite=False)
        weights = np.zeros((self.X.shape[1], Y.shape[1]))
        weights[columns] = cho_solve(factor, self._products(Y)[columns], check_finite=False)
        return self._told(weights)

    def _products(self, Y: np.ndarray) -> np.ndarray:
        """Features of training people times their labels (p, m), both centred."""
        centred = Y - Y.mean(axis=0)
        found, at = np.zeros((self.X.shape[1], Y.shape[1])), 0
        for rows in self._parts(self.train):
            found += (self.X[rows] - self.mean).T @ centred[at : at + len(rows)]
            at += len(rows)
        # What was regressed out of the features is told by rounding alone: by nothing.
        length = np.sqrt(np.where(self._squares > 0, self._squares, np.inf))
        told = np.abs(found / length[:, None]).max(axis=0, initial=0)
        found[:, told <= NOTHING * np.linalg.norm(centred, axis=0)] = 0
        return found

    def _told(self, weights: np.ndarray) -> np.ndarray:
        """Scores of test people (m, test people) by weights of columns (p, m)."""
        out, at = np.empty((weights.shape[1], len(self.test))), 0
        for rows in self._parts(self.test):
            np.matmul(weights.T, (self.X[rows] - self.mean).T, out=out[:, at : at + len(rows)])
            at += len(rows)
        return out


def _fill_upper(gram: np.ndarray, size: int = 512) -> None:
    """Copy the lower triangle to the upper one, in place and in blocks."""
    for start in range(0, len(gram), size):
        stop = start + size
        block = gram[start:stop, start:stop]
        block[:] = np.tril(block) + np.tril(block, -1).T
        gram[start:stop, stop:] = gram[stop:, start:stop].T
