"""The linear predictor on many outcomes of the same people, which differ in their labels alone.

Refitting a model on relabelled outcomes repeats one problem: features, and what can be factored of
them, stay. All outcomes and inner folds are solved together, with the directions of the features
as preconditioner, so that no matrix is made for any of them. Steps, stops and choices are those of
`predictors.fit_linear`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, svd
from scipy.special import expit

from neurogenomics_kb.stats.prediction.predictors import class_loss
from neurogenomics_kb.stats.prediction.tuned import Splits

# Accuracy of a step, and steps after which a problem is left to the general solver.
ACCURACY, MOST_STEPS = 1e-13, 400
# Of Newton's method, as scikit-learn has them.
TOLERANCE, MOST_ITERATIONS, SUFFICIENT, HALVINGS = 1e-4, 1000, 2.0**-11, 21
TINY = 16 * np.finfo(float).eps


@dataclass(frozen=True)
class Turned:
    """Features in their principal directions.

    Attributes
    ----------
    Z : ndarray (n, r)
        Coordinates of the training people.
    sizes : ndarray (r,)
        Mean squares.
    axes : ndarray (p, r)
        Directions.
    mean : ndarray (p,)
        Mean of the training people.
    """

    Z: np.ndarray
    sizes: np.ndarray
    axes: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> Turned:
        """Turn the features (n, p) of training people."""
        mean = X.mean(axis=0)
        centred = X - mean
        if X.shape[1] < len(X):
            axes = eigh(centred.T @ centred)[1]
        else:
            axes = svd(centred, full_matrices=False)[2].T
        Z = centred @ axes
        return cls(Z, (Z**2).mean(axis=0), axes, mean)

    def of_others(self, X: np.ndarray) -> np.ndarray:
        """Coordinates of other people (m, r)."""
        return (X - self.mean) @ self.axes


def many_logistic_scores(
    X: np.ndarray,
    Y: np.ndarray,
    splits: Sequence[Splits],
    strengths: np.ndarray,
    X_test: np.ndarray,
) -> np.ndarray:
    """Probabilities by logistic regression with the penalty chosen on each outcome's inner folds.

    Parameters
    ----------
    X : ndarray (n, p)
        Features of training people.
    Y : ndarray (n, R)
        Outcomes, 0 or 1.
    splits : sequence of R lists of (train, test)
        Inner folds of every outcome.
    strengths : ndarray (k,)
        Inverse penalties, the strongest penalty first.
    X_test : ndarray (m, p)
        Features of test people.

    Returns
    -------
    ndarray (R, m)
        NaN for an outcome whose solution was not reached.
    """
    turned, n = Turned.of(X), len(X)
    problems = [(r, train, test) for r, own in enumerate(splits) for train, test in own]
    of = np.array([r for r, _, _ in problems])
    weights = np.zeros((n, len(problems)))
    for j, (_, train, _) in enumerate(problems):
        weights[train, j] = 1 / len(train)
    sizes = np.array([len(train) for _, train, _ in problems])
    losses = np.zeros((len(splits), len(strengths)))
    W, solved = np.zeros((turned.Z.shape[1] + 1, len(problems))), np.ones(len(problems), dtype=bool)
    for i, strength in enumerate(strengths if len(strengths) > 1 else ()):
        W, fine = newton(turned, Y[:, of], weights, 1 / (strength * sizes), W)
        solved &= fine
        P = expit(_raw(turned.Z, W))
        for j, (r, _, test) in enumerate(problems):
            both = np.column_stack([1 - P[test, j], P[test, j]])
            losses[r, i] += class_loss(Y[test, r], both / both.sum(axis=1, keepdims=True))
    best = strengths[(losses / len(splits[0])).argmin(axis=1)]
    start = np.zeros((turned.Z.shape[1] + 1, Y.shape[1]))
    W, fine = newton(turned, Y, np.full(Y.shape, 1 / n), 1 / (best * n), start)
    P = expit(_raw(turned.of_others(X_test), W)).T
    fine &= np.bincount(of, ~solved, minlength=Y.shape[1]) == 0
    P[~fine] = np.nan
    return P


def many_ridge_scores(
    X: np.ndarray,
    Y: np.ndarray,
    splits: Sequence[Splits],
    strengths: np.ndarray,
    X_test: np.ndarray,
) -> np.ndarray:
    """Predictions by ridge regression with the penalty chosen on each outcome's inner folds.

    Parameters
    ----------
    X, Y, splits, strengths, X_test
        As for `many_logistic_scores`, outcomes being numbers.

    Returns
    -------
    ndarray (R, m)
        NaN for an outcome whose solution was not reached.
    """
    turned, n = Turned.of(X), len(X)
    penalties = 1 / np.asarray(strengths)[::-1]
    R, k = Y.shape[1], len(penalties)
    losses, solved = np.zeros((R, k)), np.ones(R, dtype=bool)
    for s in range(len(splits[0])):
        weights = np.zeros((n, R))
        for r, own in enumerate(splits):
            weights[own[s][0], r] = 1
        W, fine = _ridge(turned, np.repeat(Y, k, axis=1), np.repeat(weights, k, axis=1),
                         np.tile(penalties, R))  # fmt: skip
        solved &= fine.reshape(R, k).all(axis=1)
        errors = ((_raw(turned.Z, W) - np.repeat(Y, k, axis=1)) ** 2).reshape(n, R, k)
        for r, own in enumerate(splits):
            losses[r] += errors[own[s][1], r].mean(axis=0)
    best = penalties[losses.argmin(axis=1)]
    W, fine = _ridge(turned, Y, np.ones(Y.shape), best)
    found = _raw(turned.of_others(X_test), W).T
    found[~(fine & solved)] = np.nan
    return found


def newton(
    turned: Turned, Y: np.ndarray, weights: np.ndarray, l2: np.ndarray, W: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Penalised logistic regressions (J at once) by Newton's method with backtracking.

    Parameters
    ----------
    turned : Turned
        Features.
    Y : ndarray (n, J)
        Outcomes.
    weights : ndarray (n, J)
        Weight of every person, whose sum is 1.
    l2 : ndarray (J,)
        Penalties of the mean loss.
    W : ndarray (r + 1, J)
        Where to start; intercepts last, at the mean of the features.

    Returns
    -------
    W : ndarray (r + 1, J)
    solved : ndarray of bool (J,)
    """
    W, raw, solved = W.copy(), _raw(turned.Z, W), np.zeros(W.shape[1], dtype=bool)
    loss = _loss(raw, Y, weights, l2, W)
    active = np.arange(W.shape[1])
    for _ in range(MOST_ITERATIONS):
        if not len(active):
            break
        at = active
        y, w, penalty = Y[:, at], weights[:, at], l2[at]
        P = expit(raw[:, at])
        gradient = _gradient(turned.Z, P, y, w, penalty, W[:, at])
        H = w * P * (1 - P)
        step, fine = _solve(turned, H, penalty, -gradient)
        slope = (gradient * step).sum(axis=0)
        moved, length, new, new_loss = _search(
            turned, y, w, penalty, W[:, at], raw[:, at], loss[at], step, slope
        )
        W[:, at], raw[:, at], loss[at] = new, raw[:, at] + length * moved, new_loss
        fine &= np.isfinite(new_loss) & (length > 0)
        after = _gradient(turned.Z, expit(raw[:, at]), y, w, penalty, new)
        # In the features' own coordinates, in which scikit-learn stops.
        own = turned.axes @ after[:-1] + np.outer(turned.mean, after[-1])
        flat = np.maximum(np.abs(own).max(axis=0, initial=0), np.abs(after[-1])) <= TOLERANCE
        done = fine & flat & (-0.5 * slope <= TOLERANCE)
        solved[at[done]] = True
        active = at[fine & ~done]
    return W, solved


