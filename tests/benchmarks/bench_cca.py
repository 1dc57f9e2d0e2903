"""Permutation of canonical correlations beside the bare product, refits, and other programs.

The bare product is that of the two orthonormal bases, which every permutation needs at least.
Times are of one permutation, preparations subtracted.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.cross_decomposition import CCA
from tests.benchmarks.harness import Record, Side, compare, installed, near, skipped

from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.permutation import FEWEST

NAME = "permutation CCA"
# A leading root costs more than the rest of a permutation and is computed for the first ones alone,
# so a test of few permutations is another one. Rows, columns of both sides, permutations of a call,
# those of the call that is subtracted, turns.
SIZES = [
    (1_000, 50, 1_000, 1, 9),
    (2_000, 128, 1_000, 1, 7),
    (4_000, 256, 1_000, 1, 5),
    (10_000, 256, 119, FEWEST, 5),
    (40_000, 512, 104, FEWEST, 3),
]
PRODUCTS = 50
REFITS = (1_000, 50, 1_000, 5)
TINY = (120, 4, 140, 1, 2)


def draw(n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one axis in common."""
    rng = np.random.default_rng(0)
    axis = rng.normal(size=(n, 1))
    return tuple(rng.normal(size=(n, width)) + 0.5 * axis for _ in range(2))


def orthonormal(X: np.ndarray) -> np.ndarray:
    """Basis of the centred columns."""
    return np.linalg.qr(X - X.mean(axis=0))[0]


def ours(X: np.ndarray, Y: np.ndarray, n_permutations: int, n_components: int = 3):
    """The test, without its report."""
    return permutation_cca(
        X, Y, n_permutations=n_permutations, n_components=n_components, random_state=1
    )


def against_product(n: int, width: int, permutations: int, first: int, turns: int) -> Record:
    """One permutation beside one product."""
    X, Y = draw(n, width)
    U, V = orthonormal(Y), orthonormal(X)

    def product():
        for _ in range(PRODUCTS):
            coupling = U.T @ V
        return coupling

    def same_roots(result, coupling) -> str:
        roots = np.linalg.svd(coupling, compute_uv=False)[:3]
        return near(1e-8, "canonical correlations differ by")(result.correlations, roots)

    return compare(
        f"{NAME}, one permutation",
        Side(lambda: ours(X, Y, permutations), lambda: ours(X, Y, first), permutations - first),
        Side(product, parts=PRODUCTS),
        size=f"{n:,} × {width} + {width}",
        alternative="bare product",
        agree=same_roots,
        turns=turns,
        note=f"permutations {first + 1} to {permutations:,} of a test"
        + (f", the first {FEWEST} with their leading roots" if first < FEWEST else ""),
    )


def naive_null(fit: Callable, X: np.ndarray, Y: np.ndarray, permutations: int) -> np.ndarray:
    """Leading correlation of the data and of refits to permuted rows."""
    rng = np.random.default_rng(0)
    return np.array([fit(X, Y), *(fit(X, Y[rng.permutation(len(Y))]) for _ in range(permutations))])


def sklearn_refit(X: np.ndarray, Y: np.ndarray) -> float:
    """Leading correlation by scikit-learn."""
    x, y = CCA(n_components=1, max_iter=2000, tol=1e-9).fit_transform(X, Y)
    return float(np.corrcoef(x[:, 0], y[:, 0])[0, 1])


def cca_zoo_refit(X: np.ndarray, Y: np.ndarray) -> float:
    """Leading correlation by cca-zoo."""
    from cca_zoo.linear import CCA as Other

    views = [X - X.mean(axis=0), Y - Y.mean(axis=0)]
    x, y = Other(n_components=1).fit(views).transform(views)
    return float(np.corrcoef(x[:, 0], y[:, 0])[0, 1])


def against_refits(
    fit: Callable, program: str, n: int, width: int, permutations: int, turns: int
) -> Record:
    """One permutation beside one refit."""
    X, Y = draw(n, width)
    few = max(2, permutations // 100)

    def same_root(result, null) -> str:
        return near(1e-4, "leading correlation differs by")(result.correlations[0], null[0])

    return compare(
        f"{NAME}, one permutation",
        Side(lambda: ours(X, Y, 1 + permutations), lambda: ours(X, Y, 1), permutations),
        Side(partial(naive_null, fit, X, Y, few), parts=1 + few),
        size=f"{n:,} × {width} + {width}",
        alternative=program,
        agree=same_root,
        turns=turns,
        note="the refit gives one component's null, ours all",
    )


def against_permcca(permcca: str, turns: int) -> Record:
    """The authors' program, where Octave and it are there; its start is part of its time."""
    from tests.crosschecks import test_permcca as other

    name = "confounds and a true component"
    n, p, q, *_ = other.CASES[name]

    def theirs():
        with tempfile.TemporaryDirectory() as folder:
            return next(iter(other.theirs(name, Path(folder), permcca)))

    return compare(
        f"{NAME}, {other.N_PERMUTATIONS} permutations",
        Side(lambda: other.ours(name)[0]),
        Side(theirs),
        size=f"{n} × {p} + {q}",
        alternative="PermCCA under Octave",
        agree=near(1e-12, "p-values differ by"),
        turns=turns,
        note="the start of Octave counts",
    )


def run(tiny: bool = False) -> list[Record]:
    """All comparisons.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    records = [against_product(*size) for size in ([TINY] if tiny else SIZES)]
    refits = (*TINY[:3], TINY[-1]) if tiny else REFITS
    records.append(against_refits(sklearn_refit, "refits by scikit-learn", *refits))
    if installed("cca_zoo"):
        records.append(against_refits(cca_zoo_refit, "refits by cca-zoo", *refits))
    else:
        records.append(skipped(NAME, "refits by cca-zoo", "cca-zoo is not installed"))
    permcca = os.environ.get("NGKB_PERMCCA_DIR", "")
    if shutil.which("octave-cli") and (Path(permcca) / "permcca.m").is_file():
        records.append(against_permcca(permcca, 2 if tiny else 5))
    else:
        why = "octave-cli is not on the path, or NGKB_PERMCCA_DIR names no folder with permcca.m"
        records.append(skipped(NAME, "PermCCA under Octave", why))
    return records
