"""Scales of a diagnosis against blocks that only predict it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.simulate.outcome_blocks import (
    DiffuseBlock,
    SymptomScales,
    draw_diffuse,
    draw_scales,
)
from neurogenomics_kb.stats.inference.audit import label_permutations
from neurogenomics_kb.stats.inference.target_proxy import OneFactor, one_factor, scan_features


def folds_of(y, k=5):
    out = np.empty(len(y), dtype=int)
    for label in np.unique(y):
        out[y == label] = np.arange((y == label).sum()) % k
    return out


def test_scan_is_the_fold_averaged_auc_of_every_feature():
    y, X = draw_scales(SymptomScales(n=200), 0)
    folds = folds_of(y)
    found = scan_features(X, y, folds, label_permutations(200, 99))
    each = [[roc_auc_score(y[folds == k], X[folds == k, j]) for k in range(5)] for j in range(10)]
    np.testing.assert_allclose(found.values, np.mean(each, axis=1))
    turned = scan_features(-X, y, folds, label_permutations(200, 99))
    np.testing.assert_allclose(turned.values, found.values)  # either direction tells
    assert np.median(found.p_values) < 0.002


def test_scan_of_a_score_is_the_fold_averaged_correlation():
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(100, 3)), np.arange(100) % 4
    y = X[:, 1] + rng.normal(size=100)
    found = scan_features(X, y, folds, label_permutations(100, 99), continuous=True)
    each = [np.corrcoef(X[folds == k, 1], y[folds == k])[0, 1] for k in range(4)]
    assert found.values[1] == pytest.approx(np.mean(each))
    assert found.p_values[1] < 0.002
    assert found.p_values[[0, 2]].min() > 0.05


def test_scan_of_several_classes_takes_the_one_told_best():
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"])[np.arange(150) % 3]
    X = rng.normal(size=(150, 2))
    X[:, 0] += 2 * (y == "b")
    folds = (np.arange(150) // 3) % 5
    found = scan_features(X, y, folds, label_permutations(150, 99))
    each = [roc_auc_score(y[folds == k] == "b", X[folds == k, 0]) for k in range(5)]
    assert found.values[0] == pytest.approx(np.mean(each))
    assert found.p_values[1] > 0.05


def test_false_alarms_of_the_scan_are_rare_over_all_features():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y, families = np.repeat(np.arange(40) % 2, 3), np.repeat(np.arange(40), 3)
        X = rng.normal(size=(120, 20)) + rng.normal(size=(40, 20))[families]
        rows = label_permutations(120, 99, families=families, random_state=seed)
        found = scan_features(X, y, (np.arange(40) // 2 % 5)[families], rows)
        hits += found.p_values.min() <= 0.05
    assert hits / 200 <= 0.09


def test_size_of_the_scan_is_seen():
    """One feature of the size that the scan names, among twenty."""
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = np.arange(150) % 2
        rows, folds = label_permutations(150, 99, random_state=seed), (np.arange(150) // 2) % 5
        X = rng.normal(size=(150, 20))
        named = scan_features(X, y, folds, rows).seen
        X[:, 7] += np.sqrt(2) * norm.ppf(named) * y
        hits += scan_features(X, y, folds, rows).p_values[7] <= 0.002
    assert hits / 60 >= 0.75


def made_of(found: OneFactor) -> bool:
    return found.typical >= 1.5 and found.left <= np.hypot(0.06, found.error)


@pytest.mark.parametrize("auc", [0.80, 0.95])
def test_scales_have_the_diagnosis_and_nothing_else_in_common(auc):
    settings = SymptomScales(n=200, auc=auc)
    found = [one_factor(*draw_scales(settings, seed)[::-1]) for seed in range(60)]
    assert np.mean([f.left for f in found]) == pytest.approx(0, abs=0.02)
    assert np.mean([made_of(f) for f in found]) >= 0.9


@pytest.mark.parametrize("auc", [0.90, 0.975])  # 0.80 and 0.93 by cross-validation
def test_diffuse_blocks_have_much_in_common_that_is_not_the_diagnosis(auc):
    settings = DiffuseBlock(n=200, auc=auc)
    found = [one_factor(*draw_diffuse(settings, seed)[::-1]) for seed in range(60)]
    assert min(f.left for f in found) > 0.12
    assert not any(made_of(f) for f in found)


def test_distress_that_lies_along_the_diagnosis_does_not_hide_the_scales():
    settings = SymptomScales(n=250, auc=0.95, distress=0.3)
    found = [one_factor(*draw_scales(settings, seed)[::-1]) for seed in range(40)]
    assert np.mean([made_of(f) for f in found]) >= 0.85


def test_features_of_nothing_have_a_typical_z_of_chance():
    rng = np.random.default_rng(0)
    found = [one_factor(rng.normal(size=(150, 20)), rng.integers(2, size=150)) for _ in range(100)]
    assert np.mean([f.typical for f in found]) == pytest.approx(0.67, abs=0.05)
    assert not any(made_of(f) for f in found)


def test_number_and_classes_are_outcomes_too():
    rng = np.random.default_rng(0)
    score = rng.normal(size=200)
    scales = score[:, None] + 2 * rng.normal(size=(200, 8))
    assert made_of(one_factor(scales, score))
    classes = np.eye(3)[np.arange(200) % 3]
    scales = classes @ rng.normal(size=(3, 8)) + rng.normal(size=(200, 8))
    assert one_factor(scales, classes).typical > 2
    few = one_factor(scales[:, :2], score)
    assert np.isnan([few.typical, few.left, few.error]).all()


def test_many_features_are_drawn():
    y, X = draw_diffuse(DiffuseBlock(n=120, features=900), 0)
    whole, again = one_factor(X, y), one_factor(X, y)
    assert whole == again
    assert whole.left == pytest.approx(one_factor(X[:, :400], y).left, abs=0.05)
