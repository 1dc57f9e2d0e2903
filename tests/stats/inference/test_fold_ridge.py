"""Ridge regression of a fold in tiles, and of some of its columns."""

from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.foundation import tiles
from neurogenomics_kb.stats.inference import audit, fold_ridge
from neurogenomics_kb.stats.inference.audit import (
    Decoding,
    FoldDecoder,
    aucs,
    decode,
    decode_all,
    label_permutations,
    stratified_auc_influence,
)
from neurogenomics_kb.stats.inference.fold_ridge import FoldRidge


def by_hand(X, Y, train, test):
    inside, outside = X[train] - X[train].mean(axis=0), X[test] - X[train].mean(axis=0)
    penalty = (inside**2).sum() / len(train)
    gram = inside.T @ inside + penalty * np.eye(X.shape[1])
    return (outside @ np.linalg.solve(gram, inside.T @ (Y - Y.mean(axis=0)))).T


@pytest.mark.parametrize("p", [7, 200])
def test_tiles_of_people_and_subsets_of_columns(monkeypatch, p):
    monkeypatch.setattr(tiles, "TILE", 13 * p)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, p)) + 5
    train, test = np.flatnonzero(np.arange(120) % 4), np.arange(0, 120, 4)
    Y = rng.normal(size=(90, 3))
    ridge = FoldRidge(X, train, test, subsets=True)
    assert ridge.primal == (p < 90)
    np.testing.assert_allclose(ridge.scores(Y), by_hand(X, Y, train, test), atol=1e-10)
    for columns in (np.array([1, 3, 4]), np.setdiff1d(np.arange(p), [0, 2]), np.array([p - 1])):
        found = ridge.subset_scores(columns, Y)
        np.testing.assert_allclose(found, by_hand(X[:, columns], Y, train, test), atol=1e-10)
    np.testing.assert_allclose(ridge.scores(Y), by_hand(X, Y, train, test), atol=1e-10)


def test_upper_triangle_is_filled_block_by_block():
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(11, 11))
    whole += whole.T
    gram = np.asfortranarray(np.tril(whole))
    fold_ridge._fill_upper(gram, size=4)
    np.testing.assert_array_equal(gram, whole)


@pytest.mark.parametrize("p", [6, 150])
def test_what_was_regressed_out_is_told_by_nobody(p):
    """Products of rounding alone are nought, so that the AUC is a half on every machine."""
    rng = np.random.default_rng(0)
    site = np.tile([0.0, 1.0], 60)
    folds = np.arange(120) // 2 % 4
    parts = []
    for k in range(4):
        X = rng.normal(size=(120, p)) + site[:, None]
        train = folds != k
        design = np.column_stack([np.ones(120), site])
        X -= design @ np.linalg.lstsq(design[train], X[train], rcond=None)[0]
        parts.append(X)
    found = decode(FoldDecoder(parts, folds), site, label_permutations(120, 19))
    assert found.value == 0.5
    assert found.tail.spread > 0.01


def test_features_that_are_missing_tell_nothing():
    X = np.full((40, 3), np.nan)
    y = np.tile([0.0, 1.0], 20)
    assert np.isnan(FoldDecoder(X, np.arange(40) % 4).scores(y[:, None])).all()
    assert np.isnan(decode(FoldDecoder(X, np.arange(40) % 4), y, label_permutations(40, 5)).value)


def test_labels_decoded_together_are_those_decoded_alone(monkeypatch):
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(90, 5)), np.arange(90) % 3
    site, score = rng.integers(0, 3, 90), rng.normal(size=90) + X[:, 0]
    rows = label_permutations(90, 23)
    asked = [Decoding(site, rows), Decoding(score, rows, continuous=True)]
    decoder = FoldDecoder(lambda k: X, folds)
    together = decode_all(decoder, asked)
    monkeypatch.setattr(audit, "LABELS", 90 * 4)  # a few relabellings at a time
    alone = [decode(decoder, site, rows), decode(decoder, score, rows, continuous=True)]
    assert together == alone
    assert together[1].p_value == pytest.approx(1 / 24)


def test_aucs_of_ties_and_gaps():
    scores = np.array([[0.1, 0.3, np.nan], [0.1, 0.2, 1], [0.4, 0.1, 2], [0.1, 0.0, 3]])
    positive = np.array([[0, 1, 1], [1, 1, 0], [1, 0, 1], [0, 0, 0]], dtype=bool)
    np.testing.assert_allclose(aucs(scores, positive), [3 / 4, 1, np.nan])
    assert np.isnan(aucs(scores[:, :1], np.ones((4, 1), dtype=bool)))


@pytest.mark.parametrize("ties", [False, True])
def test_influence_by_ranks_is_that_of_a_table_of_pairs(ties):
    rng = np.random.default_rng(0)
    y, folds, batch = rng.integers(0, 2, 80), rng.integers(0, 3, 80), rng.integers(0, 2, 80)
    scores = rng.integers(0, 5, 80).astype(float) if ties else rng.normal(size=80) + y
    same = (folds[:, None] == folds) & (batch[:, None] == batch)
    pair = same & (y[:, None] == 1) & (y == 0)
    won = pair * ((scores[:, None] > scores) + 0.5 * (scores[:, None] == scores))
    auc = won.sum() / pair.sum()
    own = won.sum(axis=1) + won.sum(axis=0)
    partners = pair.sum(axis=1) + pair.sum(axis=0)
    value, influence = stratified_auc_influence(y, scores, folds, batch)
    assert value == pytest.approx(auc, abs=1e-14)
    np.testing.assert_allclose(influence, (own - auc * partners) / pair.sum(), atol=1e-14)
