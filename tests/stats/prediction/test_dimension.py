from __future__ import annotations

import numpy as np
import pytest

from neurogenomics_kb.stats.prediction.dimension import smallest_within_one_se


def test_the_smallest_within_one_standard_error_of_the_best():
    mean = np.array([0.60, 0.68, 0.70, 0.705, 0.69])
    noise = 0.02 * np.array([1.0, -1.0, 1.0, -1.0])[:, None]  # standard error 0.0115
    choice = smallest_within_one_se([2, 4, 8, 16, 32], mean + noise)
    assert (choice.best, choice.chosen) == (16, 8)
    np.testing.assert_allclose(choice.mean, mean)
    np.testing.assert_allclose(choice.se, 0.02 * np.sqrt(4 / 3) / 2)
    assert smallest_within_one_se([2, 4, 8, 16, 32], mean + 3 * noise).chosen == 4
    assert smallest_within_one_se([2, 4, 8, 16, 32], np.tile(mean, (3, 1))).chosen == 16


def test_order_of_the_grid_does_not_matter():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 4))
    straight = smallest_within_one_se([2, 4, 8, 16], scores)
    turned = smallest_within_one_se([16, 8, 4, 2], scores[:, ::-1])
    assert (straight.best, straight.chosen) == (turned.best, turned.chosen)


@pytest.mark.parametrize("scores", [np.zeros((3, 2)), np.zeros((1, 3)), np.zeros(3)])
def test_scores_must_fit_the_grid(scores):
    with pytest.raises(ValueError, match="for 3 dimensions"):
        smallest_within_one_se([1, 2, 3], scores)
