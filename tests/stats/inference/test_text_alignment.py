from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.text_alignment import (
    describe_axis,
    leave_one_out_weights,
    space_alignment,
)

UNITS, CONCEPTS, DIM = 24, 8, 12


def texts(rng, n=UNITS):
    """Vectors that share a direction, as those of language models do."""
    return rng.normal(size=(n, DIM)) + 3


def described(rng, strengths=None, units=None, **settings):
    units = texts(rng) if units is None else units
    strengths = rng.gamma(2, size=UNITS) if strengths is None else strengths
    settings = {"n_permutations": 99, "random_state": int(rng.integers(1 << 30))} | settings
    return describe_axis(strengths, units, texts(rng, CONCEPTS), **settings)


def uniform(p, at=(0.05, 0.25, 0.5)):
    """Shares of p-values below some levels lie within binomial error of these."""
    for level in at:
        low, high = stats.binom(len(p), level).ppf([0.001, 0.999]) / len(p)
        assert low <= np.mean(np.array(p) <= level) <= high, (level, np.mean(np.array(p) <= level))


def test_axes_that_have_nothing_to_do_with_texts_are_described_in_one_of_twenty():
    rng = np.random.default_rng(0)
    found = [described(rng) for _ in range(300)]
    uniform([each.p_adjusted.min() for each in found])
    uniform([each.p_values[0] for each in found])
    # Taken as tests of their own, eight concepts would find something far more often.
    assert np.mean([each.p_values.min() <= 0.05 for each in found]) > 0.2


def grouped(rng, share, groups=6):
    """Units whose texts and sizes follow a group, and whose sizes have nothing to do with texts."""
    of = np.repeat(np.arange(groups), UNITS // groups)
    units = texts(rng) + 1.5 * rng.normal(size=(groups, DIM))[of]
    sizes = np.sqrt(share) * rng.normal(size=groups)[of]
    return of, units, sizes + np.sqrt(1 - share) * rng.normal(size=UNITS)


def test_groups_alike_in_size_and_text_fool_free_permutation_and_not_that_inside_of_groups():
    rng = np.random.default_rng(8)
    free, within = [], []
    for _ in range(300):
        of, units, sizes = grouped(rng, share=0.7)
        found = described(rng, strengths=sizes, units=units, groups=of)
        free.append(found.p_adjusted.min())
        within.append(found.p_within.min())
    assert np.mean(np.array(free) <= 0.05) > 0.1
    uniform(within)


def test_what_is_left_inside_of_groups_is_found_and_too_few_orders_say_nothing():
    rng = np.random.default_rng(9)
    of, units, _ = grouped(rng, share=0.5)
    concepts = texts(rng, CONCEPTS)
    middle = np.vstack([units, concepts]).mean(axis=0)
    one, other = units - middle, concepts[0] - middle
    near = one @ other / np.linalg.norm(one, axis=1)
    settings = {"n_permutations": 199, "random_state": 0}
    found = describe_axis(near, units, concepts, groups=of, **settings)
    assert found.p_within[0] == 1 / 200
    alone = describe_axis(near, units, concepts, groups=np.arange(UNITS), **settings)
    assert np.isnan(alone.p_within).all()
    assert np.isnan(describe_axis(near, units, concepts, **settings).p_within).all()


def test_blocks_that_follow_groups_fool_likeness_and_not_that_inside_of_groups():
    rng = np.random.default_rng(10)
    free, within, ranks = [], [], []
    for seed in range(200):
        of, units, _ = grouped(rng, share=0.5)
        vectors = rng.normal(size=(6, 20))[of] + rng.normal(size=(UNITS, 20))
        found = space_alignment(vectors @ vectors.T, units, groups=of, n_permutations=59,
                                random_state=seed)  # fmt: skip
        free.append(found.likeness_p)
        within.append(found.likeness_within)
        ranks.append(found.rank_within)
    assert np.mean(np.array(free) <= 0.05) > 0.3
    uniform(within, at=(0.05, 0.25))
    uniform(ranks, at=(0.05, 0.25))


def test_a_planted_concept_is_found_and_ranked_first():
    rng = np.random.default_rng(1)
    units, concepts = texts(rng), texts(rng, CONCEPTS)
    middle = np.vstack([units, concepts]).mean(axis=0)
    one, other = units - middle, concepts - middle
    sizes = np.outer(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))
    cosines = one @ other.T / sizes
    near = cosines[:, 3]
    strengths = (near - near.mean()) / near.std() + 0.3 * rng.normal(size=UNITS)
    found = describe_axis(strengths, units, concepts, n_permutations=199, random_state=0)
    assert found.order[0] == 3
    assert found.p_adjusted[3] == 1 / 200
    assert (found.p_adjusted >= found.p_values).all()
    assert (np.diff(found.statistics[found.order]) <= 0).all()
    for c in range(CONCEPTS):
        expected = np.corrcoef(strengths, cosines[:, c])[0, 1]
        assert found.statistics[c] == pytest.approx(expected)
    # Far from a concept is no description by it.
    opposite = describe_axis(-strengths, units, concepts, n_permutations=199, random_state=0)
    assert opposite.p_values[3] == 1


