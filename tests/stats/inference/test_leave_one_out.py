"""Components without a group of columns, from one decomposition of the fold."""

import numpy as np
import pytest

from neurogenomics_kb.stats.inference import leave_one_out
from neurogenomics_kb.stats.inference.leave_one_out import LeaveOneOutPCA


def fold(n: int, p: int, *, structured: bool = True):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, p))
    if structured:
        for start in range(0, p, 10):
            X[:, start : start + 10] += 3 * rng.normal(size=(n, 2)) @ rng.normal(size=(2, 10))
    return X[: 3 * n // 4], X[3 * n // 4 :]


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.svd(np.linalg.qr(a)[0].T @ np.linalg.qr(b)[0], compute_uv=False)


@pytest.mark.parametrize(("n", "p"), [(200, 90), (120, 300)])
def test_leading_components_of_a_fold_stand_for_all(monkeypatch, n, p):
    train, test = fold(n, p)
    exact = LeaveOneOutPCA(train, test, 6)
    assert exact._compressed is None
    monkeypatch.setattr(leave_one_out, "COMPONENTS", 24)
    close = LeaveOneOutPCA(train, test, 6)
    assert close._compressed is not None
    for columns in (np.arange(10), np.array([3, 40, 41]), np.array([], dtype=int)):
        expected, found = exact.without(columns), close.without(columns)
        assert cosines(expected[0], found[0]).min() > 0.999
        # One set of weights for both, and unit variance in training.
        assert found[0].T @ found[0] / (len(train) - 1) == pytest.approx(np.eye(6), abs=1e-8)
        both = np.vstack([train, test]) - train.mean(axis=0)
        kept = np.delete(both, columns, axis=1)
        weights = np.linalg.lstsq(kept[: len(train)], found[0], rcond=None)[0]
        if kept.shape[1] < len(train):
            assert kept[len(train) :] @ weights == pytest.approx(found[1], abs=1e-8)
    whole = exact.everything()[0]
    assert cosines(whole, close.everything()[0]).min() > 1 - 1e-10
    for columns in (np.arange(10), np.arange(p - 4)):
        for mine, other in zip(exact.only(columns), close.only(columns), strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-12)
