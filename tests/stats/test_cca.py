from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import subspace_angles

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.cca import permutation_cca
from neurogenomics_kb.stats.inference.canonical import (
    align_components,
    column_correlations,
    fit_cca,
    wilks,
)


def data(n=150, p=5, q=4, r=3, seed=0, signal=0.0):
    rng = np.random.default_rng(seed)
    Z, axis = rng.normal(size=(n, r)), rng.normal(size=n)
    X = Z @ rng.normal(size=(r, p)) + rng.normal(size=(n, p))
    Y = Z @ rng.normal(size=(r, q)) + rng.normal(size=(n, q))
    X[:, 0] += signal * axis
    Y[:, 0] += signal * axis
    return X, Y, Z


def residuals(A, Z):
    design = np.column_stack([np.ones(len(Z)), Z])
    return A - design @ np.linalg.lstsq(design, A, rcond=None)[0]


def test_correlations_are_cosines_between_the_residual_subspaces():
    X, Y, Z = data()
    result = permutation_cca(X, Y, confounds=Z, n_components=4, n_permutations=19)
    expected = np.cos(subspace_angles(residuals(X, Z), residuals(Y, Z)))[::-1]
    np.testing.assert_allclose(result.correlations, np.sort(expected)[::-1], atol=1e-10)
    assert (result.n, result.n_effective) == (150, 146)


def test_scores_weights_and_loadings_agree():
    X, Y, Z = data(signal=1.5)
    result = permutation_cca(X, Y, confounds=Z, n_permutations=19)
    RX, RY = residuals(X, Z), residuals(Y, Z)
    np.testing.assert_allclose(result.x_scores, RX @ result.x_weights, atol=1e-8)
    np.testing.assert_allclose(result.y_scores, RY @ result.y_weights, atol=1e-8)
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(result.x_scores.T, result.y_scores.T, strict=True)]
    np.testing.assert_allclose(r, result.correlations, atol=1e-10)
    loading = np.corrcoef(RX[:, 0], result.x_scores[:, 0])[0, 1]
    assert result.x_loadings[0, 0] == pytest.approx(loading)
    assert abs(result.x_loadings[:, 0]).argmax() == 0


def test_invariant_to_linear_transforms_of_a_side():
    X, Y, Z = data(signal=0.5)
    A = np.random.default_rng(9).normal(size=(5, 5))
    one = permutation_cca(X, Y, confounds=Z, n_permutations=99, random_state=3)
    two = permutation_cca(X @ A + 4, Y, confounds=Z, n_permutations=99, random_state=3)
    np.testing.assert_allclose(one.correlations, two.correlations, atol=1e-9)
    np.testing.assert_allclose(one.p_values, two.p_values, atol=0.02)


def test_jobs_do_not_change_the_result():
    X, Y, Z = data()
    one, two = (
        permutation_cca(X, Y, confounds=Z, n_permutations=40, random_state=5, n_jobs=jobs)
        for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.null, two.null)
    np.testing.assert_array_equal(one.p_values, two.p_values)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5)])
def test_wilks_of_all_trailing_blocks_equals_determinants(shape):
    G = np.random.default_rng(0).normal(size=shape) * 0.15
    expected = [
        -np.linalg.slogdet(np.eye(shape[0] - k) - G[k:, k:] @ G[k:, k:].T)[1]
        for k in range(min(shape))
    ]
    np.testing.assert_allclose(wilks(G), expected, atol=1e-12)


def test_pca_inside_the_residual_space_caps_the_dimension():
    X, Y, Z = data(n=80, p=40)
    result = permutation_cca(X, Y, confounds=Z, n_permutations=19, pca=(6, None))
    assert (result.x_dim, result.y_dim) == (6, 4)
    values = np.linalg.svd(residuals(X, Z), compute_uv=False) ** 2
    assert result.x_variance == pytest.approx(values[:6].sum() / values.sum())
    assert result.x_weights.shape == (40, 3)


