from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.stats.inference.permutation import monte_carlo_error, permutation_p_value
from neurogenomics_kb.stats.inference.residual_space import HuhJhun, Theil, independent_design


@pytest.fixture
def design():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(50, 6))
    Z[:, 3] = Z[:, 0] - 2 * Z[:, 1]
    Z[:, 5] = 7.0
    return independent_design(Z, 50), Z


def test_dependent_and_constant_columns_are_dropped(design):
    kept, Z = design
    full = np.column_stack([np.ones(50), Z])
    assert kept.shape[1] == np.linalg.matrix_rank(full) == 5
    projector = full @ np.linalg.pinv(full)
    np.testing.assert_allclose(kept @ np.linalg.pinv(kept), projector, atol=1e-10)
    assert independent_design(None, 4).tolist() == [[1.0]] * 4


@pytest.mark.parametrize("kind", [HuhJhun, Theil])
def test_basis_is_semi_orthogonal_and_spans_the_residuals(design, kind):
    kept, _ = design
    space = kind(kept)
    Q = space.lift(np.eye(space.size))
    np.testing.assert_allclose(Q.T @ Q, np.eye(45), atol=1e-10)
    residual_forming = np.eye(50) - kept @ np.linalg.pinv(kept)
    np.testing.assert_allclose(Q @ Q.T, residual_forming, atol=1e-10)
    np.testing.assert_allclose(space.project(np.eye(50)), Q.T, atol=1e-10)


def test_theil_gives_up_the_expendable_first(design):
    kept, _ = design
    expendable = np.zeros(50)
    expendable[[2, 7, 11, 13, 20, 31]] = 1
    dropped = np.setdiff1d(np.arange(50), Theil(kept, expendable).rows)
    assert set(dropped) <= {2, 7, 11, 13, 20, 31}


def test_p_value_counts_the_identity_and_ties():
    null = np.array([[1.0], [2.0], [3.0]])
    assert permutation_p_value(np.array([2.0]), null)[0] == 3 / 4
    assert permutation_p_value(np.array([9.0]), null)[0] == 1 / 4
    assert permutation_p_value(np.array([2.0 + 1e-14]), null)[0] == 3 / 4
    assert monte_carlo_error(np.array([0.2]), 100)[0] == pytest.approx(0.04)
