"""Spatial null models of regional maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.spatial import map_correlation, surrogate_maps
from neurogenomics_kb.stats.inference.spatial_nulls import (
    inverse_distance,
    moran_eigenvectors,
    random_rotation,
    spin_permutations,
)

HALF = 34


def sphere(n=HALF):
    """Points evenly on a sphere (Fibonacci)."""
    i = np.arange(n) + 0.5
    polar, around = np.arccos(1 - 2 * i / n), np.pi * (1 + 5**0.5) * i
    return np.stack(
        [np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1
    )


LEFT = sphere()
PLACES = np.vstack([LEFT, LEFT * [-1, 1, 1]])
SIDE = np.repeat(["lh", "rh"], HALF)
HOMOLOGUES = np.r_[np.arange(HALF) + HALF, np.arange(HALF)]
# As ellipsoids beside the midline, no region exactly where its counterpart's mirror image is.
BRAIN = PLACES * [25, 70, 50] + np.where(SIDE == "lh", -35, 35)[:, None] * [1, 0, 0]
BRAIN += np.random.default_rng(1).normal(scale=2.0, size=BRAIN.shape)


def smooth_map(rng, length=0.6, symmetric=0.8):
    """Smooth over `length` of a hemisphere's radius, alike on both sides, with noise."""
    root = np.linalg.cholesky(
        np.exp(-(cdist(LEFT, LEFT) ** 2) / (2 * length**2)) + 1e-9 * np.eye(HALF)
    )
    common, left, right = (root @ rng.normal(size=(HALF, 3))).T
    both = [np.sqrt(symmetric) * common + np.sqrt(1 - symmetric) * own for own in (left, right)]
    return np.concatenate(both) + 0.3 * rng.normal(size=2 * HALF)


SETTINGS = {
    "spin": (PLACES, {"hemisphere": SIDE}),
    "spin nearest": (PLACES, {"hemisphere": SIDE}),
    "moran": (BRAIN, {"hemisphere": SIDE, "homologues": HOMOLOGUES}),
}


@pytest.mark.parametrize("method", SETTINGS)
def test_unrelated_smooth_maps_are_not_related_by_their_smoothness(method):
    """120 pairs: 14 rejections at 0.05 have a chance of 0.4 %; a naive test makes 40."""
    rng = np.random.default_rng(0)
    places, more = SETTINGS[method]
    found = [
        map_correlation(
            smooth_map(rng), smooth_map(rng), places, method=method, n_permutations=99,
            random_state=k, **more,
        )
        for k in range(120)
    ]  # fmt: skip
    assert 0 < sum(f.p_value <= 0.05 for f in found) < 14
    assert sum(f.p_naive <= 0.05 for f in found) > 25


@pytest.mark.parametrize("method", SETTINGS)
def test_a_map_with_the_same_pattern_is_found(method):
    rng = np.random.default_rng(1)
    places, more = SETTINGS[method]
    a = smooth_map(rng, length=0.3)
    found = map_correlation(
        a, a + rng.normal(size=68), places, method=method, n_permutations=199, random_state=0,
        **more,
    )  # fmt: skip
    assert found.p_value == 1 / 200
    assert found.p_value_error == pytest.approx(np.sqrt(1 / 200 * 199 / 200 / 199))
    assert found.n_regions == 68
    assert found.null.shape == (199,)


def test_naive_p_is_that_of_pearson():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 30))
    found = map_correlation(
        a, b, rng.normal(size=(30, 3)), n_permutations=19, random_state=0
    )  # fmt: skip
    r, p = stats.pearsonr(a, b)
    assert found.correlation == pytest.approx(r)
    assert found.p_naive == pytest.approx(p)


def test_moran_surrogates_keep_mean_variance_and_autocorrelation():
    rng = np.random.default_rng(3)
    a = smooth_map(rng) + 3.0
    weights = inverse_distance(cdist(BRAIN, BRAIN))
    maps = surrogate_maps(a, BRAIN, method="moran", n_surrogates=20, rng=rng)

    def moran(values):
        z = values - values.mean()
        return z @ weights @ z / (z @ z)

    np.testing.assert_allclose(maps.mean(axis=1), a.mean())
    np.testing.assert_allclose(maps.std(axis=1), a.std())
    np.testing.assert_allclose([moran(m) for m in maps], moran(a))
    assert np.abs(np.corrcoef(maps, a)[-1, :-1]).max() < 0.95


