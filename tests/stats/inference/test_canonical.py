"""Determinants and leading axes from one factorisation."""

import numpy as np
import pytest

from neurogenomics_kb.stats.inference import canonical
from neurogenomics_kb.stats.inference.canonical import leading_pairs, wilks


def coupling(q: int, p: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.normal(size=(200, k)))[0] for k in (q, p))
    return U.T @ V


@pytest.mark.parametrize(("q", "p"), [(1, 4), (5, 3), (3, 5), (8, 8), (12, 30)])
def test_any_number_of_blocks_has_the_determinants_of_all(q, p):
    G = coupling(q, p)
    expected = [
        -np.log(1 - np.linalg.svd(G[k:, k:], compute_uv=False) ** 2).sum() for k in range(min(q, p))
    ]
    for n_blocks in range(1, min(q, p) + 1):
        assert wilks(G, n_blocks) == pytest.approx(expected[:n_blocks], abs=1e-12)
    assert wilks(G) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n_blocks", [1, 2, 3])
def test_a_correlation_of_one_is_not_endless(n_blocks):
    for G in (np.eye(3), np.diag([1.0, 0.5, 0.2]), np.diag([0.2, 0.5, 1.0])):
        found = wilks(G, n_blocks)
        assert np.isfinite(found).all()
        assert found[0] > 600


@pytest.mark.parametrize(("q", "p"), [(6, 4), (4, 6), (30, 40), (40, 30)])
def test_leading_axes_are_those_of_the_decomposition(q, p):
    assert canonical.SMALL < 30 or min(q, p) < 30
    stack = np.stack([coupling(q, p, seed) for seed in range(3)])
    left, right = leading_pairs(stack, 3)
    assert left.shape == (3, q, 3)
    assert right.shape == (3, p, 3)
    for G, u, v in zip(stack, left, right, strict=True):
        U, sizes, Vt = np.linalg.svd(G)
        assert np.abs((U[:, :3] * u).sum(axis=0)) == pytest.approx(np.ones(3), abs=1e-10)
        assert np.abs((Vt[:3].T * v).sum(axis=0)) == pytest.approx(np.ones(3), abs=1e-10)
        assert np.diag(u.T @ G @ v) == pytest.approx(sizes[:3], abs=1e-12)
