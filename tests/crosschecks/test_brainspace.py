"""Spatial null models against brainspace (BSD), which is installed by hand: it needs 600 MB of VTK.

``pip install brainspace`` and ``pytest tests/crosschecks/test_brainspace.py``; with version 0.3.0
all pass.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from neurogenomics_kb.stats.inference.spatial import surrogate_maps
from neurogenomics_kb.stats.inference.spatial_nulls import inverse_distance, moran_eigenvectors
from tests.stats.inference.test_spatial import BRAIN, HALF, LEFT, PLACES, SIDE, smooth_map

null_models = pytest.importorskip(
    "brainspace.null_models", reason="brainspace is not installed (pip install brainspace)"
)


def test_moran_eigenvectors():
    weights = inverse_distance(cdist(BRAIN, BRAIN))
    theirs, values = null_models.compute_mem(weights, spectrum="all", tol=1e-5)
    ours = moran_eigenvectors(weights)
    # Theirs are of single precision and may be turned among nearly equal eigenvalues.
    np.testing.assert_allclose(
        np.diag(ours.T @ weights @ ours), values, atol=2e-5 * np.abs(values).max()
    )
    for k in (1, 3, 10, 30):
        np.testing.assert_allclose(
            np.linalg.svd(ours[:, :k].T @ theirs[:, :k], compute_uv=False), 1.0, atol=1e-3
        )


@pytest.mark.parametrize("method", ["moran", "spin", "spin nearest"])
def test_distribution_of_correlations(method):
    """Standard deviations of 4,000 null correlations, each known to one in a hundred."""
    rng = np.random.default_rng(0)
    a, b = smooth_map(rng), smooth_map(rng)
    n = 4000
    if method == "moran":
        other = null_models.MoranRandomization(n_rep=n, spectrum="all", tol=1e-5, random_state=0)
        theirs = other.fit(inverse_distance(cdist(BRAIN, BRAIN))).randomize(a)
        ours = surrogate_maps(a, BRAIN, method=method, n_surrogates=n, rng=rng)
    else:
        other = null_models.SpinPermutations(
            unique=method == "spin", n_rep=n, random_state=0
        ).fit(LEFT, points_rh=PLACES[HALF:])  # fmt: skip
        theirs = np.hstack(other.randomize(a[:HALF], a[HALF:]))
        ours = surrogate_maps(a, PLACES, method=method, n_surrogates=n, rng=rng, hemisphere=SIDE)
    spread = [np.std([np.corrcoef(m, b)[0, 1] for m in maps]) for maps in (ours, theirs)]
    assert spread[0] == pytest.approx(spread[1], rel=0.06)