def test_eigenvectors_are_those_of_the_doubly_centred_weights():
    weights = inverse_distance(cdist(BRAIN, BRAIN))
    vectors = moran_eigenvectors(weights)
    n = len(weights)
    centre = np.eye(n) - 1 / n
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n - 1), atol=1e-10)
    values = np.diag(vectors.T @ weights @ vectors)
    np.testing.assert_allclose(centre @ weights @ centre @ vectors, vectors * values, atol=1e-8)
    assert (np.diff(values) <= 1e-10).all()


def test_homologues_keep_a_symmetric_map_symmetric():
    rng = np.random.default_rng(4)
    a = smooth_map(rng)
    a = a + a[HOMOLOGUES]
    maps = surrogate_maps(
        a, BRAIN, method="moran", n_surrogates=5, rng=rng, hemisphere=SIDE, homologues=HOMOLOGUES
    )
    np.testing.assert_allclose(maps, maps[:, HOMOLOGUES])
    # A region in the middle is its own counterpart; the map keeps mean and variance with it.
    other = np.r_[HOMOLOGUES[:-1], 67]
    other[33] = 33
    whole = surrogate_maps(
        a, BRAIN, method="moran", n_surrogates=5, rng=rng, hemisphere=SIDE, homologues=other
    )
    np.testing.assert_allclose(whole.mean(axis=1), a.mean())
    np.testing.assert_allclose(whole.std(axis=1), a.std())


def test_spins_turn_hemispheres_as_mirror_images():
    rng = np.random.default_rng(5)
    spins = spin_permutations(PLACES, SIDE == "rh", 20, rng)
    assert (np.sort(spins, axis=1) == np.arange(68)).all()
    assert (spins[:, :HALF] < HALF).all()
    # Places of the right hemisphere are mirror images of the left, so their spins are as well.
    np.testing.assert_array_equal(spins[:, HALF:] - HALF, spins[:, :HALF])
    twice = spin_permutations(PLACES, SIDE == "rh", 20, rng, one_to_one=False)
    assert any(len(set(s)) < 68 for s in twice)


def test_rotations_are_uniform():
    rng = np.random.default_rng(6)
    turned = np.array([random_rotation(rng) for _ in range(4000)])
    np.testing.assert_allclose(np.linalg.det(turned), 1.0)
    # Every axis goes anywhere: coordinates of a rotated point are uniform (Archimedes).
    for i in range(3):
        for j in range(3):
            assert stats.kstest(turned[:, i, j], stats.uniform(-1, 2).cdf).pvalue > 1e-4


def test_distances_serve_as_well_as_coordinates():
    rng = np.random.default_rng(7)
    a, b = smooth_map(rng), smooth_map(rng)
    one = map_correlation(a, b, BRAIN, n_permutations=49, random_state=0)
    two = map_correlation(a, b, distances=cdist(BRAIN, BRAIN), n_permutations=49, random_state=0)
    np.testing.assert_allclose(one.null, two.null)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": np.arange(9.0), "b": np.arange(9.0)}, "9 regions are too few"),
        ({"a": np.r_[np.nan, np.arange(67.0)]}, "first map has no value in 1 of 68 regions"),
        ({"b": np.ones(68)}, "second map has one value"),
        ({"b": np.arange(67.0)}, "shapes"),
        ({"coordinates": None}, "either coordinates or distances"),
        ({"coordinates": None, "method": "spin"}, "spins need coordinates"),
        ({"method": "spin"}, "not on a sphere"),
        ({"coordinates": BRAIN[:60]}, "coordinates of shape"),
        ({"coordinates": np.r_[BRAIN[:67], BRAIN[:1]]}, "1 pairs of regions are at no distance"),
        ({"homologues": np.arange(68) + 1}, "do not pair the 68 regions"),
        ({"homologues": HOMOLOGUES}, "homologues need the hemispheres"),
        ({"hemisphere": np.arange(68)}, "68 hemisphere labels of 68 kinds"),
        ({"coordinates": None, "distances": np.eye(3)}, "distances of shape"),
        ({"method": "twist"}, "no spatial null model 'twist'"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    rng = np.random.default_rng(8)
    settings = {"a": smooth_map(rng), "b": smooth_map(rng), "coordinates": BRAIN} | change
    with pytest.raises(InputError, match=message):
        map_correlation(**settings, n_permutations=19, random_state=0)
