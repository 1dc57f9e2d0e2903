"""Mixed models by restricted maximum likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.mixed import fit_mixed, whiten_rows
from neurogenomics_kb.stats.inference.trajectories import trajectory
from tests.stats.inference.test_trajectories import children


def drawn(seed, n=300, sd=(1.5, 0.5)):
    """Unequal visits of n children whose level and growth vary with these standard deviations."""
    rng = np.random.default_rng(seed)
    visits = rng.integers(2, 6, n)
    child = np.repeat(np.arange(n), visits)
    age = rng.uniform(-2, 2, len(child))
    Z = np.column_stack([np.ones(len(child)), age])
    y = (Z * (rng.normal(size=(n, 2)) * sd)[child]).sum(axis=1) + 2 * age
    return y + rng.normal(size=len(child)), Z, child


def criterion(y, X, Z, codes, covariance, residual):
    """−2 log restricted likelihood, written out with whole matrices."""
    same = codes[:, None] == codes[None, :]
    V = residual * np.eye(len(y)) + same * (Z @ covariance @ Z.T)
    inverse = np.linalg.inv(V)
    XVX = X.T @ inverse @ X
    b = np.linalg.solve(XVX, X.T @ inverse @ y)
    r = y - X @ b
    n, p = X.shape
    return (
        np.linalg.slogdet(V)[1] + np.linalg.slogdet(XVX)[1] + r @ inverse @ r
        + (n - p) * np.log(2 * np.pi)
    )  # fmt: skip


def test_fit_is_the_maximum_of_the_likelihood_written_out():
    y, Z, child = drawn(0, n=60)
    fit = fit_mixed(y, Z, child, Z)
    best = criterion(y, Z, Z, child, fit.covariance, fit.residual)
    assert fit.criterion == pytest.approx(best, abs=1e-6)
    for change in ([[0.02, 0], [0, 0]], [[0, 0], [0, 0.02]], [[0, 0.01], [0.01, 0]]):
        for sign in (-1, 1):
            other = fit.covariance + sign * np.array(change)
            assert criterion(y, Z, Z, child, other, fit.residual) > best
    assert criterion(y, Z, Z, child, fit.covariance, fit.residual * 1.02) > best


def test_variances_are_recovered_whatever_the_unit_of_age():
    y, Z, child = drawn(1, n=2000)
    fit = fit_mixed(y, Z, child, Z)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), [1.5, 0.5], rtol=0.07)
    assert fit.residual == pytest.approx(1.0, rel=0.07)
    assert fit.coefficients[1] == pytest.approx(2.0, abs=0.06)
    months = Z * [1, 12]
    other = fit_mixed(y, months, child, months)
    # The prior of the design (X in months) shifts the criterion by a constant, 2 log 12.
    assert other.criterion - fit.criterion == pytest.approx(2 * np.log(12), abs=1e-5)
    assert other.covariance[1, 1] * 144 == pytest.approx(fit.covariance[1, 1], rel=1e-3)


def test_children_who_grow_alike_have_no_slope_of_their_own():
    boundary = 0
    for seed in range(20):
        y, Z, child = drawn(seed, n=50, sd=(1.0, 0.0))
        fit = fit_mixed(y, Z, child, Z)
        assert fit.converged
        assert np.linalg.eigvalsh(fit.covariance).min() > -1e-9
        boundary += np.linalg.eigvalsh(fit.covariance).min() < 1e-6
    # Half of the estimates lie on the boundary when the truth does.
    assert 4 <= boundary <= 19


def test_whitening_is_the_inverse_of_the_covariance():
    y, Z, child = drawn(3, n=20)
    psi = np.array([[1.2, 0.3], [0.3, 0.4]])
    same = child[:, None] == child[None, :]
    V = np.eye(len(y)) + same * (Z @ psi @ Z.T)
    np.testing.assert_allclose(whiten_rows(Z, Z, child, psi), np.linalg.solve(V, Z), atol=1e-10)
    np.testing.assert_allclose(whiten_rows(Z, Z, child, psi * 0), Z)


def test_too_few_visits_are_refused():
    y, Z, child = drawn(4, n=10)
    first = np.flatnonzero(np.r_[True, np.diff(child) > 0])
    rows = np.sort(np.r_[first, first + 1])
    with pytest.raises(InputError, match="20 rows cannot tell 2 effects of 10 groups"):
        fit_mixed(y[rows], Z[rows], child[rows], Z[rows])


def test_growth_is_estimated_more_precisely_with_slopes_and_as_often_falsely():
    rng = np.random.default_rng(5)
    effects, p = [], []
    for _ in range(150):
        n = 80
        child = np.repeat(np.arange(n), rng.integers(2, 7, n))
        age = rng.uniform(-2, 2, len(child))
        axis = rng.normal(size=n)[child] + rng.normal(size=len(child))
        y = (
            rng.normal(size=n)[child] + 1.5 * rng.normal(size=n)[child] * age
            + 0.7 * rng.normal(size=len(child))
        )  # fmt: skip
        both = [
            trajectory(axis, y, child, age[:, None], age=age, slopes=slopes).growth
            for slopes in (False, True)
        ]
        effects.append([f.effect for f in both])
        p.append([f.p_value for f in both])
    spread = np.std(effects, axis=0)
    assert spread[1] < 0.95 * spread[0]
    rate = (np.array(p) < 0.05).mean(axis=0)
    assert (rate > 0.01).all()
    assert (rate < 0.10).all(), rate


def test_intercepts_serve_where_slopes_cannot():
    rng = np.random.default_rng(6)
    axis, y, child, _, age = children(rng, 60)
    plain = trajectory(axis, y, child, age[:, None])
    without = trajectory(axis, y, child, age[:, None], slopes=True)
    assert without.within.effect == plain.within.effect
    assert "intercepts only" in without.within.note
    two = np.repeat(np.arange(40), 2)
    a = rng.normal(size=80)
    found = trajectory(a, rng.normal(size=80), two, age=np.tile([0.0, 1.0], 40), slopes=True)
    assert "intercepts only" in found.growth.note
    assert np.isfinite(found.growth.p_value)
