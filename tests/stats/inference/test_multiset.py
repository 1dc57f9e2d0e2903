"""Axes that several blocks have in common."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.multiset import multiset_test


def blocks_of(seed, signal=0.0, n=120, carrying="abc", second=0.0):
    """Three blocks with three confounds; the first column of some carries an axis."""
    rng = np.random.default_rng(seed)
    Z, axis, other = rng.normal(size=(n, 3)), rng.normal(size=n), rng.normal(size=n)
    tables = {
        name: rng.normal(size=(n, k)) + Z @ rng.normal(size=(3, k))
        for name, k in (("a", 5), ("b", 4), ("c", 3))
    }
    for name in carrying:
        tables[name][:, 0] += signal * axis
        tables[name][:, 1] += second * other
    return tables, Z


def test_axis_is_the_leading_eigenvector_of_the_projections_written_out():
    tables, Z = blocks_of(0, 1.0)
    found = multiset_test(tables, confounds=Z, n_components=2, n_permutations=19, random_state=0)
    design = np.column_stack([np.ones(120), Z])
    left = {k: A - design @ np.linalg.lstsq(design, A)[0] for k, A in tables.items()}
    total = sum(A @ np.linalg.pinv(A) for A in left.values())
    values, vectors = np.linalg.eigh(total)
    assert found.shared[0] == pytest.approx(values[-1] / 3)
    axis = vectors[:, -1]
    for j, (name, A) in enumerate(left.items()):
        part = A @ np.linalg.pinv(A) @ axis
        assert found.block_correlations[j, 0] == pytest.approx(np.linalg.norm(part))
        theirs = A.T @ axis / np.linalg.norm(A, axis=0)
        np.testing.assert_allclose(np.abs(found.loadings[name][:, 0]), np.abs(theirs), atol=1e-8)
    assert (found.block_correlations[:, 0] ** 2).mean() == pytest.approx(found.shared[0])
    # The second axis is that of what the first leaves in every block.
    rest = []
    for A in left.values():
        part = A @ np.linalg.pinv(A) @ axis
        part /= np.linalg.norm(part)
        rest.append(A @ np.linalg.pinv(A) - np.outer(part, part))
    assert found.shared[1] == pytest.approx(np.linalg.eigvalsh(sum(rest))[-1] / 3)
    assert found.dims == {"a": 5, "b": 4, "c": 3}
    assert found.n_effective == 116


def test_third_block_of_nothing_leaves_the_canonical_axis_of_two():
    rng = np.random.default_rng(1)
    tables, Z = blocks_of(1, 2.0, n=4000, carrying="ab")
    found = multiset_test(tables, confounds=Z, n_components=1, n_permutations=19, random_state=0)
    pair = permutation_cca(
        tables["a"], tables["b"], confounds=Z, n_components=1, n_permutations=19,
        random_state=int(rng.integers(9)),
    )  # fmt: skip
    # Two unit vectors at correlation r have the eigenvalue 1 + r.
    assert found.shared[0] == pytest.approx((1 + pair.correlations[0]) / 3, abs=0.01)
    np.testing.assert_allclose(
        np.abs(found.loadings["a"][:, 0]),
        np.abs(pair.x_loadings[:, 0]) * found.block_correlations[0, 0],
        atol=0.05,
    )


def test_who_takes_part_is_told_block_by_block():
    tables, Z = blocks_of(2, 1.5, carrying="ac")
    found = multiset_test(tables, confounds=Z, n_components=1, n_permutations=199, random_state=0)
    assert found.p_values[0] == 1 / 200
    assert found.block_p_raw[[0, 2], 0].tolist() == [1 / 200] * 2
    assert found.block_p_raw[1, 0] > 0.05
    assert found.block_p_values[0, 0] == pytest.approx(3 / 200)
    strongest = max(found.loadings.items(), key=lambda item: np.abs(item[1]).max())[1]
    assert strongest[np.abs(strongest).argmax()] > 0


def test_level_without_an_axis_behind_one_and_for_a_block_apart():
    hits = np.zeros(3)
    for seed in range(30):
        settings = {"n_components": 2, "n_permutations": 19, "random_state": seed}
        tables, Z = blocks_of(seed, n=80)
        hits[0] += multiset_test(tables, confounds=Z, **settings).p_values[0] <= 0.05
        tables, Z = blocks_of(seed, 4.0, n=80, carrying="ab")
        found = multiset_test(tables, confounds=Z, **settings)
        assert found.p_values[0] <= 0.05
        hits[1] += found.p_values_uncorrected[1] <= 0.05
        hits[2] += found.block_p_raw[2, 0] <= 0.05
    # 6 of 30 have a chance of 0.3 % at 5 %.
    assert (hits < 6).all(), hits
    assert hits[0] > 0


def test_families_and_a_second_axis():
    tables, Z = blocks_of(3, 2.0, n=160, second=1.5)
    found = multiset_test(
        tables, confounds=Z, n_components=3, n_permutations=99, blocks=np.arange(160) // 2,
        random_state=0, pca={"a": 4, "b": None, "c": None},
    )  # fmt: skip
    assert found.dims["a"] == 4
    assert (found.p_values[:2] == 0.01).all()
    assert found.p_values[2] > 0.05


def test_what_cannot_be_tested_is_refused():
    tables, Z = blocks_of(4)
    with pytest.raises(InputError, match="2 blocks, and a joint axis is of 3 or more"):
        multiset_test({k: tables[k] for k in "ab"})
    with pytest.raises(InputError, match="always have an axis in common"):
        multiset_test({k: A[:14] for k, A in tables.items()}, confounds=Z[:14])
