from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.stats.inference.audit import (
    FoldDecoder,
    correlations,
    decode,
    label_permutations,
    stratified_auc,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.inference.group_shares import (
    cramers_v,
    group_difference,
    uneven_groups,
)
from neurogenomics_kb.stats.inference.repeats import (
    expected_repeats,
    identical_rows,
    repeat_tolerance,
)


def people(n=120, p=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(n, p)), np.arange(n) % 4


def test_decoder_is_ridge_regression_on_training_subjects():
    rng, X, folds = people()
    y = (X[:, 0] + rng.normal(size=120) > 0).astype(float)
    scores = FoldDecoder(X, folds).scores(y[:, None])[:, 0]
    test = folds == 0
    inside = X[~test] - X[~test].mean(axis=0)
    alpha = np.trace(inside @ inside.T) / len(inside)
    ridge = Ridge(alpha=alpha).fit(X[~test], y[~test])
    np.testing.assert_allclose(scores[test], ridge.predict(X[test]) - y[~test].mean(), atol=1e-10)
    found = decode(FoldDecoder(X, folds), y, label_permutations(120, 99))
    auc = np.mean([roc_auc_score(y[folds == k], scores[folds == k]) for k in range(4)])
    assert found.value == pytest.approx(auc)
    assert found.p_value == 0.01
    assert found.null_mean == pytest.approx(0.5, abs=0.03)


def test_swapping_labels_within_sites_shows_what_the_site_explains():
    rng, X, folds = people(240)
    site = rng.integers(2, size=240)
    X[:, 0] += 3 * site
    y = (rng.random(240) < 0.2 + 0.6 * site).astype(float)
    decoder = FoldDecoder(X, folds)
    free = decode(decoder, y, label_permutations(240, 199))
    within = decode(decoder, y, label_permutations(240, 199, strata=site))
    assert free.p_value == 0.005
    assert free.null_mean < 0.52
    assert within.null_mean > 0.65  # the site, not the label
    assert within.p_value > 0.05


def test_relabelling_keeps_families_and_strata():
    families = np.repeat(np.arange(30), 2)
    site = np.repeat(np.arange(60) % 3 == 0, 1).astype(int)
    rows = label_permutations(60, 20, families=families, strata=site)
    assert (rows[0] == np.arange(60)).all()
    for order in rows:
        assert (site[order] == site).all()
    whole = label_permutations(60, 20, families=families)
    for order in whole:
        moved = families[order].reshape(30, 2)
        assert (moved[:, 0] == moved[:, 1]).all()


def test_families_that_span_strata_change_places_with_families_alike():
    families = np.repeat(np.arange(20), 2)
    batch = np.tile(["a", "b"], 20)  # one relative in each
    for order in label_permutations(40, 20, families=families, strata=batch):
        assert (batch[order] == batch).all()
        assert (families[order].reshape(20, 2).std(axis=1) == 0).all()  # relatives stay together


def test_decoding_is_calibrated_in_families():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        families = np.repeat(np.arange(30), 3)
        X = rng.normal(size=(90, 5)) + rng.normal(size=(30, 5))[families]
        batch = rng.integers(3, size=30)[families]
        rows = label_permutations(90, 39, families=families, random_state=seed)
        folds = (np.arange(30) % 5)[families]
        hits += decode(FoldDecoder(X, folds), batch, rows).p_value <= 0.05
    assert stats.binomtest(int(hits), 200, 0.05).pvalue > 0.005


# --- leaks planted on purpose, and what notices them ----------------------------------------------


def leaky_decoder(X, folds, leak):
    """Features as a recipe would give them that looked at test labels."""
    return FoldDecoder([leak(X, np.flatnonzero(folds != k)) for k in range(4)], folds)


def test_permuted_labels_notice_selection_on_all_subjects():
    """Features chosen by the outcome of everybody, test subjects included."""
    rng, X, folds = people(100, 2000)
    shuffled = rng.permutation(np.repeat([0.0, 1.0], 50))

    def auc(y, leak):
        best = np.argsort(-np.abs(np.corrcoef(X.T, y)[-1, :-1]))[:10]
        chosen = X[:, best] if leak else X[:, :10]
        return decode(FoldDecoder(chosen, folds), y, label_permutations(100, 99)).value

    assert auc(shuffled, leak=True) > 0.75  # labels carry nothing: only a leak can do this
    assert 0.3 < auc(shuffled, leak=False) < 0.7


@pytest.mark.parametrize(
    "stage", ["target encoding", "residualising on the outcome", "supervised projection"]
)
def test_permuted_labels_notice_stages_that_saw_the_outcome(stage):
    rng, X, folds = people(120, 6)
    y = rng.permutation(np.repeat([0.0, 1.0], 60))  # labels without meaning
    if stage == "target encoding":
        groups = np.arange(120) // 4
        means = np.array([y[groups == g].mean() for g in groups])
        leaked = means[:, None]
    elif stage == "residualising on the outcome":
        # The outcome among the confounds, coefficients of test subjects included.
        beta = np.linalg.lstsq(np.column_stack([np.ones(120), y]), X, rcond=None)[0]
        leaked = X + 2 * np.outer(y, np.abs(beta[1]) + 0.5)
    else:
        wide = rng.normal(size=(120, 60))
        leaked = (wide @ np.linalg.lstsq(wide, y - y.mean(), rcond=None)[0])[:, None]
    rows = label_permutations(120, 199)
    clean = decode(FoldDecoder(X, folds), y, rows)
    planted = decode(FoldDecoder(leaked, folds), y, rows)
    assert clean.p_value > 0.05
    assert planted.value > clean.value + 0.05
    assert planted.p_value <= 0.05


def test_subjects_that_repeat_across_folds_are_counted():
    _, X, folds = people()
    assert identical_rows(X, folds) == 0
    X[1], X[5] = X[0], X[4]  # 0 and 1 lie in different folds; so do 4 and 5
    X[8] = X[0]  # 0 and 8 share a fold: no leak
    assert identical_rows(X, folds) == 3


def test_measured_again_is_a_repeat_and_coarse_columns_are_none():
    rng, X, folds = people(200, 40)
    X[1] = X[0] + 0.05 * rng.normal(size=40)  # the same person, scanned again
    assert identical_rows(X, folds) == 0
    assert identical_rows(X, folds, tolerance=repeat_tolerance(X)) == 1
    scales = rng.integers(0, 4, (200, 3)).astype(float)
    assert repeat_tolerance(scales) < 1e-6
    assert repeat_tolerance(X[:, :2]) < 1e-6  # two dimensions come near by chance
    # 64 equally likely rows: one pair in 64 of 19,900.
    assert expected_repeats(scales, [[0], [1], [2]]) == pytest.approx(19900 / 64, rel=0.2)
    assert identical_rows(scales, folds) > 100
    assert expected_repeats(X, [[j] for j in range(40)]) < 1e-6


def test_subjects_without_data_are_no_repeats():
    _, X, folds = people(60, 6)
    X[:3] = np.nan
    assert identical_rows(X, folds) == 0


def test_hyper_parameters_chosen_on_test_subjects_show_on_meaningless_labels():
    """The best of many projections by test performance, against one chosen without looking."""
    rng, X, folds = people(120, 30)
    y = rng.permutation(np.repeat([0.0, 1.0], 60))
    axes = rng.normal(size=(30, 200))
    rows = label_permutations(120, 0)
    found = [decode_value(X @ axis[:, None], folds, y, rows) for axis in axes.T]
    assert max(found) > 0.6
    assert found[0] < 0.6
    best = X @ axes[:, [int(np.argmax(found))]]
    assert decode(FoldDecoder(best, folds), y, label_permutations(120, 199)).p_value <= 0.05


def decode_value(X, folds, y, rows):
    scores = FoldDecoder(X, folds).scores(y[rows[0]][:, None])[:, 0]
    return np.mean([roc_auc_score(y[folds == k], scores[folds == k]) for k in range(4)])


def test_harmonisation_that_preserves_the_outcome_of_test_subjects_is_noticed():
    """Site effects fitted on everybody beside the outcome, in sites with uneven cases (Nygaard,
    Rødland & Hovig 2016); scaling by everybody's mean and spread tells no label."""
    rng, X, folds = people(120, 200)
    y = rng.permutation(np.repeat([0.0, 1.0], 60))
    site = np.where(rng.random(120) < 0.9, y, 1 - y)
    design = np.column_stack([np.ones(120), site, y])
    effect = np.linalg.lstsq(design, X, rcond=None)[0][1]
    rows = label_permutations(120, 199)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    assert decode(FoldDecoder(scaled, folds), y, rows).p_value > 0.05
    planted = decode(FoldDecoder(X - np.outer(site, effect), folds), y, rows)
    assert planted.value > 0.65
    assert planted.p_value <= 0.05


# --- missing data ---------------------------------------------------------------------------------


def test_unit_that_is_missing_by_batch_is_found_family_wise():
    rng = np.random.default_rng(0)
    batch = rng.choice(["b1", "b2", "b3"], 200)
    rates = rng.binomial(20, 0.02, (200, 12)) / 20
    rates[batch == "b3", 4] = rng.binomial(20, 0.7, (batch == "b3").sum()) / 20
    levels, found = group_difference(rates, batch, label_permutations(200, 199))
    assert levels == ["b1", "b2", "b3"]
    assert found.p_values[4] == 0.005
    assert np.delete(found.p_values, 4).min() > 0.05
    assert found.rates[4, 2] == pytest.approx(rates[batch == "b3", 4].mean())


def test_missingness_by_batch_is_calibrated_over_units():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rates = rng.binomial(10, 0.05, (80, 10)) / 10
        batch = rng.integers(3, size=80)
        rows = label_permutations(80, 39, random_state=seed)
        hits += group_difference(rates, batch, rows)[1].p_values.min() <= 0.05
    assert stats.binomtest(int(hits), 200, 0.05).pvalue > 0.005


def test_cramers_v_equals_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(3, size=300), rng.integers(2, size=300)
    table = np.array([[np.sum((a == i) & (b == j)) for j in range(2)] for i in range(3)])
    assert cramers_v(a, b) == pytest.approx(
        stats.contingency.association(table, method="cramer", correction=False)
    )
    rows = label_permutations(300, 99)
    found = uneven_groups(a, a, rows)
    assert found.value == pytest.approx(1.0)
    assert found.p_value == 0.01
    assert found.p_tail() < 1e-6
    assert cramers_v(a, np.zeros(300)) == 0.0
    many = uneven_groups(a, b, rows)
    each = [cramers_v(a[order], b) for order in rows]
    assert many.value == pytest.approx(each[0])
    assert many.p_value == pytest.approx((1 + np.sum(np.array(each[1:]) >= each[0] - 1e-10)) / 100)


def test_eta_is_the_share_of_variance_between_groups():
    rng = np.random.default_rng(0)
    site = rng.integers(4, size=200)
    score = rng.normal(size=200) + 0.5 * (site == 1)
    found = uneven_groups(site, score, label_permutations(200, 499), continuous=True)
    fit = stats.f_oneway(*(score[site == s] for s in range(4)))
    share = fit.statistic * 3 / (fit.statistic * 3 + 196)
    assert found.value == pytest.approx(np.sqrt(share))
    # The tail of some relabellings is near the exact p of the F test.
    assert np.log10(found.p_tail()) == pytest.approx(np.log10(fit.pvalue), abs=0.4)
    assert (
        uneven_groups(site, np.ones(200), label_permutations(200, 19), continuous=True).value == 0
    )


def test_share_that_would_have_been_seen_is_seen_in_80_of_100():
    hits, sizes = 0, []
    rng = np.random.default_rng(5)
    for seed in range(200):
        site = np.repeat(np.arange(4), 75)
        rows = label_permutations(300, 99, random_state=seed)
        null = uneven_groups(site, rng.integers(2, size=300), rows)
        sizes.append(null.seen(0.002))
        # Shares of cases that have this V in the population.
        lift = np.sqrt(np.mean(sizes) ** 2 * 0.25)
        share = 0.5 + lift * np.array([-1, -1, 1, 1])[site]
        planted = uneven_groups(site, rng.random(300) < share, rows)
        hits += planted.p_tail() <= 0.002
    assert np.mean(sizes) == pytest.approx(0.26, abs=0.03)
    assert 0.70 <= hits / 200 <= 0.90


def test_batch_held_fixed_takes_its_signal_away():
    rng = np.random.default_rng(1)
    batch = rng.integers(2, size=2000)
    y = (rng.random(2000) < 0.3 + 0.4 * batch).astype(float)
    score = batch + 0.01 * rng.normal(size=2000)
    folds = np.arange(2000) % 5
    assert stratified_auc(y, score, folds) > 0.65
    assert stratified_auc(y, score, folds, batch) == pytest.approx(0.5, abs=0.03)
    assert stratified_auc(y[:50], score[:50], np.zeros(50)) == pytest.approx(
        roc_auc_score(y[:50], score[:50])
    )
    assert np.isnan(stratified_auc(np.ones(5), np.ones(5), np.zeros(5)))


def test_standard_error_of_a_stratified_auc_is_that_of_new_samples():
    """Scores and outcomes drawn anew, families of two: the mean error is their spread."""
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(300):
        families = np.repeat(np.arange(60), 2)
        shared = rng.normal(size=60)[families]
        batch = rng.integers(2, size=120)
        y = (shared + rng.normal(size=120) > 0).astype(float)
        scores = shared + y + batch + rng.normal(size=120)
        auc, influence = stratified_auc_influence(y, scores, np.zeros(120), batch)
        values.append(auc)
        errors.append(np.sqrt((np.bincount(families, influence) ** 2).sum()))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)


