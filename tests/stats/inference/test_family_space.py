from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.exchangeability import Blocks, Level
from neurogenomics_kb.stats.inference.family_space import FamilySpace, sibling_structure
from neurogenomics_kb.stats.inference.residual_space import independent_design
from neurogenomics_kb.stats.inference.spaces import default_space, folds_of_space, make_space


@pytest.fixture
def family():
    return np.repeat(np.arange(60), np.random.default_rng(0).choice([1, 2, 3], 60))[:60]


@pytest.fixture
def design(family):
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(60, 4))
    Z[:, 0] = rng.normal(size=60)[family]
    return independent_design(Z, 60)


def test_basis_is_orthonormal_and_free_of_confounds(design, family):
    space = FamilySpace(design, family)
    Q = space.project(np.eye(60)).T
    np.testing.assert_allclose(Q.T @ Q, np.eye(space.size), atol=1e-12)
    np.testing.assert_allclose(design.T @ Q, 0, atol=1e-12)
    np.testing.assert_allclose(space.lift(np.eye(space.size)), Q, atol=1e-12)
    assert space.rank == 60 - space.size


def test_unrelated_people_give_the_residual_forming_matrix(design):
    space = FamilySpace(design, np.arange(60))
    Q = space.project(np.eye(60)).T
    expected = np.eye(60) - design @ np.linalg.pinv(design)
    np.testing.assert_allclose(Q @ Q.T, expected, atol=1e-12)


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_rows_of_a_class_are_uncorrelated_with_one_variance(design, family, shared):
    """Covariance of the rows, exactly, for any resemblance of siblings."""
    same = (family[:, None] == family[None, :]).astype(float)
    covariance = (1 - shared) * np.eye(60) + shared * same
    space = FamilySpace(design, family)
    Q = space.project(np.eye(60)).T
    rows = Q.T @ covariance @ Q
    np.testing.assert_allclose(rows - np.diag(np.diag(rows)), 0, atol=1e-12)
    for number in np.unique(space.classes):
        variances = np.diag(rows)[space.classes == number]
        np.testing.assert_allclose(variances, variances[0])


def test_sites_do_not_mix(design, family):
    site = (family % 2).astype(str)
    space = FamilySpace(design, family, site)
    Q = space.project(np.eye(60)).T
    for number in np.unique(space.classes):
        touched = np.abs(Q[:, space.classes == number]).max(axis=1) > 1e-12
        assert len(set(site[touched])) == 1


def test_space_follows_from_the_structure(design, family):
    def structure(*levels, **options):
        return Blocks(tuple(Level(*level) for level in levels), **options)

    site = family % 2
    assert default_space(None) == "huh-jhun"
    assert default_space(structure((family,))) == "family"
    assert default_space(structure((site, False), (family,))) == "family"
    assert default_space(structure((family,), exchange_rows=False)) == "theil"
    assert default_space(structure((site,), (family,))) == "family"
    assert default_space(structure((site,), (family, False))) == "theil"
    assert sibling_structure(structure((site, False))) is None
    with pytest.raises(InputError, match="not families"):
        make_space(design, structure((family,), exchange_rows=False), "family")
    with pytest.raises(InputError, match="leave 0 degrees of freedom"):
        make_space(independent_design(np.eye(60)[:, :58], 60), structure((family,)), "family")


def test_folds_are_even_over_classes_and_theil_keeps_its_own(design, family):
    folds = np.arange(60) % 5
    space = make_space(design, Blocks((Level(family),)), "family")
    dealt = folds_of_space(space, folds, np.random.default_rng(0))
    for number in np.unique(space.classes):
        counts = np.bincount(dealt[space.classes == number], minlength=5)
        assert np.ptp(counts) <= 1
    theil = make_space(design, None, "theil")
    np.testing.assert_array_equal(
        folds_of_space(theil, folds, np.random.default_rng(0)), folds[theil.rows]
    )


@pytest.fixture
def nested():
    """Extended families of sibships of one to three, some with sibships of several sizes."""
    rng = np.random.default_rng(5)
    sibship = np.repeat(np.arange(90), rng.choice([1, 2, 3], 90))[:120]
    return np.column_stack([rng.integers(20, size=90)[sibship], sibship])


def test_nested_families_give_uncorrelated_rows_of_one_variance(nested):
    """Whatever likeness of cousins and siblings, the rows of a class are exchangeable."""
    design = independent_design(np.random.default_rng(6).normal(size=(120, 3)), 120)
    same = [nested[:, None, level] == nested[None, :, level] for level in (0, 1)]
    covariance = 0.2 * np.eye(120) + 0.4 * same[0] + 0.4 * same[1]
    space = FamilySpace(design, nested)
    Q = space.project(np.eye(120)).T
    np.testing.assert_allclose(Q.T @ Q, np.eye(space.size), atol=1e-12)
    np.testing.assert_allclose(design.T @ Q, 0, atol=1e-12)
    np.testing.assert_allclose(space.lift(np.eye(space.size)), Q, atol=1e-12)
    rows = Q.T @ covariance @ Q
    np.testing.assert_allclose(rows - np.diag(np.diag(rows)), 0, atol=1e-12)
    for number in np.unique(space.classes):
        variances = np.diag(rows)[space.classes == number]
        np.testing.assert_allclose(variances, variances[0])


def test_directions_of_a_class_with_few_rows_are_given_up(design, family):
    space = FamilySpace(design, family)
    rows = space.project_unit_rows(np.random.default_rng(2).normal(size=(60, 3)))
    lengths = np.linalg.norm(rows, axis=1)
    classes = [lengths[space.classes == number] for number in np.unique(space.classes)]
    assert {bool(part.any()) for part in classes} == {True, False}
    assert all(part.all() for part in classes if part.any())  # a class goes as a whole


def test_one_level_of_the_nested_ones_is_what_it_was(design, family):
    once = FamilySpace(design, family)
    each_its_own = FamilySpace(design, np.column_stack([family, np.arange(60)]))
    assert once.size == each_its_own.size
    Q, R = (space.project(np.eye(60)).T for space in (once, each_its_own))
    np.testing.assert_allclose(Q @ Q.T, R @ R.T, atol=1e-12)
