"""Groups whose members are alike, beyond what declared families share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.stats.inference.audit import label_permutations
from neurogenomics_kb.stats.inference.likeness import likeness, small_groups


def cohort(seed, likeness_of_groups, n=150, p=12):
    rng = np.random.default_rng(seed)
    groups = np.arange(n) // 3
    shared = rng.normal(size=(n // 3, p))[groups]
    own = rng.normal(size=(n, p))
    X = np.sqrt(likeness_of_groups) * shared + np.sqrt(1 - likeness_of_groups) * own
    order = rng.permutation(n)
    return X[order], groups[order]


def test_likeness_is_the_share_of_variance_that_groups_have_in_common():
    found = []
    for seed in range(20):
        X, groups = cohort(seed, 0.3)
        alike = likeness(X, small_groups(groups), label_permutations(150, 99))
        assert (alike.pairs, alike.groups) == (150, 50)
        assert alike.p_value == 0.01
        assert alike.tail.p_value(alike.value) < 0.002
        found.append(alike.value)
    assert np.mean(found) == pytest.approx(0.3, abs=0.02)


def test_strangers_are_not_alike_and_the_test_is_calibrated():
    found, hits = [], 0
    for seed in range(300):
        X, groups = cohort(seed, 0.0)
        alike = likeness(X, small_groups(groups), label_permutations(150, 99, random_state=seed))
        found.append(alike.value)
        hits += alike.tail.p_value(alike.value) <= 0.05
    assert abs(np.mean(found)) < 0.01
    assert stats.binomtest(int(hits), 300, 0.05).pvalue > 0.005


def test_declared_families_are_no_new_likeness():
    """Households of two families each; only families are alike."""
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        families = np.repeat(np.arange(75), 2)
        households = families // 2
        X = rng.normal(size=(150, 8)) + rng.normal(size=(75, 8))[families]
        groups = small_groups(households, families)
        rows = label_permutations(150, 99, families=families, random_state=seed)
        alike = likeness(X, groups, rows, families)
        assert alike.pairs == 37 * 4
        hits += alike.tail.p_value(alike.value) <= 0.05
    assert hits <= 12
    inside = small_groups(families, families)
    assert (inside == -1).all()  # a group inside one family is known


def test_sites_and_strangers_are_no_small_groups():
    labels = np.array(["big"] * 13 + ["pair"] * 2 + ["alone", None, None, "twelve"] + ["t"] * 12)
    groups = small_groups(labels)
    assert (groups[:13] == -1).all()
    assert groups[13] == groups[14] >= 0
    assert (groups[15:19] == -1).all()
    assert len(set(groups[19:])) == 1
    few = likeness(np.random.default_rng(0).normal(size=(31, 3)), small_groups(labels[:19].tolist()
                   + [None] * 12), label_permutations(31, 19))  # fmt: skip
    assert few.pairs == 1
    assert np.isnan(few.value)
