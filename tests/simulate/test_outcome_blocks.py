"""Blocks tell the diagnosis as well as they are set to."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.simulate.outcome_blocks import (
    DiffuseBlock,
    SymptomScales,
    draw_diffuse,
    draw_scales,
)


@pytest.mark.parametrize("distress", [0.0, 0.4])
@pytest.mark.parametrize("auc", [0.80, 0.95])
def test_sum_of_scales_reaches_the_auc(auc, distress):
    y, X = draw_scales(SymptomScales(n=40_000, auc=auc, distress=distress), 0)
    assert roc_auc_score(y, X.sum(axis=1)) == pytest.approx(auc, abs=0.01)
    inside = np.corrcoef(X[y == 0].T)[np.triu_indices(10, 1)]
    np.testing.assert_allclose(inside, distress, atol=0.03)
    assert y.mean() == 0.5


@pytest.mark.parametrize("auc", [0.80, 0.95])
def test_best_combination_of_a_diffuse_block_reaches_the_auc(auc):
    y, X = draw_diffuse(DiffuseBlock(n=30_000, auc=auc), 0)
    found = LinearDiscriminantAnalysis().fit(X, y).decision_function(X)
    assert roc_auc_score(y, found) == pytest.approx(auc, abs=0.01)
    alone = [abs(roc_auc_score(y, x) - 0.5) for x in X.T]
    assert np.median(alone) < 0.13  # of a block that reaches 0.45 above chance
    inside = np.corrcoef(X[y == 0].T)[np.triu_indices(100, 1)]
    assert 0.1 < np.sqrt((inside**2).mean()) < 0.5


def test_a_seed_is_a_cohort():
    for draw, settings in ((draw_scales, SymptomScales()), (draw_diffuse, DiffuseBlock())):
        (y, X), (again, same) = draw(settings, 3), draw(settings, 3)
        assert (y == again).all()
        assert (same == X).all()
        assert (draw(settings, 4)[1] != X).any()
