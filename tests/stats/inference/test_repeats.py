"""Copies among any number of people, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from neurogenomics_kb.stats.inference import repeats
from neurogenomics_kb.stats.inference.repeats import (
    NEAR,
    identical_rows,
    paired_subjects,
    repeat_tolerance,
)


@pytest.mark.parametrize("p", [40, 600])
def test_tiles_find_what_a_table_of_all_pairs_finds(monkeypatch, p):
    monkeypatch.setattr(repeats, "TILE", 37)
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