def test_blocks_that_have_nothing_to_do_with_texts_align_in_one_of_twenty():
    rng = np.random.default_rng(2)
    likeness, ranks = [], []
    for seed in range(300):
        vectors = rng.normal(size=(14, 5)) * np.linspace(1, 3, 14)[:, None]
        found = space_alignment(vectors @ vectors.T, texts(rng, 14), n_permutations=99,
                                random_state=seed)  # fmt: skip
        likeness.append(found.likeness_p)
        ranks.append(found.rank_p)
    uniform(likeness)
    uniform(ranks)


def test_a_planted_alignment_is_found_by_both():
    rng = np.random.default_rng(3)
    units = texts(rng)
    vectors = units @ rng.normal(size=(DIM, 30)) + rng.normal(size=(UNITS, 30))
    found = space_alignment(vectors @ vectors.T, units, n_permutations=199, random_state=0)
    assert found.likeness_p == found.rank_p == 1 / 200
    assert found.rank > 0.85
    assert found.recall > 0.6
    assert (found.n_units, found.nearest) == (UNITS, 2)


def test_a_map_that_none_but_the_others_taught_is_not_fooled_by_the_own_text():
    """With the unit itself in the fit, any block would find any text."""
    rng = np.random.default_rng(4)
    vectors, units = rng.normal(size=(UNITS, 200)), texts(rng)
    found = space_alignment(vectors @ vectors.T, units, n_permutations=99, random_state=0)
    assert abs(found.rank - 0.5) < 0.2
    assert abs(found.rank_null - 0.5) < 0.02
    assert abs(found.likeness_null) < 0.02
    K = vectors @ vectors.T
    hat = K @ np.linalg.inv(K + 0.1 * np.trace(K) / UNITS * np.eye(UNITS))
    naive = hat @ (units - units.mean(axis=0))
    own = np.argmax(naive @ (units - units.mean(axis=0)).T, axis=1) == np.arange(UNITS)
    assert own.mean() > 0.9


def test_weights_are_those_of_ridge_regression_without_the_unit():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(10, 4)) + 2, rng.normal(size=(10, 3))
    W = leave_one_out_weights(X @ X.T)
    for i in range(10):
        others = np.delete(np.arange(10), i)
        alpha = ((X[others] - X[others].mean(axis=0)) ** 2).sum() / 9
        expected = Ridge(alpha=alpha).fit(X[others], Y[others]).predict(X[[i]])[0]
        np.testing.assert_allclose(W[i] @ Y, expected - Y[others].mean(axis=0), atol=1e-10)
    assert np.diag(W).tolist() == [0] * 10


def test_the_seed_gives_the_permutations():
    one, two, other = (described(np.random.default_rng(6), random_state=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.p_values, two.p_values)
    assert not np.array_equal(one.p_values, other.p_values)


def test_what_cannot_be_told_is_refused():
    rng = np.random.default_rng(7)
    with pytest.raises(InputError, match="4 units and 4 texts; at least 5"):
        describe_axis(np.ones(4), texts(rng, 4), texts(rng, 2))
    with pytest.raises(InputError, match="24 units and 23 texts"):
        space_alignment(np.eye(24), texts(rng, 23))
    with pytest.raises(InputError, match="strengths do not vary"):
        described(rng, strengths=np.full(UNITS, 0.3))
    with pytest.raises(InputError, match="likenesses of the texts do not vary"):
        described(rng, units=np.ones((UNITS, DIM)))
    with pytest.raises(InputError, match="similarities of the units do not vary"):
        space_alignment(np.ones((UNITS, UNITS)), texts(rng))
    vectors = rng.normal(size=(UNITS, 3))
    with pytest.raises(InputError, match="similarities of the texts do not vary"):
        space_alignment(vectors @ vectors.T, np.ones((UNITS, DIM)))
