"""Warnings see what they are for, and stay silent where a true axis is all there is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.simulate.violations import Violation, simulate_violation
from neurogenomics_kb.stats.inference.canonical import orthonormal_side
from neurogenomics_kb.stats.inference.exchangeability import Exchangeability
from neurogenomics_kb.stats.inference.exchangeable_rows import (
    _families,
    _pairs_alike,
    _products,
    _rearranged,
    beside_axes,
    row_lengths,
    scale_by_group,
    shared_likeness,
    shared_scale,
)
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, independent_design


def rows_of(drawn, n_axes=1):
    Z = np.column_stack([drawn.age, drawn.male, np.eye(4)[drawn.site][:, 1:]])
    space = HuhJhun(independent_design(Z, len(Z)))
    sides = tuple(orthonormal_side(space.project(A), None) for A in (drawn.x, drawn.y))
    return space, beside_axes(sides, n_axes)


def lengths_of(settings: Violation, seed: int):
    drawn = simulate_violation(settings, seed)
    space, rows = rows_of(drawn)
    return tuple(row_lengths(part, space) for part in rows), drawn


def scale_p(settings: Violation, seed: int) -> float:
    lengths, _ = lengths_of(settings, seed)
    n = len(lengths[0])
    return shared_scale(
        lengths, np.zeros(n), Exchangeability(None, n), level=0.015, n_permutations=199,
        random_state=seed,
    ).p_value  # fmt: skip


@pytest.mark.parametrize(
    "settings", [Violation(person_scale=0.35), Violation(tails=3)], ids=["people", "t3"]
)
def test_a_shared_scale_is_seen(settings):
    assert np.mean([scale_p(settings, seed) <= 0.015 for seed in range(20)]) >= 0.9


@pytest.mark.parametrize("axis", [0.0, 0.5, 0.7])
def test_an_axis_is_no_scale(axis):
    p = [scale_p(Violation(axis=axis), seed) for seed in range(60)]
    assert np.mean(np.array(p) <= 0.015) <= 0.1
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_sites_that_scatter_more_in_both_blocks_are_seen_and_in_one_are_not():
    hits, one = [], []
    for seed in range(20):
        lengths, drawn = lengths_of(Violation(site_scales=(1, 1.15, 1.3, 1.5)), seed)
        hits.append(scale_by_group(lengths, drawn.site, level=0.05, n_permutations=99).p_value)
        other, _ = lengths_of(Violation(), seed + 1000)
        both = (lengths[0], other[1])
        one.append(scale_by_group(both, drawn.site, level=0.05, n_permutations=99).p_value)
    assert np.mean(np.array(hits) <= 0.05) >= 0.7
    assert np.mean(np.array(one) <= 0.05) <= 0.2


def test_siblings_inside_an_extended_family_are_seen_and_equal_members_are_not():
    found = {}
    for name, shares in (("nested", (0.4, 0.4, 0.2)), ("flat", (0.5, 0.0, 0.5))):
        p = []
        for seed in range(20):
            drawn = simulate_violation(Violation(extended=shares), seed)
            space, rows = rows_of(drawn)
            people = tuple(space.lift(part) for part in rows)
            found_one = shared_likeness(people, drawn.family, level=0.015, n_permutations=199,
                                        random_state=seed)  # fmt: skip
            p.append(found_one.p_value)
        found[name] = np.mean(np.array(p) <= 0.015)
    assert found["nested"] >= 0.8
    assert found["flat"] <= 0.15


def test_likeness_of_pairs_is_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    a, b, codes = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), np.repeat([0, 1, 2], [2, 3, 4])
    naive = sum(
        (a[i] @ a[j]) * (b[i] @ b[j])
        for i in range(9) for j in range(9) if i != j and codes[i] == codes[j]
    )  # fmt: skip
    places = _families(codes)
    products = _products(b, places)
    assert _pairs_alike(_products(a, places), products) == pytest.approx(naive)
    order = np.array([1, 0, 3, 4, 2, 8, 5, 7, 6])
    moved = _rearranged(products, order, places)
    for mine, made in zip(moved, _products(b[order], places), strict=True):
        np.testing.assert_allclose(mine, made, atol=1e-12)


def test_what_could_be_seen_is_what_is_seen():
    """Scales of the size that is called visible fire in about 80 of 100 cohorts."""
    fired, values, visible = [], [], []
    for seed in range(60):
        lengths, _ = lengths_of(Violation(person_scale=0.19), seed)
        found = shared_scale(lengths, np.zeros(150), Exchangeability(None, 150), level=0.05,
                             n_permutations=199, random_state=seed)  # fmt: skip
        fired.append(found.p_value <= 0.05)
        values.append(found.value)
        visible.append(found.visible)
    # Power at the mean of the values follows from where it lies relative to what is visible.
    shift = stats.norm.ppf(0.8) + (np.mean(values) - np.mean(visible)) / np.std(values)
    assert abs(np.mean(fired) - stats.norm.cdf(shift)) < 0.15


def test_nothing_is_known_of_a_single_column_or_of_pairs_alone():
    drawn = simulate_violation(Violation(columns=(6, 1)), 0)
    assert rows_of(drawn)[1] is None
    _, rows = rows_of(simulate_violation(Violation(), 0))
    pairs = np.arange(150) // 2
    space, _ = rows_of(simulate_violation(Violation(), 0))
    people = tuple(space.lift(part) for part in rows)
    assert np.isnan(shared_likeness(people, pairs, level=0.015).p_value)
    lengths = tuple(row_lengths(part, space) for part in rows)
    assert np.isnan(scale_by_group(lengths, np.zeros(150), level=0.05).p_value)
    flat = (np.ones(150), lengths[1])
    assert np.isnan(
        shared_scale(flat, np.zeros(150), Exchangeability(None, 150), level=0.05).p_value
    )


def test_axes_leave_half_of_the_smaller_side():
    drawn = simulate_violation(Violation(), 1)
    _, rows = rows_of(drawn, n_axes=10)
    assert [np.linalg.matrix_rank(part) for part in rows] == [4, 2]
