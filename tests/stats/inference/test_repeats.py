"""Copies among any number of people, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from neurogenomics_kb.foundation import tiles
from neurogenomics_kb.stats.inference import near_rows, repeats
from neurogenomics_kb.stats.inference.near_rows import near_pairs
from neurogenomics_kb.stats.inference.repeats import (
    NEAR,
    Standardised,
    effective_dimensions,
    identical_rows,
    paired_subjects,
    repeat_tolerance,
)


@pytest.mark.parametrize("p", [40, 600])
def test_tiles_find_what_a_table_of_all_pairs_finds(monkeypatch, p):
    monkeypatch.setattr(near_rows, "TILE", 37)
    monkeypatch.setattr(tiles, "TILE", 37 * p)
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(200, p)), np.arange(200) % 5
    X[11] = X[0] + 0.05 * rng.normal(size=p)  # measured again, folds 0 and 1
    X[12] = X[0] + 0.2 * rng.normal(size=p)  # too far
    X[15] = X[5] + 0.05 * rng.normal(size=p)  # the same fold
    X[101] = X[100]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    squared = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)
    near = squared <= 2 * NEAR * (Z**2).sum(axis=1).mean()
    across = folds[:, None] != folds[None]
    assert repeat_tolerance(X) == NEAR
    assert identical_rows(X, folds, tolerance=NEAR) == np.triu(near & across, 1).sum() == 2
    assert identical_rows(X, folds) == 1


@pytest.mark.parametrize("p", [12, 300])
def test_cells_of_random_directions_find_what_tiles_find(p):
    """People measured again, from hardly to just within the limit, among 6,000."""
    rng = np.random.default_rng(1)
    X, folds = rng.normal(size=(6000, p)) @ np.diag(np.linspace(1, 2, p)), np.arange(6000) % 2
    noise = rng.uniform(0.02, 0.16, size=(1000, 1)) * rng.normal(size=(1000, p))
    X[1:2000:2] = X[0:2000:2] + noise * np.linspace(1, 2, p)
    Z = Standardised(X)
    limit = 2 * NEAR * float((Z.rows(np.arange(6000)) ** 2).sum(axis=1).mean())
    found = near_pairs(Z.rows, 6000, folds, limit)
    squared = ((Z.rows(np.arange(0, 2000, 2)) - Z.rows(np.arange(1, 2000, 2))) ** 2).sum(axis=1)
    planted = np.flatnonzero(squared <= limit)
    assert 600 < len(planted) < 950
    assert set(2 * planted) <= set(found[:, 0])  # 1e-5 are missed
    # Nobody else is so near, but by chance in few dimensions.
    others = found[found[:, 1] != found[:, 0] + 1]
    assert len(others) == 0 or p == 12


def test_rows_that_no_cell_parts_are_looked_through_in_tiles(monkeypatch):
    monkeypatch.setattr(near_rows, "ALL_PAIRS", 100)
    rng = np.random.default_rng(0)
    points = 1e-3 * rng.normal(size=(300, 5))
    points[0] += 1e3
    found = near_pairs(lambda at: points[at], 300, np.arange(300), 1.0)
    assert len(found) == 299 * 298 / 2
    assert (found[:, 0] > 0).all()


def test_effective_dimensions_from_random_combinations(monkeypatch):
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(400, 300))
    few = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 300)) + 0.05 * wide
    middle = rng.normal(size=(400, 9)) @ rng.normal(size=(9, 300)) + 0.05 * wide
    exact = [effective_dimensions(Standardised(X)) for X in (wide, few, middle)]
    monkeypatch.setattr(repeats, "WHOLE", 10)
    told = [effective_dimensions(Standardised(X)) for X in (wide, few, middle)]
    assert told[0] == pytest.approx(exact[0], rel=0.25)
    assert told[1] == pytest.approx(exact[1], rel=0.5)
    assert told[2] == pytest.approx(exact[2], abs=1e-9)  # near the cut: computed


def test_columns_with_gaps_count_a_gap_as_one_value():
    X = np.random.default_rng(0).normal(size=(40, 12))
    X[:21] = np.nan
    assert repeat_tolerance(X) < 1e-6  # 19 values and a gap in 40 rows


def test_copies_of_copies_are_counted_as_pairs():
    X = np.random.default_rng(0).normal(size=(30, 3))
    X[[0, 1, 2, 3]] = X[0]
    folds = np.array([0, 0, 1, 2] + [0] * 26)
    assert identical_rows(X, folds) == 5  # six pairs, one of them inside a fold


def test_thousands_of_people_need_no_table_of_pairs():
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(12_000, 30)).astype(float), np.arange(12_000) % 5
    X[1] = X[0] + 0.02 * rng.normal(size=30)
    X[7003] = X[7001]
    tracemalloc.start()
    found = identical_rows(X, folds, tolerance=repeat_tolerance(X))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 2
    assert peak < 400e6  # 12,000 by 12,000 doubles are 1,152 MB


def test_more_people_than_can_be_paired_are_drawn():
    assert (paired_subjects(50) == np.arange(50)).all()
    drawn = paired_subjects(1000, largest=100)
    assert len(np.unique(drawn)) == 100
    assert (np.diff(drawn) > 0).all()
    assert (drawn == paired_subjects(1000, largest=100)).all()
