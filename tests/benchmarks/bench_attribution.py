"""Leaving genes out beside scikit-learn's components of all other genes, in one training fold.

Both refit the same logistic regression. The naive refits are made for a few genes, and their time
is told per gene; ours is divided by all genes, its one decomposition included.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from tests.benchmarks.harness import Record, Side, compare, near

from neurogenomics_kb.pipelines.integration.analyses.logo.leave_one_out import LeaveOneOutPCA

# People, genes, columns of each, components (that many people allow two blocks), genes of the naive
# refits, turns.
SIZE = (4_000, 38, 256, 160, 2, 3)
TINY = (300, 6, 5, 8, 2, 1)
FACTORS = 8


def draw(n: int, genes: int, dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings with a few factors per gene, and an outcome of some genes' leading ones."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n, genes, FACTORS))
    loadings = rng.normal(size=(genes, FACTORS, dims)) * 0.7 ** np.arange(FACTORS)[:, None]
    X = np.einsum("ngf,gfd->ngd", factors, loadings).reshape(n, -1)
    X += 0.6 * rng.normal(size=X.shape)
    liability = factors[:, : max(2, genes // 6), 0].sum(axis=1) + 2 * rng.normal(size=n)
    return X / X.std(axis=0), (liability > np.quantile(liability, 0.7)).astype(int)


def auc(inside, outside, y, train, test) -> float:
    """Of test people, by one logistic regression for all."""
    model = LogisticRegression(C=0.01, max_iter=500).fit(inside, y[train])
    return roc_auc_score(y[test], model.decision_function(outside))


def ours(X, y, genes: int, dim: int, train, test) -> np.ndarray:
    """AUC without each gene."""
    projection = LeaveOneOutPCA(X[train], X[test], dim)
    columns = np.arange(X.shape[1]).reshape(genes, -1)
    return np.array([auc(*projection.without(own), y, train, test) for own in columns])


def naive(X, y, genes: int, dim: int, few: int, train, test, solver: str) -> np.ndarray:
    """AUC without each of the first genes."""
    found = []
    for gene in range(few):
        kept = np.delete(np.arange(X.shape[1]).reshape(genes, -1), gene, axis=0).ravel()
        model = PCA(dim, whiten=True, svd_solver=solver, random_state=0).fit(X[train][:, kept])
        inside, outside = (model.transform(X[rows][:, kept]) for rows in (train, test))
        found.append(auc(inside, outside, y, train, test))
    return np.array(found)


def against_refits(solver: str, n, genes, dims, dim, few, turns) -> Record:
    """One gene of one fold."""
    X, y = draw(n, genes, dims)
    fold = np.arange(n) % 5 == 0
    train, test = np.flatnonzero(~fold), np.flatnonzero(fold)
    return compare(
        "leave one gene out, one gene of one fold",
        Side(partial(ours, X, y, genes, dim, train, test), parts=genes),
        Side(partial(naive, X, y, genes, dim, few, train, test, solver), parts=few),
        size=f"{n:,} × {genes} × {dims}, {dim} components",
        alternative=f"scikit-learn's PCA ({solver}) without it",
        agree=lambda mine, theirs: near(1e-3, "AUC differs by")(mine[:few], theirs),
        turns=turns,
        note=f"refits of {few} genes, ours of {genes}",
    )


def run(tiny: bool = False) -> list[Record]:
    """All comparisons.

    Parameters
    ----------
    tiny : bool
        Sizes at which only agreement is of interest.
    """
    solvers = ["full"] if tiny else ["full", "auto"]
    return [against_refits(solver, *(TINY if tiny else SIZE)) for solver in solvers]
