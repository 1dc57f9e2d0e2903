from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from neurogenomics_kb.stats.inference.trajectories import intercept_ratio, trajectory, weighted_fit


def children(rng, n=120, *, within=0.0, between=0.0, growth=0.0, slopes=0.0):
    """Siblings in pairs; children differ in level and (with `slopes`) in growth."""
    visits = rng.integers(1, 4, n)
    child = np.repeat(np.arange(n), visits)
    family = child // 2
    age = rng.uniform(-2, 2, len(child))
    lasting = rng.normal(size=n)[child]
    change = rng.normal(size=len(child))
    axis = lasting + change
    y = (
        between * lasting + within * change + growth * lasting * age + 0.5 * age
        + rng.normal(size=n)[child] + 0.7 * rng.normal(size=n // 2)[family]
        + slopes * rng.normal(size=n)[child] * age + rng.normal(size=len(child))
    )  # fmt: skip
    return axis, y, child, family, age


def test_lasting_differences_and_change_are_told_apart():
    rng = np.random.default_rng(0)
    axis, y, child, family, age = children(rng, 400, within=-0.8, between=0.8)
    found = trajectory(axis, y, child, age[:, None], clusters=family)
    assert found.between.effect > 0.2
    assert found.between.p_value < 1e-3
    assert found.within.effect < -0.2
    assert found.within.p_value < 1e-3
    assert found.growth is None


def test_growth_that_depends_on_the_axis_is_found():
    rng = np.random.default_rng(1)
    axis, y, child, family, age = children(rng, 400, growth=0.5, slopes=0.3)
    found = trajectory(axis, y, child, age[:, None], age=age, clusters=family)
    assert found.growth.effect > 0.1
    assert found.growth.p_value < 1e-3


def test_nulls_are_rejected_five_times_in_a_hundred_though_children_grow_differently():
    rng = np.random.default_rng(2)
    p = []
    for _ in range(250):
        axis, y, child, family, age = children(rng, slopes=0.7)
        found = trajectory(axis, y, child, age[:, None], age=age, clusters=family)
        p.append([found.between.p_value, found.within.p_value, found.growth.p_value])
    rate = (np.array(p) < 0.05).mean(axis=0)
    assert (rate > 0.02).all()
    assert (rate < 0.09).all(), rate


def test_visits_that_count_as_people_reject_too_often():
    rng = np.random.default_rng(3)
    naive = []
    for _ in range(200):
        axis, y, child, _, _ = children(rng)
        lasting = (np.bincount(child, axis) / np.bincount(child))[child]
        naive.append(sm.OLS(y, sm.add_constant(lasting)).fit().pvalues[1])
    assert np.mean(np.array(naive) < 0.05) > 0.1


def test_the_fit_is_that_of_the_mixed_model():
    rng = np.random.default_rng(4)
    axis, y, child, _, age = children(rng, 200, between=0.5)
    X = np.column_stack([axis, np.ones(len(y)), age])
    ratio, _ = intercept_ratio(y, X, child)
    coefficient, _ = weighted_fit(y, X, child, child, ratio)
    model = sm.MixedLM(y, X, child).fit(reml=True)
    np.testing.assert_allclose(coefficient, model.fe_params, rtol=1e-4)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda child: child < 6, "clusters are too few"),
        (lambda child: np.r_[True, child[1:] != child[:-1]], "does not vary within children"),
    ],
)
def test_what_cannot_be_asked_is_said(keep, message):
    rng = np.random.default_rng(5)
    axis, y, child, family, _ = children(rng)
    rows = keep(child)
    found = trajectory(axis[rows], y[rows], child[rows], clusters=family[rows])
    assert np.isnan(found.within.p_value)
    assert message in found.within.note
