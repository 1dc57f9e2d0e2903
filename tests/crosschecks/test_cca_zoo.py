"""Ridge with a penalty per side and partial least squares against cca-zoo (MIT).

It is installed by hand, ``pip install cca-zoo``; with version 4.0.1 all pass.
"""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.multiset import multiset_test

linear = pytest.importorskip("cca_zoo.linear", reason="cca-zoo is not installed (pip install it)")


@pytest.fixture(scope="module")
def blocks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 6)) * [3, 2, 1, 1, 1, 1]
    Y = rng.normal(size=(120, 4))
    Y[:, :2] += X[:, 1:3]
    return X - X.mean(axis=0), Y - Y.mean(axis=0)


def same_axes(ours, theirs, blocks):
    """Variates of every component are the same up to sign and scale."""
    scores = theirs.transform(list(blocks))
    for mine, other in zip((ours.x_scores, ours.y_scores), scores, strict=True):
        for k in range(mine.shape[1]):
            assert abs(np.corrcoef(mine[:, k], other[:, k])[0, 1]) == pytest.approx(1, abs=1e-6)


def test_partial_least_squares(blocks):
    ours = permutation_cca(*blocks, n_components=3, n_permutations=19, regularisation="pls")
    same_axes(ours, linear.PLS(n_components=3).fit(list(blocks)), blocks)


def test_a_penalty_per_side(blocks):
    strengths = (0.3, 2.0)
    ours = permutation_cca(
        *blocks, n_components=3, n_permutations=19, regularisation="ridge per side",
        grid=strengths, random_state=0,
    )  # fmt: skip
    chosen = [float(word) for word in ours.regularisation.removeprefix("ridge ").split(" + ")]
    shrinkage = []
    for A, strength in zip(blocks, chosen, strict=True):
        # Our penalty is relative to the mean squared singular value, theirs to the identity.
        penalty = strength * np.mean(np.linalg.svd(A, compute_uv=False) ** 2) / (len(A) - 1)
        shrinkage.append(penalty / (1 + penalty))
    theirs = linear.RidgeCCA(n_components=3, shrinkage=shrinkage).fit(list(blocks))
    same_axes(ours, theirs, blocks)


def test_axes_in_common_of_three_blocks(blocks):
    rng = np.random.default_rng(1)
    third = rng.normal(size=(120, 3))
    third[:, 0] += blocks[1][:, 0]
    three = {"a": blocks[0], "b": blocks[1], "c": third - third.mean(axis=0)}
    ours = multiset_test(three, n_components=1, n_permutations=19, random_state=0)
    views = list(three.values())
    scores = linear.GCCA(n_components=1).fit(views).transform(views)
    # Their scores are each block's regression on the common axis.
    axis = sum(s[:, 0] for s in scores)
    for name, A in three.items():
        theirs = [np.corrcoef(column, axis)[0, 1] for column in A.T]
        same = np.sign(theirs @ ours.loadings[name][:, 0])
        np.testing.assert_allclose(ours.loadings[name][:, 0], same * np.array(theirs), atol=1e-5)