def test_sites_that_are_the_folds_are_not_known_rather_than_unreadable():
    rng = np.random.default_rng(0)
    sites = np.repeat(["a", "b", "c"], 40)
    X = rng.normal(size=(120, 3)) + (sites == "a")[:, None] * 5  # as plain as can be
    rows = label_permutations(120, 99)
    found = decode(FoldDecoder([X] * 3, np.repeat([0, 1, 2], 40)), sites, rows)
    assert np.isnan([found.value, found.null_mean, found.p_value]).all()
    mixed = decode(FoldDecoder([X] * 3, np.tile([0, 1, 2], 40)), sites, rows)
    assert mixed.value > 0.8
    assert mixed.p_value == 0.01


def test_a_score_that_is_one_in_a_fold_is_not_known_and_a_constant_decoder_is_nought():
    scores = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    numbers = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]])
    np.testing.assert_allclose(correlations(scores, numbers), [1.0, 0.0])
    flat = correlations(scores, np.ones((3, 2)))
    assert np.isnan(flat).all()
    # Whole: folds that hold one score each give no number, not a correlation of nought.
    y = np.repeat([1.0, 2.0, 3.0], 20)
    X = np.random.default_rng(0).normal(size=(60, 2))
    found = decode(FoldDecoder(X, np.repeat([0, 1, 2], 20)), y, label_permutations(60, 19),
                   continuous=True)  # fmt: skip
    assert np.isnan(found.value)
    y = np.append(np.tile([1.0, 2.0], 20), np.full(20, 3.0))
    folds = np.append(np.arange(40) // 2 % 2, np.full(20, 2))
    told = FoldDecoder(X + y[:, None] * 5, folds)
    some = decode(told, y, label_permutations(60, 19), continuous=True)
    assert some.value > 0.9  # the fold of one score does not pull the mean down


def test_decoder_is_the_same_from_columns_and_from_rows():
    """More people than columns: factors over columns; the same scores as over pairs of people."""
    rng, X, folds = people(120, 8)
    wide = np.hstack([X, np.zeros((120, 200))])  # columns of nothing change no score
    Y = rng.normal(size=(120, 3))
    narrow = FoldDecoder(X, folds)
    assert next(narrow.ridges()).primal
    assert not next(FoldDecoder(wide, folds).ridges()).primal
    np.testing.assert_allclose(narrow.scores(Y), FoldDecoder(wide, folds).scores(Y), atol=1e-10)
    never = FoldDecoder(X, np.where(np.arange(120) < 40, 0, -1)).scores(Y)
    assert np.isnan(never[40:]).all()
    assert np.isfinite(never[:40]).all()


def test_a_fold_without_two_labels_does_not_pull_the_mean_down():
    rng = np.random.default_rng(1)
    y = np.tile([0, 1], 60)
    folds = np.repeat([0, 1, 2], 40)
    y[folds == 2] = 0
    X = rng.normal(size=(120, 2)) + y[:, None] * 6
    assert decode(FoldDecoder([X] * 3, folds), y, label_permutations(120, 19)).value > 0.99
