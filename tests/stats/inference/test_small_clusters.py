"""Bias-reduced sandwich errors against the written-out matrices, and their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.partial import odds_ratio, partial_correlation
from neurogenomics_kb.stats.inference.small_clusters import bias_reduced_error

SIZES = [3, 5, 8, 1, 12, 6]


def regression(seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    n = len(clusters)
    x = rng.normal(size=len(sizes))[clusters] + 0.3 * rng.normal(size=n)
    design = np.column_stack([np.ones(n), rng.normal(size=n)])
    y = rng.normal(size=n) + 1.5 * rng.normal(size=len(sizes))[clusters]
    X = np.column_stack([design, x])
    residuals = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    return x, design, residuals, clusters


def written_out(x, design, residuals, clusters, alike):
    """Equations 4, 11 and 12 of Pustejovsky and Tipton (2018), n × n matrices and all."""
    X = np.column_stack([design, x])
    n, k = X.shape
    bread = np.linalg.inv(X.T @ X)
    annihilator = np.eye(n) - X @ bread @ X.T
    contrast = np.eye(k)[-1]
    meat, columns = np.zeros((k, k)), []
    for g in np.unique(clusters):
        rows = clusters == g
        adjust = np.linalg.inv(np.real(sqrtm(annihilator[np.ix_(rows, rows)])))
        score = X[rows].T @ adjust @ residuals[rows]
        meat += np.outer(score, score)
        columns.append(annihilator[:, rows] @ adjust @ X[rows] @ bread @ contrast)
    P = np.column_stack(columns)
    same = clusters[:, None] == clusters[None, :]
    covariance = (1 - alike) * np.eye(n) + alike * same
    moments = P.T @ covariance @ P
    variance = (bread @ meat @ bread)[-1, -1]
    return np.sqrt(variance), np.trace(moments) ** 2 / (moments**2).sum()


def likeness(residuals, clusters, n_columns):
    pairs = [
        residuals[i] * residuals[j]
        for i in range(len(residuals))
        for j in range(len(residuals))
        if i != j and clusters[i] == clusters[j]
    ]
    return max(0.0, np.mean(pairs) / (residuals @ residuals / (len(residuals) - n_columns)))


@pytest.mark.parametrize("seed", range(4))
def test_error_and_df_are_those_of_the_matrices(seed):
    x, design, residuals, clusters = regression(seed)
    error, df = written_out(x, design, residuals, clusters, 0.0)
    found = bias_reduced_error(x, design, residuals, clusters, working="independent")
    assert (found.error, found.df) == pytest.approx((error, df), rel=1e-9)
    alike = likeness(residuals, clusters, 3)
    error, df = written_out(x, design, residuals, clusters, alike)
    found = bias_reduced_error(x, design, residuals, clusters)
    assert (found.error, found.df) == pytest.approx((error, df), rel=1e-9)
    assert 0 < alike < 1


def test_order_of_rows_and_labels_do_not_matter():
    x, design, residuals, clusters = regression()
    shuffled = np.random.default_rng(1).permutation(len(x))
    names = np.array(list("fbdaec"))[clusters]
    one = bias_reduced_error(x, design, residuals, clusters)
    other = bias_reduced_error(x[shuffled], design[shuffled], residuals[shuffled], names[shuffled])
    assert (one.error, one.df) == pytest.approx((other.error, other.df))


def test_clusters_of_one_person_give_the_error_of_mackinnon_and_white():
    """HC2: squared residuals over one minus leverage (Journal of Econometrics 1985)."""
    x, design, residuals, _ = regression()
    X = np.column_stack([design, x])
    bread = np.linalg.inv(X.T @ X)
    leverage = np.einsum("ij,jk,ik->i", X, bread, X)
    meat = X.T @ (X * (residuals**2 / (1 - leverage))[:, None])
    found = bias_reduced_error(x, design, residuals, np.arange(len(x)))
    assert found.error == pytest.approx(np.sqrt((bread @ meat @ bread)[-1, -1]))


def test_a_single_cluster_has_no_variance_and_an_unknown_model_is_refused():
    x, design, residuals, clusters = regression()
    found = bias_reduced_error(x, design, residuals, np.zeros(len(x)))
    assert np.isnan([found.error, found.df]).all()
    with pytest.raises(InputError, match="working='ar1'"):
        bias_reduced_error(x, design, residuals, clusters, working="ar1")


@pytest.mark.parametrize("n_clusters", [8, 12, 30])
def test_level_with_few_clusters_of_unequal_size(n_clusters):
    """The plain sandwich with G − 1 degrees of freedom rejects 9 to 14 % here."""
    linear = ranked = binary = 0
    repeats = 400
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(n_clusters), rng.choice([2, 4, 6, 10, 20], n_clusters))
        n = len(clusters)

        def noise(rng=rng, clusters=clusters, n=n):
            shared = rng.normal(size=n_clusters)[clusters]
            return np.sqrt(0.4) * shared + np.sqrt(0.6) * rng.normal(size=n)

        z = np.column_stack([noise() for _ in range(3)])
        x, y = 0.4 * z[:, 0] + noise(), 0.5 * z[:, 1] + noise()
        linear += partial_correlation(x, y, z, clusters=clusters).p_value <= 0.05
        ranked += partial_correlation(x, y, z, clusters=clusters, method="spearman").p_value <= 0.05
        binary += odds_ratio(x, (y > 0).astype(float), z, clusters=clusters).p_value <= 0.05
    for rejected in (linear, ranked, binary):
        assert stats.binomtest(int(rejected), repeats, 0.05, alternative="greater").pvalue > 0.005
    assert stats.binomtest(int(linear), repeats, 0.05).pvalue > 0.005


@pytest.mark.parametrize("working", ["independent", "exchangeable"])
def test_moments_need_no_matrix_over_pairs_of_clusters(working):
    """The formulas as they stand in the paper, with every matrix written out."""
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(9), [1, 1, 2, 2, 3, 4, 6, 6, 7])
    design = np.column_stack([np.ones(len(clusters)), rng.normal(size=(len(clusters), 2))])
    x = rng.normal(size=len(clusters)) + clusters / 4
    basis = np.linalg.qr(np.column_stack([design, x]))[0]
    y = rng.normal(size=len(clusters)) + rng.normal(size=9)[clusters]
    residuals = y - basis @ (basis.T @ y)
    found = bias_reduced_error(x, design, residuals, clusters, working=working)
    maker = np.eye(len(x)) - basis @ basis.T
    columns = []
    for g in range(9):
        own = clusters == g
        values, vectors = np.linalg.eigh(maker[np.ix_(own, own)])
        root = np.where(values > 1e-9, 1 / np.sqrt(np.clip(values, 1e-300, None)), 0)
        weight = vectors @ (root * (vectors.T @ basis[own, -1]))
        columns.append(maker[:, own] @ weight)
    A = np.column_stack(columns)
    same = clusters[:, None] == clusters
    pairs = same.sum() - len(x)
    alike = 0.0
    if working == "exchangeable":
        outer = np.outer(residuals, residuals)
        variance = residuals @ residuals / (len(x) - basis.shape[1])
        alike = np.clip((outer[same].sum() - np.trace(outer)) / pairs / variance, 0, 1)
        assert alike > 0.1
    moments = A.T @ ((1 - alike) * np.eye(len(x)) + alike * same) @ A
    assert found.df == pytest.approx(np.trace(moments) ** 2 / (moments**2).sum(), rel=1e-9)
