from __future__ import annotations

import os
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_info

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.inference.permutation import (
    FEWEST,
    Budget,
    monte_carlo_interval,
    one_thread,
    sequential_test,
)


def drawn(values):
    """What `sequential_test` asks for, from draws that are there already."""
    return lambda first, last: (values[first:last],)


def test_fixed_number_is_the_usual_p_value():
    rng = np.random.default_rng(0)
    null = rng.normal(size=(999, 2))
    test = sequential_test(np.array([0.0, 9.0]), drawn(null), Budget(999))
    np.testing.assert_array_equal(test.p_values, [(1 + (null[:, 0] >= 0).sum()) / 1000, 0.001])
    assert test.draws.tolist() == [999, 999]
    np.testing.assert_array_equal(test.null[0], null)


def test_stops_with_its_hits_and_goes_on_where_they_are_rare():
    null = np.zeros((5000, 3))
    null[::2, 0] = 1  # every second reaches the observed value: 5 hits by draw 9
    null[::300, 1] = 1  # draws 1, 301, …, 1201
    test = sequential_test(np.ones(3), drawn(null), Budget(5000, hits=5))
    assert test.draws.tolist() == [9, 1201, 5000]
    np.testing.assert_array_equal(test.p_values, [5 / 9, 5 / 1201, 1 / 5001])
    assert len(test.null[0]) == 5000
    alone = sequential_test(np.ones(1), drawn(null[:, :1]), Budget(5000, hits=5))
    assert alone.p_values[0] == 5 / 9
    assert len(alone.null[0]) == FEWEST  # for figures and means


@pytest.mark.parametrize(("most", "bound"), [(7, 1), (9, 3), (10, 2)])
def test_exact_on_small_cases(most, bound):
    """Every value that p can take has exactly that probability of being reached or undercut.

    With no ties the ranks of the observed value among the draws decide, and each rank pattern is
    as probable as another; by enumeration over the value of the observed one, uniform on (0, 1).
    """
    grid = (np.arange(400) + 0.5) / 400  # probability that a draw reaches the observed value
    reach = np.zeros(len(grid))
    found: dict[float, np.ndarray] = {}
    for pattern in product([0, 1], repeat=most):
        null = np.array(pattern, dtype=float)[:, None]
        p = sequential_test(np.ones(1), drawn(null), Budget(most, hits=bound)).p_values[0]
        chance = grid ** sum(pattern) * (1 - grid) ** (most - sum(pattern))
        found[p] = found.get(p, reach) + chance
    below = 0.0
    for p in sorted(found):
        below += found[p].mean()  # over the uniform null distribution of the observed value
        assert below == pytest.approx(p, abs=2e-4)


def test_uniform_under_the_null_whatever_the_chunks():
    rng = np.random.default_rng(1)
    budget = Budget.of(99, 990)
    assert budget == Budget(990, hits=5)
    p, draws = [], []
    for _ in range(2000):
        values = rng.random((991, 1))
        test = sequential_test(values[0], drawn(values[1:]), budget)
        p.append(test.p_values[0])
        draws.append(test.draws[0])
    p = np.array(p)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert stats.binomtest(int((p <= level).sum()), len(p), level).pvalue > 1e-3
    assert np.mean(draws) < 40  # 99 would be made without stopping


def test_decides_at_alpha_as_the_fixed_number_does():
    rng = np.random.default_rng(2)
    for n, alpha in ((99, 0.05), (999, 0.05), (999, 0.01)):
        for strength in rng.uniform(1.3, 2.4, 40):
            null = rng.normal(size=(10 * n, 1))
            observed = np.array([strength])
            fixed = sequential_test(observed, drawn(null[:n]), Budget.of(n)).p_values[0]
            budget = Budget.of(n, 10 * n, alpha)
            going_on = sequential_test(observed, drawn(null), budget).p_values[0]
            assert (going_on <= alpha) == (fixed <= alpha)
            no_further = Budget.of(n, n, alpha)
            stopping = sequential_test(observed, drawn(null), no_further).p_values[0]
            assert (stopping <= alpha) == (fixed <= alpha)


def test_budget_of_few_permutations_and_of_a_wrong_order():
    assert Budget.of(19, 190) == Budget(190, hits=1)
    assert Budget.of(5, 50) == Budget(50, hits=1)
    assert Budget.of(1000) == Budget(1000)
    with pytest.raises(InputError, match="at most 99 permutations, with 1,000 to begin with"):
        Budget.of(1000, 99)


def test_interval_of_a_fixed_number_is_that_of_clopper_and_pearson():
    low, high = monte_carlo_interval(np.array([5, 0, 10]), np.array([100, 99, 10]))
    for k, n, a, b in zip([5, 0, 10], [100, 99, 10], low, high, strict=True):
        expected = stats.binomtest(k, n).proportion_ci(0.95, "exact")
        assert (a, b) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize("true", [0.002, 0.03, 0.05, 0.3, 0.9])
def test_interval_covers_where_drawing_stopped(true):
    """Exact coverage, from the distribution of the draw at which it stopped."""
    budget = Budget(600, hits=8)
    outside = 0.0
    for draws in range(budget.hits, budget.most + 1):
        low, high = monte_carlo_interval(np.array([8]), np.array([draws]), True)
        chance = stats.nbinom.pmf(draws - 8, 8, true)
        outside += chance * (not low[0] <= true <= high[0])
    for hits in range(budget.hits):
        low, high = monte_carlo_interval(np.array([hits]), np.array([budget.most]))
        outside += stats.binom.pmf(hits, budget.most, true) * (not low[0] <= true <= high[0])
    assert outside <= 0.05
    assert outside > 0.005 or true < 0.01  # not needlessly wide


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_one_thread_inside_and_as_many_as_before_afterwards():
    script = (
        "import numpy, scipy.linalg; from tests.stats.inference.test_permutation import threads;"
        "from neurogenomics_kb.stats.inference.permutation import one_thread;"
        "print(threads())\nwith one_thread(): print(threads())\nprint(threads())"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True,
                         text=True, check=True)  # fmt: skip
    assert ran.stdout.split() == ["{2}", "{1}", "{2}"]


def test_loops_run_with_one_thread():
    seen = []

    def draw(first, last):
        seen.append(threads())
        return (np.zeros((last - first, 1)),)

    with one_thread():
        pass
    sequential_test(np.ones(1), draw, Budget(200, hits=1))
    assert set.union(*seen) == {1}
