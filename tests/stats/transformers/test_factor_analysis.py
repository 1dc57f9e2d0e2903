from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import FactorAnalysis as Reference

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.factor_analysis import FactorAnalysis, LeaveOneOutFactors
from neurogenomics_kb.stats.transformers.factor_model import fit_factor_model, most_factors
from neurogenomics_kb.stats.transformers.indicators import MissingIndicators

N, P, K = 900, 15, 3


def planted(n=N, p=P, k=K, seed=0):
    """Simple structure: every variable loads on one factor, weakly on another."""
    rng = np.random.default_rng(seed)
    loadings = np.zeros((p, k))
    for j in range(p):
        loadings[j, j % k] = rng.uniform(0.5, 0.8) * (1 if j % 4 else -1)
        loadings[j, (j + 1) % k] = 0.1
    unique = 1 - (loadings**2).sum(axis=1)
    factors = rng.normal(size=(n, k))
    X = factors @ loadings.T + rng.normal(size=(n, p)) * np.sqrt(unique)
    names = [f"behaviour__a__v{j}" for j in range(p)]
    return pd.DataFrame(3 + 2 * X, columns=names), loadings, factors


def model(factors=K, **options):
    return FactorAnalysis(factors, **{"n_blocks": 1, "subjects_per_dimension": 5, **options})