def _search(turned, y, w, penalty, W, raw, loss, step, slope) -> tuple[np.ndarray, ...]:
    """Lengths of Newton steps by halving; zero where none was found.

    Its parameters are the state of Newton's method.
    """
    moved = _raw(turned.Z, step)
    length = np.ones(len(loss))
    new_loss = _loss(raw + moved, y, w, penalty, W + step)
    for i in range(HALVINGS):
        gain = new_loss - loss
        good = (gain <= length * SUFFICIENT * slope) | (np.abs(gain) <= np.abs(loss * TINY))
        open_ = np.flatnonzero(~good)
        if not len(open_):
            break
        length[open_] = 0 if i == HALVINGS - 1 else length[open_] / 2
        new_loss[open_] = _loss(
            raw[:, open_] + length[open_] * moved[:, open_], y[:, open_], w[:, open_],
            penalty[open_], W[:, open_] + length[open_] * step[:, open_],
        )  # fmt: skip
    return moved, length, W + length * step, new_loss


def _raw(Z: np.ndarray, W: np.ndarray) -> np.ndarray:
    return Z @ W[:-1] + W[-1]


def _loss(raw, y, w, l2, W) -> np.ndarray:
    """Penalised mean loss of every problem."""
    return (w * (np.logaddexp(0, raw) - y * raw)).sum(axis=0) + l2 / 2 * (W[:-1] ** 2).sum(axis=0)


