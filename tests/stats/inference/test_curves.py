from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.simulate.violations import Violation, simulate_violation
from neurogenomics_kb.stats.inference.canonical import orthonormal_side
from neurogenomics_kb.stats.inference.curves import curve_test
from neurogenomics_kb.stats.inference.exchangeability import Exchangeability
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, independent_design


def run_on(settings: Violation, seed: int, level: float = 0.05):
    drawn = simulate_violation(settings, seed)
    sites = np.eye(4)[drawn.site][:, 1:]
    Z = np.column_stack([drawn.age, drawn.male, sites])
    curves = np.column_stack([
        drawn.age**2, drawn.age**3, drawn.age * drawn.male, drawn.age[:, None] * sites,
        drawn.male[:, None] * sites,
    ])  # fmt: skip
    space = HuhJhun(independent_design(Z, len(Z)))
    sides = tuple(orthonormal_side(space.project(A), None) for A in (drawn.x, drawn.y))
    exchange = Exchangeability(None, space.size)
    found = curve_test(
        sides, space.project(curves), exchange, level=level, n_permutations=199, random_state=seed
    )
    return found, sides, space, curves


@pytest.mark.parametrize(
    "settings",
    [Violation(age_squared=0.6), Violation(age_by_site=0.7), Violation(sex_by_age=1.0)],
    ids=["age²", "age × site", "age × sex"],
)
def test_curves_on_both_sides_are_seen(settings):
    for seed in range(10):
        found = run_on(settings, seed)[0]
        assert found.p_value == 0.005
        assert found.change > 0.2


@pytest.mark.parametrize(
    "settings",
    [Violation(), Violation(axis=0.7), Violation(age_squared=0.6, one_sided=True)],
    ids=["nothing", "axis", "one side"],
)
def test_curves_on_no_side_or_one_are_no_alarm(settings):
    p = np.array([run_on(settings, seed)[0].p_value for seed in range(60)])
    assert (p <= 0.05).mean() <= 0.1


def test_the_change_is_that_of_the_richer_design():
    """The correlation without curves equals that of a space made of both designs."""
    found, sides, space, curves = run_on(Violation(age_squared=0.6), 3)
    drawn = simulate_violation(Violation(age_squared=0.6), 3)
    both = HuhJhun(independent_design(np.hstack([space.design[:, 1:], curves]), 150))
    x, y = (np.linalg.qr(both.project(A))[0] for A in (drawn.x, drawn.y))
    rich = np.linalg.svd(x.T @ y, compute_uv=False)[0]
    plain = np.linalg.svd(sides[0].basis.T @ sides[1].basis, compute_uv=False)[0]
    assert found.correlation == pytest.approx(plain)
    assert found.correlation - found.change == pytest.approx(rich, abs=1e-6)
    projected = np.linalg.qr(space.project(curves))[0]
    share = np.linalg.norm(projected.T @ sides[0].data) ** 2 / np.linalg.norm(sides[0].data) ** 2
    assert found.share_x == pytest.approx(share)


def test_curves_that_the_design_holds_are_not_run_on():
    _, sides, space, _ = run_on(Violation(), 0)
    own = space.project(space.design[:, 1:2])
    own[np.abs(own) < 1e-9] = 0.0
    exchange = Exchangeability(None, space.size)
    assert curve_test(sides, own, exchange, level=0.05) is None
    many = np.random.default_rng(0).normal(size=(space.size, space.size - 5))
    assert curve_test(sides, many, exchange, level=0.05) is None


def test_what_could_be_seen_is_seen_in_most_cohorts():
    """Two curves whose share is what is called visible are found in about 80 of 100."""
    shares, visible, fired = [], [], []
    for seed in range(40):
        found = run_on(Violation(age_squared=0.28), seed)[0]
        shares.append(min(found.share_x, found.share_y))
        visible.append(found.visible)
        fired.append(max(found.p_x, found.p_y) <= 0.05)
    near = np.array(shares) >= np.array(visible)
    assert np.array(fired)[near].all()
    assert 0.2 < near.mean() < 1.0