def congruence(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Tucker's coefficient of every true factor with the most alike found one."""
    unit = lambda A: A / np.linalg.norm(A, axis=0)  # noqa: E731
    return np.abs(unit(truth).T @ unit(found)).max(axis=1)


def spoil_at_random(X: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Gaps that depend on another variable, which is always there: missing at random."""
    rng = np.random.default_rng(seed)
    out = X.copy()
    for j in range(3, X.shape[1]):
        driver = X.iloc[:, j % 3]
        chance = 1 / (1 + np.exp(-2 * ((driver - driver.mean()) / driver.std())))
        out.iloc[rng.random(len(X)) < 0.6 * chance, j] = np.nan
    return out


@pytest.mark.parametrize("p", [3, 5, 12, 100])
def test_number_of_factors_is_what_a_covariance_can_identify(p):
    k = most_factors(p)
    assert (p - k) ** 2 >= p + k
    assert (p - k - 1) ** 2 < p + k + 1


def test_without_gaps_it_is_the_maximum_that_scikit_learn_finds():
    X, *_ = planted()
    standard = ((X - X.mean()) / X.std(ddof=0)).to_numpy()
    found = fit_factor_model(standard, K)
    reference = Reference(K, tol=1e-9, max_iter=10_000, svd_method="lapack").fit(standard)
    assert found.converged
    assert found.log_likelihood == pytest.approx(reference.score(standard), abs=1e-5)
    implied = found.loadings @ found.loadings.T + np.diag(found.unique)
    np.testing.assert_allclose(implied, reference.get_covariance(), atol=2e-3)
    # Thomson's scores, up to the rotation: the projections on all factors agree.
    ours, theirs = found.scores(standard), reference.transform(standard)
    rotation = np.linalg.lstsq(ours, theirs, rcond=None)[0]
    np.testing.assert_allclose(ours @ rotation, theirs, atol=5e-3)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(K), atol=2e-2)


def test_likelihood_with_gaps_is_that_of_the_observed_values():
    from scipy.stats import multivariate_normal

    X = spoil_at_random(planted(n=60)[0])
    values = ((X - X.mean()) / X.std(ddof=0)).to_numpy()
    found = fit_factor_model(values, 2)
    covariance = found.loadings @ found.loadings.T + np.diag(found.unique)
    total = 0.0
    for row in values:
        o = ~np.isnan(row)
        total += multivariate_normal(found.mean[o], covariance[np.ix_(o, o)]).logpdf(row[o])
    assert found.log_likelihood == pytest.approx(total / len(values), abs=1e-5)


def test_planted_factors_are_recovered_with_signs_and_order():
    X, loadings, factors = planted()
    fitted = model().fit(X)
    assert congruence(fitted.loadings_.to_numpy(), loadings).min() > 0.95
    scores = fitted.transform(X)
    correlations = np.corrcoef(scores.to_numpy().T, factors.T)[:K, K:]
    assert np.abs(correlations).max(axis=1).min() > 0.85
    sizes = (fitted.loadings_**2).sum()
    assert (np.diff(sizes) <= 0).all()
    assert ((fitted.loadings_**3).sum() > 0).all()
    assert scores.columns.tolist() == ["factor1", "factor2", "factor3"]
    assert 0.3 < fitted.explained_variance_ratio_ < 0.7


def test_varimax_is_simpler_than_no_rotation():
    X, loadings, _ = planted()
    unrotated = model(rotation="none").fit(X)
    assert congruence(unrotated.loadings_.to_numpy(), loadings).min() < 0.95
    np.testing.assert_allclose(unrotated.unique_, model().fit(X).unique_, rtol=1e-9)


def test_missing_at_random_is_handled_better_than_by_means():
    """Factors and means, which gaps that depend on high values pull down, over five samples."""
    better, errors = [], []
    for seed in range(5):
        X, loadings, _ = planted(seed=seed)
        gappy = spoil_at_random(X, seed)
        assert 0.15 < gappy.isna().mean().mean() < 0.35
        filled = gappy.fillna(gappy.mean())
        ours = model().fit(gappy)
        theirs = model().fit(filled)
        truth = loadings @ loadings.T
        off = ~np.eye(P, dtype=bool)
        error = [
            np.abs((m.loadings_.to_numpy() @ m.loadings_.to_numpy().T - truth)[off]).mean()
            for m in (ours, theirs)
        ]
        better.append(error[0] < error[1])
        errors.append(error)
        assert congruence(ours.loadings_.to_numpy(), loadings).min() > 0.95
    assert all(better)
    assert np.mean(errors, axis=0)[0] < 0.7 * np.mean(errors, axis=0)[1]


def test_means_are_corrected_for_who_is_missing():
    X, *_ = planted(n=4000)
    gappy = spoil_at_random(X)
    completed = model(output="completed").fit(gappy).transform(gappy)
    naive = np.abs(gappy.mean() - X.mean()).iloc[3:].mean()
    ours = np.abs(completed.mean() - X.mean()).iloc[3:].mean()
    assert ours < 0.5 * naive
    there = gappy.notna()
    pd.testing.assert_frame_equal(completed.where(there), gappy)


def test_order_of_features_and_of_subjects_does_not_matter():
    X = spoil_at_random(planted(n=300)[0])
    rng = np.random.default_rng(3)
    expected = model().fit(X)
    shuffled = X.iloc[rng.permutation(len(X)), rng.permutation(P)]
    found = model().fit(shuffled)
    np.testing.assert_allclose(found.loadings_.loc[X.columns], expected.loadings_, atol=1e-3)
    np.testing.assert_allclose(
        found.transform(shuffled).loc[X.index], expected.transform(X), atol=2e-3
    )
    pd.testing.assert_frame_equal(model().fit(X).transform(X), expected.transform(X))


def test_nothing_is_learnt_from_test_subjects():
    X = spoil_at_random(planted()[0])
    train, test = X.iloc[:600], X.iloc[600:]
    fitted = model().fit(train)
    before = {name: np.copy(getattr(fitted, name)) for name in ("mean_", "scale_", "unique_")}
    loadings = fitted.loadings_.copy()
    whole = fitted.transform(test)
    strange = test.copy() * 100
    fitted.transform(strange)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(fitted, name), value)
    pd.testing.assert_frame_equal(fitted.loadings_, loadings)
    # A test subject's score does not depend on who is scored with it.
    alone = pd.concat([fitted.transform(test.iloc[[i]]) for i in range(20)])
    pd.testing.assert_frame_equal(alone, whole.iloc[:20])


def test_a_planted_leak_would_be_seen():
    """Scores of a test subject change when it is let into training: the test above can fail."""
    X, *_ = planted(n=60)
    outlier = X.copy()
    outlier.iloc[50:] *= 20
    honest = model().fit(outlier.iloc[:50]).transform(outlier.iloc[:50])
    leaking = model().fit(outlier).transform(outlier.iloc[:50])
    assert np.abs(honest - leaking.to_numpy()).to_numpy().max() > 0.1


def test_who_has_no_answer_is_at_the_mean_and_gaps_shrink_scores():
    X, *_ = planted()
    fitted = model().fit(X)
    empty = X.iloc[[0]] * np.nan
    np.testing.assert_array_equal(fitted.transform(empty), 0)
    half = X.copy()
    half.iloc[:, ::2] = np.nan
    assert (fitted.transform(half).var() < fitted.transform(X).var()).all()


def test_indicators_stand_beside_the_scores():
    X = spoil_at_random(planted()[0])
    marked = MissingIndicators().fit(X).transform(X)
    fitted = model().fit(marked)
    out = fitted.transform(marked)
    assert fitted.n_features_ == P
    assert out.shape[1] == K + P - 3
    pd.testing.assert_frame_equal(out.iloc[:, K:], marked.iloc[:, P:])
    assert list(fitted.get_feature_names_out()) == out.columns.tolist()
    pd.testing.assert_frame_equal(out.iloc[:, :K], model().fit(X).transform(X))


def test_dimension_is_bounded_by_features_and_by_the_sample():
    X, *_ = planted(n=200)
    assert model(16).fit(X.iloc[:, :5]).n_components_ == most_factors(5) == 2
    assert model(16, subjects_per_dimension=50).fit(X).n_components_ == 4
    assert model(16, subjects_per_dimension=50, n_blocks=2).fit(X).n_components_ == 2


def test_scales_do_not_matter():
    X, *_ = planted(n=300)
    np.testing.assert_allclose(
        model().fit(X).transform(X), model().fit(X * 1000 - 5).transform(X * 1000 - 5), atol=1e-6
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: X.iloc[:, :2], "needs 3 features or more, and there are 2"),
        (lambda X: X.assign(behaviour__a__v4=1.0), "'behaviour__a__v4': the feature is the same"),
        (
            lambda X: X.assign(behaviour__a__v4=[1.0, 2.0] + [np.nan] * (len(X) - 2)),
            r"'behaviour__a__v4': too few training subjects .* for 3 factors, 9 are needed \(2 of",
        ),
        (
            lambda X: X.assign(behaviour__a__v4=[np.inf] + [0.0] * (len(X) - 1)),
            r"'behaviour__a__v4': a feature is infinite \(1 of 300 subjects\)",
        ),
    ],
)
def test_unusable_features_are_refused(spoil, message):
    with pytest.raises(InputError, match=message):
        model().fit(spoil(planted(n=300)[0]))


def test_a_feature_that_is_gone_is_named():
    X, *_ = planted(n=300)
    with pytest.raises(InputError, match="'behaviour__a__v3': a column seen in fitting is absent"):
        model().fit(X).transform(X.drop(columns="behaviour__a__v3"))


@pytest.mark.parametrize("options", [{"rotation": "oblimin"}, {"output": "z"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="is not"):
        model(**options).fit(planted(n=300)[0])


def test_leaving_columns_out_is_a_factor_analysis_of_the_rest():
    X, *_ = planted(n=300)
    train, test = X.iloc[:200], X.iloc[200:]
    left = LeaveOneOutFactors(model(), train, test)
    rest = model().fit(train.iloc[:, 4:])
    inside, outside = left.without(np.arange(4))
    np.testing.assert_array_equal(inside, rest.transform(train.iloc[:, 4:]))
    np.testing.assert_array_equal(outside, rest.transform(test.iloc[:, 4:]))
    np.testing.assert_array_equal(left.everything()[0], model().fit(train).transform(train))
    # One column is no factor analysis: it stands for itself.
    np.testing.assert_array_equal(left.only(np.array([2]))[1], test.iloc[:, [2]])
