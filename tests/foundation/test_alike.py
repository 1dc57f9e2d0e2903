"""Hashes of rows, and pairs of one cell."""

from __future__ import annotations

import numpy as np

from neurogenomics_kb.foundation import alike
from neurogenomics_kb.foundation.alike import count_in_cells, pairs_in_cells, row_keys


def test_equal_rows_have_equal_keys_and_others_have_not():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 3, (5000, 6)).astype(float)  # numbers whose bits differ at the top alone
    rows[0] = 0.0
    rows[1] = -0.0
    names = np.unique(rows + 0.0, axis=0, return_inverse=True)[1].ravel()
    keys = np.unique(row_keys(rows), return_inverse=True)[1]
    assert (np.unique(np.stack([names, keys]), axis=1).shape[1]
            == names.max() + 1 == keys.max() + 1)  # fmt: skip
    turned = rows[:, ::-1]
    assert (row_keys(turned) == row_keys(rows)).mean() < 0.1  # columns are not exchangeable


def test_pairs_of_a_cell_are_all_its_pairs(monkeypatch):
    monkeypatch.setattr(alike, "CHUNK", 7)
    keys = np.random.default_rng(0).integers(0, 9, 60).astype(np.uint64)
    keys[50:] = np.arange(100, 110)  # alone
    found = [(a, b) for A, B in pairs_in_cells(keys) for a, b in zip(A, B, strict=True)]
    expected = {(a, b) for a in range(60) for b in range(a + 1, 60) if keys[a] == keys[b]}
    assert len(found) == len(expected) == count_in_cells(keys)
    assert set(found) == expected