def _gradient(Z, P, y, w, l2, W) -> np.ndarray:
    off = w * (P - y)
    return np.vstack([Z.T @ off + l2 * W[:-1], off.sum(axis=0)])


def _ridge(turned, Y, weights, penalties) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regressions of weighted people, intercepts free."""
    right = weights * Y
    return _solve(turned, weights, penalties, np.vstack([turned.Z.T @ right, right.sum(axis=0)]))


def _solve(turned, H, l2, right) -> tuple[np.ndarray, np.ndarray]:
    """Solve the normal equations of weights H (n, J) and penalties l2 (J,) by conjugate gradients.

    Preconditioned by the sizes of the principal directions, which are the solution itself where
    weights are equal.
    """
    Z, total = turned.Z, H.sum(axis=0)
    scale = np.vstack([np.outer(turned.sizes, total) + l2, total])

    def apply(D: np.ndarray, at: np.ndarray) -> np.ndarray:
        told = H[:, at] * _raw(Z, D)
        return np.vstack([Z.T @ told + l2[at] * D[:-1], told.sum(axis=0)])

    return conjugate_gradients(apply, right, scale)


def conjugate_gradients(
    apply: Callable[[np.ndarray, np.ndarray], np.ndarray], right: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve many positive definite systems at once.

    Parameters
    ----------
    apply : callable
        Products with the matrices of some systems: vectors (q, j) and positions (j,) in, products
        (q, j) out.
    right : ndarray (q, J)
        Right-hand sides.
    scale : ndarray (q, J)
        Diagonal preconditioner.

    Returns
    -------
    X : ndarray (q, J)
    solved : ndarray of bool (J,)
        Whether `ACCURACY` was reached.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(scale > 0, 1 / scale, 1.0)
    X, rest, at = np.zeros_like(right), right.copy(), np.arange(right.shape[1])
    ready = inverse * rest
    direction, size = ready, (rest * ready).sum(axis=0)
    enough = ACCURACY**2 * size
    solved = size <= 0
    at, rest, direction, size = (at[~solved], rest[:, ~solved], direction[:, ~solved],
                                 size[~solved])  # fmt: skip
    for _ in range(MOST_STEPS):
        if not len(at):
            break
        product = apply(direction, at)
        length = size / (direction * product).sum(axis=0)
        X[:, at] += length * direction
        rest = rest - length * product
        ready = inverse[:, at] * rest
        new = (rest * ready).sum(axis=0)
        direction = ready + new / size * direction
        left = (new > enough[at]) & np.isfinite(new)
        solved[at[(new <= enough[at])]] = True
        if not left.all():
            rest, direction = rest[:, left], direction[:, left]
        at, size = at[left], new[left]
    return X, solved
