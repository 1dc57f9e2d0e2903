from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.multiplicity import KEPT, adjust, gatekeep

SIZES = [(1,), (3,), (1, 2), (2, 2), (3, 1), (2, 3), (1, 1, 2), (2, 2, 1), (2, 1, 2)]
SHARES = [0.0, 0.3, KEPT, 0.9, 1.0]


@pytest.mark.parametrize("method", ["holm", "fdr_bh", "fdr_by"])
def test_adjusted_as_statsmodels_does(method):
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 60):
        for p in (rng.random(n), rng.random(n) ** 4, rng.integers(1, 5, n) / 100):
            expected = multipletests(p, method=method)[1]
            np.testing.assert_allclose(adjust(p, method), expected, rtol=1e-12)
            gaps = np.insert(p, 0, np.nan)
            np.testing.assert_allclose(adjust(gaps, method), np.insert(expected, 0, np.nan))


def test_nothing_to_adjust_and_an_unknown_way():
    assert np.isnan(adjust([np.nan, np.nan], "holm")).all()
    assert adjust([], "fdr_by").size == 0
    with pytest.raises(InputError, match="no adjustment of p-values 'hom', did you mean 'holm'"):
        adjust([0.1], "hom")


def tiers_of(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def levels(tiers, true, kept, alpha):
    """Largest p-value at which each true hypothesis is rejected where all false ones are.

    By bisection on what the function gives, the other true hypotheses far from rejection.
    """
    out = []
    for i in np.flatnonzero(true):
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            p = np.where(true, 1.0, 0.0)
            p[i] = middle
            rejected = gatekeep(p, tiers, kept=kept)[i] <= alpha
            low, high = (middle, high) if rejected else (low, middle)
        out.append(low)
    return np.array(out)


@pytest.mark.parametrize("kept", SHARES)
@pytest.mark.parametrize("sizes", SIZES)
def test_every_set_of_true_hypotheses_spends_at_most_the_level(sizes, kept):
    """Closed testing by brute force: strong control under any dependence.

    Rejections only grow as p-values shrink (tested below), so false hypotheses do most harm with a
    p-value of zero. The first true one that is rejected then meets the level that it has with all
    other true ones accepted: by Bonferroni a true hypothesis is rejected with probability at most
    the sum of these levels, and some dependence attains it.
    """
    alpha, tiers = 0.05, tiers_of(sizes)
    for true in itertools.product([False, True], repeat=len(tiers)):
        true = np.array(true)
        if true.any():
            assert levels(tiers, true, kept, alpha).sum() <= alpha * (1 + 1e-9)
    # Nothing is left unused while the first tier has a true hypothesis.
    assert levels(tiers, tiers == 0, kept, alpha).sum() == pytest.approx(alpha)


def test_local_tests_of_the_closure_give_the_same_rejections():
    """Adjusted p-values against the closed test whose local tests are these Bonferroni sums."""
    rng = np.random.default_rng(3)
    for sizes in ((2, 2), (1, 2, 1), (2, 1, 2)):
        tiers, alpha = tiers_of(sizes), 0.05
        sets = [np.array(t) for t in itertools.product([False, True], repeat=len(tiers)) if any(t)]
        local = [(true, levels(tiers, true, KEPT, alpha)) for true in sets]
        for _ in range(200):
            p = rng.random(len(tiers)) ** rng.choice([1, 4, 8])
            rejected = gatekeep(p, tiers) <= alpha
            for i in np.flatnonzero(rejected):
                # Every intersection that holds i must be rejected by its own local test.
                assert all((p[true] <= level).any() for true, level in local if true[i])


def test_rejections_grow_as_p_values_shrink():
    rng = np.random.default_rng(1)
    for _ in range(500):
        sizes = rng.integers(1, 5, rng.integers(1, 4))
        tiers = tiers_of(sizes)
        p = rng.random(len(tiers)) ** 3
        smaller = p * rng.random(len(p))
        kept = rng.choice(SHARES)
        before, after = (gatekeep(v, tiers, kept=kept) for v in (p, smaller))
        assert (after <= before + 1e-12).all()


def at_level(p, tiers, kept, alpha):
    """The procedure as it is told, step by step at one level."""
    rejected = np.zeros(len(p), dtype=bool)
    numbers = np.unique(tiers)
    for number in numbers:
        own = np.flatnonzero(tiers == number)
        n, share = len(own), 1.0 if number == numbers[-1] else kept
        r = 0
        for i in own[np.argsort(p[own])]:
            if p[i] > alpha * (share / (n - r) + (1 - share) / n):
                break
            rejected[i], r = True, r + 1
        alpha *= 1 if r == n else (1 - kept) * r / n
    return rejected


def test_adjusted_p_values_are_the_smallest_level_of_rejection():
    rng = np.random.default_rng(2)
    for _ in range(300):
        tiers = tiers_of(rng.integers(1, 5, rng.integers(1, 5)))
        p = rng.random(len(tiers)) ** rng.choice([1, 4, 8])
        kept = rng.choice(SHARES)
        adjusted = gatekeep(p, tiers, kept=kept)
        for alpha in (0.01, 0.05, 0.3, *(adjusted[adjusted < 1] * (1 + 1e-9)),
                      *(adjusted * (1 - 1e-9))):  # fmt: skip
            np.testing.assert_array_equal(adjusted <= alpha, at_level(p, tiers, kept, alpha))


def test_one_tier_is_holm_and_gaps_leave_the_family():
    p = np.array([0.01, 0.2, np.nan, 0.03])
    np.testing.assert_allclose(gatekeep(p, [7, 7, 7, 7]), adjust(p, "holm"))
    np.testing.assert_allclose(
        gatekeep([np.nan, 0.02, 0.04], [0, 1, 1]), [np.nan, *adjust([0.02, 0.04], "holm")]
    )
    assert gatekeep([], []).size == 0
    with pytest.raises(ValueError, match=r"kept 1\.5"):
        gatekeep([0.1], [0], kept=1.5)
    with pytest.raises(ValueError, match=r"\(2,\) tiers"):
        gatekeep([0.1], [0, 1])


def test_main_finding_is_not_lost_to_a_crowd():
    """One primary test at the floor of 1,000 permutations beside 75 others, as in a run."""
    p = np.concatenate([[1 / 1001], np.full(75, 1 / 1001)])
    assert adjust(p, "holm")[0] > 0.05
    found = gatekeep(p, np.repeat([0, 1], [1, 75]))
    assert found[0] == pytest.approx(1 / 1001)
    assert (found[1:] > 0.05).all()


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.7, 1.0])
def test_error_of_the_family_in_simulated_runs(correlation):
    """Two primary tests, three secondary, four exploratory; any of them may be false."""
    rng = np.random.default_rng(4)
    tiers, runs = tiers_of((2, 3, 4)), 1500
    for effect in ((0,) * 9, (4, 0, 3, 0, 0, 4, 0, 0, 0), (4, 4, 3, 3, 0, 0, 0, 0, 0),
                   (0, 4, 4, 4, 4, 0, 4, 0, 0)):  # fmt: skip
        effect = np.array(effect, dtype=float)
        common = rng.normal(size=(runs, 1))
        sign = np.where(np.arange(9) % 2, np.sign(correlation) or 1, 1)
        r = abs(correlation)
        z = np.sqrt(r) * common * sign + np.sqrt(1 - r) * rng.normal(size=(runs, 9)) + effect
        p = stats.norm.sf(z)
        wrong = sum((gatekeep(row, tiers)[effect == 0] <= 0.05).any() for row in p)
        assert stats.binomtest(wrong, runs, 0.05, alternative="greater").pvalue > 0.001
