"""The held-out test beside refits: every permutation fits both sides of every fold anew."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.linalg import qr, svd
from tests.benchmarks.bench_cca import draw
from tests.benchmarks.harness import Record, Side, compare, near

from neurogenomics_kb.stats.inference.held_out import HeldOutRows, held_out_of_rows, held_out_rows

FOLDS, COMPONENTS = 5, 3
# Rows, columns of both sides, permutations of ours and of the refits, turns.
SIZES = [(2_000, 128, 60, 3, 5), (4_000, 256, 20, 2, 3)]
TINY = [(150, 4, 9, 9, 2)]


def refit(x_train, y_train, x_test, y_test) -> np.ndarray:
    """Correlations of test variates, weights by QR and SVD of training rows.

    Later components are taken given the earlier ones, as ours are.
    """
    x_mean, y_mean = x_train.mean(axis=0), y_train.mean(axis=0)
    Qx, Rx = qr(x_train - x_mean, mode="economic")
    Qy, Ry = qr(y_train - y_mean, mode="economic")
    left, _, right = svd(Qx.T @ Qy, full_matrices=False)
    x = (x_test - x_mean) @ np.linalg.solve(Rx, left[:, :COMPONENTS])
    y = (y_test - y_mean) @ np.linalg.solve(Ry, right[:COMPONENTS].T)
    return np.array([np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(COMPONENTS)])


def naive(rows: HeldOutRows, permutations: int) -> np.ndarray:
    """Mean correlation of the first component over folds, of the data and of permutations."""
    found = []
    for b in [None, *range(permutations)]:
        order = rows.orders(None if b is None else np.array([b]))[0]
        each = [
            refit(rows.X[f.train], rows.Y[order][f.train], rows.X[f.test], rows.Y[order][f.test])
            for f in rows.folds
        ]
        found.append(np.mean(each, axis=0)[0])
    return np.array(found)


def against_refits(n: int, width: int, many: int, few: int, turns: int) -> Record:
    """One permutation of all folds."""
    X, Y = draw(n, width)
    folds = np.arange(n) % FOLDS
    prepare = partial(held_out_rows, X, Y, folds, random_state=1)
    rows = prepare()

    def ours():
        return held_out_of_rows(prepare(), n_components=COMPONENTS, n_permutations=many)

    def same(test, refits) -> str:
        null = np.array([test.mean[0], *test.null[:few, 0]])
        return near(1e-8, "correlations under permutation differ by")(null, refits)

    return compare(
        "held-out test, one permutation",
        Side(ours, lambda: prepare(), many),
        Side(partial(naive, rows, few), parts=1 + few),
        size=f"{n:,} × {width} + {width}, {FOLDS} folds",
        alternative="QR and SVD in every fold",
        agree=same,
        turns=turns,
    )


def run(tiny: bool = False) -> list[Record]:
    """All comparisons.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    return [against_refits(*size) for size in (TINY if tiny else SIZES)]
