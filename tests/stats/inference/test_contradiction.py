"""What an axis should hold out, and who contradicts it."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.stats.inference.contradiction import (
    Expected,
    _held_out,
    _in_sample,
    _leading,
    _products,
    _wishart_root,
    expected_held_out,
)


def test_products_are_those_of_normal_rows():
    rng = np.random.default_rng(0)
    drawn = np.mean(
        [_products([_wishart_root(rng, 40, 5)], 0.6, 3)[0] for _ in range(3000)], axis=0
    )
    expected = 40 * np.eye(5)
    expected[0, 3] = expected[3, 0] = 40 * 0.6
    np.testing.assert_allclose(drawn, expected, atol=1.2)
    few = _wishart_root(rng, 4, 5)  # a fold with fewer people than columns
    assert few.shape == (5, 4)


def test_held_out_means_are_those_of_drawn_people():
    """Canonical correlation of rows, fold by fold, against that of their products."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(100, 3)), rng.normal(size=(100, 2))
    Y[:, 0] = 0.5 * X[:, 0] + np.sqrt(0.75) * Y[:, 0]
    rows = np.hstack([X, Y])
    parts = [rows[k::5].T @ rows[k::5] for k in range(5)]
    found = []
    for k in range(5):
        train = np.arange(100) % 5 != k
        _, a, b = _leading(rows[train].T @ rows[train], 3)
        u, v = X[~train] @ a, Y[~train] @ b
        found.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    assert _held_out(parts, 3) == pytest.approx(np.mean(found))


def test_weak_axes_contradict_nothing_and_strong_ones_do():
    weak = expected_held_out(0.42, 150, (6, 4), 5)
    assert 0.1 <= weak.weakest <= 0.3
    assert weak.low < 0
    assert not weak.contradicts(0.0)
    strong = expected_held_out(0.75, 150, (6, 4), 5)
    assert strong.weakest > 0.6
    assert strong.contradicts(0.1)
    assert not strong.contradicts(0.6)
    chance = expected_held_out(0.25, 150, (6, 4), 5)
    assert chance.weakest == 0
    assert not chance.contradicts(-0.9)
    assert weak == expected_held_out(0.42, 150, (6, 4), 5)


def test_true_axes_are_rarely_called_contradictions():
    """Whatever the axis, a held-out mean below the bound comes once in 200 or less."""
    for true in (0.4, 0.7):
        rng = np.random.default_rng(1)
        hits = 0
        for _ in range(30):
            draw = [_wishart_root(rng, 30, 10) for _ in range(5)]
            seen = _in_sample([draw], true, 6)[0]
            expected = expected_held_out(seen, 150, (6, 4), 5, n_simulations=40)
            hits += expected.contradicts(_held_out(_products(draw, true, 6), 6))
        assert hits <= 2


def test_too_few_people_are_not_known():
    found = expected_held_out(0.9, 20, (10, 10), 5)
    assert np.isnan(found.weakest)
    assert not Expected(np.nan, np.nan).contradicts(-1.0)