def test_separate_confounds_of_each_side():
    X, Y, Z = data(seed=2)
    result = permutation_cca(
        X, Y, confounds=Z[:, :2], y_confounds=Z[:, 2:], n_components=4, n_permutations=19
    )
    expected = np.cos(subspace_angles(residuals(X, Z[:, :2]), residuals(Y, Z[:, 2:])))
    np.testing.assert_allclose(result.correlations, np.sort(expected)[::-1], atol=1e-9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, Y, Z: (X[:12], Y[:12], Z[:12]), r"5 \+ 4 variables with 8 residual degrees"),
        (lambda X, Y, Z: (X, Y[:50], Z), "X has 150 rows and Y has 50"),
        (lambda X, Y, Z: (np.where(X > 2, np.nan, X), Y, Z), "X holds missing"),
        (lambda X, Y, Z: (X, Y, np.tile(Z, (1, 1))[:20]), "confounds have 20 rows"),
        (lambda X, Y, Z: (np.ones_like(X), Y, Z), "nothing varies"),
        (lambda X, Y, Z: (X[:5], Y[:5], np.eye(5)), "5 independent confounds"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_numbers(change, words):
    X, Y, Z = change(*data())
    with pytest.raises(InputError, match=words):
        permutation_cca(X, Y, confounds=Z, n_permutations=19)


def test_only_the_planted_component_is_significant():
    hits = np.zeros(2)
    for seed in range(40):
        X, Y, Z = data(n=120, signal=2.0, seed=seed)
        p = permutation_cca(X, Y, confounds=Z, n_permutations=99, random_state=seed).p_values
        hits += p[:2] <= 0.05
        assert (np.diff(p) >= 0).all()
    assert hits[0] == 40
    assert stats.binomtest(int(hits[1]), 40, 0.05).pvalue > 0.001


def naive_p(X, Y, Z, rng, n=99):
    """What the field often does: permute rows of residuals."""

    def first(A, B):
        return np.cos(subspace_angles(A, B)).max()

    RX, RY = residuals(X, Z), residuals(Y, Z)
    observed = first(RX, RY)
    return (1 + sum(first(RX, RY[rng.permutation(len(RY))]) >= observed for _ in range(n))) / (
        1 + n
    )


def test_calibrated_with_many_confounds_where_the_naive_test_is_not():
    ours = naive = 0
    for seed in range(150):
        X, Y, Z = data(n=60, r=25, seed=seed)
        ours += (
            permutation_cca(X, Y, confounds=Z, n_permutations=99, random_state=seed).p_values[0]
            <= 0.05
        )
        if seed < 60:
            naive += naive_p(X, Y, Z, np.random.default_rng(seed), 39) <= 0.05
    assert stats.binomtest(int(ours), 150, 0.05).pvalue > 0.001
    assert stats.binomtest(int(naive), 60, 0.05, alternative="greater").pvalue < 1e-4


def test_families_need_blocks():
    blocked = free = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        families = np.concatenate([np.arange(40), 100 + np.repeat(np.arange(30), 2)])
        codes = np.unique(families, return_inverse=True)[1]
        Z = rng.normal(size=(100, 4))
        X, Y = (rng.normal(size=(100, 6)) + 1.5 * rng.normal(size=(70, 6))[codes] for _ in "XY")
        options = {"confounds": Z, "n_permutations": 99, "random_state": seed}
        blocked += permutation_cca(X, Y, blocks=families, **options).p_values[0] <= 0.05
        free += permutation_cca(X, Y, **options).p_values[0] <= 0.05
    assert stats.binomtest(int(blocked), 120, 0.05).pvalue > 0.001
    assert stats.binomtest(int(free), 120, 0.05, alternative="greater").pvalue < 1e-4


def test_held_out_scores_use_training_weights():
    X, Y, _ = data(n=200, signal=2.0)
    model = fit_cca(X[:150], Y[:150], 2)
    U, V = model.score(X[:150], Y[:150])
    np.testing.assert_allclose(column_correlations(U, V), model.correlations, atol=1e-9)
    np.testing.assert_allclose(U.std(axis=0, ddof=1), 1, atol=1e-9)
    assert column_correlations(*model.score(X[150:], Y[150:]))[0] > 0.5


def test_alignment_undoes_order_and_sign():
    reference = np.random.default_rng(0).normal(size=(30, 3))
    shuffled = reference[:, [2, 0, 1]] * [1, -1, -1]
    order, signs = align_components(reference, shuffled)
    np.testing.assert_allclose(shuffled[:, order] * signs, reference)


def test_given_permutations_are_used_as_they_are():
    X, Y, Z = data(n=40)
    rows = np.stack([np.random.default_rng(i).permutation(36) for i in range(30)])
    given = permutation_cca(X, Y, confounds=Z, permutations=rows)
    assert given.n_permutations == 30
    again = permutation_cca(X, Y, confounds=Z, permutations=rows[::-1])
    np.testing.assert_allclose(np.sort(given.null, axis=0), np.sort(again.null, axis=0))
    with pytest.raises(InputError, match="not permutations of the 36 rows"):
        permutation_cca(X, Y, confounds=Z, permutations=np.zeros((3, 36), dtype=int))


def test_redundancy_is_the_variance_explained_by_the_other_side():
    X, Y, Z = data(signal=1.5)
    result = permutation_cca(X, Y, confounds=Z, n_permutations=19)
    RX = residuals(X, Z)
    explained = [np.corrcoef(column, result.y_scores[:, 0])[0, 1] ** 2 for column in RX.T]
    assert result.x_redundancy[0] == pytest.approx(np.mean(explained))


def test_perfectly_collinear_confounds_count_once():
    X, Y, Z = data()
    doubled = np.hstack([Z, Z[:, :1] * 2 + Z[:, 1:2], np.ones((len(Z), 1))])
    one, two = (
        permutation_cca(X, Y, confounds=c, n_permutations=99, random_state=4) for c in (Z, doubled)
    )
    assert one.n_effective == two.n_effective
    np.testing.assert_allclose(one.correlations, two.correlations)


def test_huh_jhun_refuses_blocks():
    X, Y, Z = data()
    with pytest.raises(InputError, match="belong to no subject"):
        permutation_cca(X, Y, confounds=Z, blocks=np.arange(150) // 2, residual_space="huh-jhun")


def test_smallest_p_follows_from_the_blocks_and_the_permutations():
    X, Y, _ = data(n=8, p=2, q=2)
    blocks = np.repeat([0, 1, 2, 3], 2)
    options = {"blocks": blocks, "n_components": 1, "residual_space": "theil"}
    few = permutation_cca(X, Y, n_permutations=30, **options)
    many = permutation_cca(X, Y, n_permutations=500, **options)
    assert few.smallest_p == pytest.approx(1 / 31)
    assert many.smallest_p == pytest.approx(1 / 48)  # one subject given up: 3 pairs, 1 single


def test_families_without_a_single_unrelated_subject():
    """Theil residuals reject too often here (0.106 of 1,000); family means and contrasts do not."""
    hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        families = np.repeat(np.arange(40), 3)
        site = rng.integers(4, size=40)[families]
        Z = np.column_stack([np.eye(4)[site], rng.normal(size=(40, 4))[families]])
        X, Y = (rng.normal(size=(120, 5)) + rng.normal(size=(40, 5))[families] for _ in "XY")
        result = permutation_cca(
            X, Y, confounds=Z, blocks=families, n_permutations=39, random_state=seed
        )
        hits += result.p_values[0] <= 0.05
    assert result.method.startswith("family")
    assert stats.binomtest(int(hits), 150, 0.05).pvalue > 0.005


def test_components_stop_on_their_own_and_go_on_where_p_is_small():
    X, Y, Z = data(n=120, signal=2.0, seed=3)
    options = {"confounds": Z, "n_permutations": 99, "random_state": 3}
    found = permutation_cca(X, Y, max_permutations=990, **options)
    assert found.draws[0] == 990
    assert (found.draws[1:] < 200).all()
    np.testing.assert_allclose(found.p_values_uncorrected[0], 1 / 991)
    np.testing.assert_allclose(found.p_values_uncorrected[1:], 5 / found.draws[1:])
    assert found.smallest_p == 1 / 991
    assert found.n_permutations == 990 == len(found.null)
    # A leading root costs more than the rest of a permutation, and no p-value rests on it.
    assert len(found.null_correlations) == 99
    # Every component counts its own draws of the same null distribution.
    for k in range(3):
        own = found.null[: found.draws[k], k] >= found.statistic[k] - 1e-10
        assert own.sum() == (0 if k == 0 else 5)
        assert k == 0 or own[-1]
    # The draws are those of the fixed number.
    fixed = permutation_cca(X, Y, **options)
    np.testing.assert_array_equal(fixed.null, found.null[:99])
    assert fixed.draws.tolist() == [99] * 3
    assert fixed.n_permutations == 99
    assert ((fixed.p_values_uncorrected <= 0.05) == (found.p_values_uncorrected <= 0.05)).all()
    for result in (fixed, found):
        assert (result.p_values_low <= result.p_values_uncorrected).all()
        assert (result.p_values_high >= result.p_values_uncorrected).all()


def test_jobs_do_not_change_where_drawing_stops():
    X, Y, Z = data(signal=0.5)
    one, two = (
        permutation_cca(X, Y, confounds=Z, n_permutations=99, max_permutations=600,
                        random_state=5, n_jobs=jobs)
        for jobs in (1, 2)
    )  # fmt: skip
    np.testing.assert_array_equal(one.null, two.null)
    np.testing.assert_array_equal(one.draws, two.draws)
    np.testing.assert_array_equal(one.p_values, two.p_values)


def test_a_chosen_regularisation_keeps_its_number_of_permutations():
    X, Y, Z = data(signal=2.0)
    found = permutation_cca(
        X, Y, confounds=Z, n_permutations=99, max_permutations=990, regularisation="ridge",
        random_state=0,
    )  # fmt: skip
    assert found.draws.tolist() == [99] * 3
    assert found.smallest_p == 0.01
    hits = np.rint(found.p_values_uncorrected * 100) - 1
    expected = [stats.binomtest(int(h), 99).proportion_ci(0.95, "exact") for h in hits]
    np.testing.assert_allclose(found.p_values_low, [e.low for e in expected])
    np.testing.assert_allclose(found.p_values_high, [e.high for e in expected])


def test_calibrated_where_drawing_stops_early():
    """With many confounds, p-values at several levels and the error over components."""
    p, draws = [], []
    for seed in range(200):
        X, Y, Z = data(n=60, p=3, q=3, r=20, seed=seed)
        found = permutation_cca(
            X, Y, confounds=Z, n_permutations=59, max_permutations=590, random_state=seed
        )
        p.append(found.p_values[0])
        draws.append(found.draws[0])
    for level in (0.02, 0.05, 0.2, 0.5):
        assert stats.binomtest(int((np.array(p) <= level).sum()), 200, level).pvalue > 0.001
    assert np.mean(draws) < 40
