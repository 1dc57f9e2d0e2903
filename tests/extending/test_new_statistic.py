"""A permutation statistic is one module and one line in `STATISTICS`."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.permutation_statistics import STATISTICS
from neurogenomics_kb.stats.cca import permutation_cca
from tests.extending.small_run import study_of
from tests.extending.toys.squared_roots import SquaredRootsOptions
from tests.pipelines.conftest import make_recipe


@pytest.fixture
def added(monkeypatch):
    place = "tests.extending.toys.squared_roots:build"
    monkeypatch.setitem(STATISTICS, "squared_roots", Part(SquaredRootsOptions, place))


@pytest.mark.parametrize("statistic", ["squared_roots", {"type": "squared_roots", "power": 2.0}])
def test_it_tests_the_blocks_and_the_result_names_it(added, statistic):
    recipe = make_recipe(analyses=["cca"], statistic=statistic, n_permutations=99, n_bootstraps=0)
    cca = study_of(recipe, n=240).correlate()
    # Where nothing of the null reaches it, the test goes on to ten times as many.
    assert cca.loc[0, "p_adjusted"] == 1 / 991
    assert cca["method"].unique().tolist() == ["family, squared_roots"]
    wilks = study_of(make_recipe(analyses=["cca"], n_permutations=99, n_bootstraps=0), n=240)
    assert cca["correlation"].tolist() == wilks.correlate()["correlation"].tolist()


def test_its_values_are_those_of_its_function(added):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(80, 3)), rng.normal(size=(80, 4))
    settings = {"n_permutations": 49, "random_state": 1}
    result = permutation_cca(X, Y, statistic="squared_roots", **settings)
    r = result.correlations
    np.testing.assert_allclose(result.statistic, np.cumsum(r[::-1] ** 2)[::-1])
    squared = STATISTICS.validate({"type": "squared_roots", "power": 2})
    twice = permutation_cca(X, Y, statistic=squared, n_jobs=2, **settings)
    np.testing.assert_allclose(twice.null, result.null**2)
    np.testing.assert_array_equal(twice.p_values, result.p_values)


def test_a_function_will_do_in_a_notebook():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))

    def second_moment(G, roots):
        return roots**2

    settings = {"n_permutations": 49, "random_state": 1}
    own = permutation_cca(X, Y, statistic=second_moment, **settings)
    roy = permutation_cca(X, Y, statistic="roy", **settings)
    np.testing.assert_array_equal(own.p_values, roy.p_values)
    assert own.method == "huh-jhun, second_moment"


def test_unknown_names_are_refused_and_never_wilks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    with pytest.raises(
        InputError, match=r"no permutation statistic 'roi', did you mean 'roy'.*wil"
    ):
        permutation_cca(X, X[::-1], statistic="roi")
    with pytest.raises(InputError, match="there is no regularisation 'rigde'"):
        permutation_cca(X, X[::-1], regularisation="rigde")
    with pytest.raises(InputError, match="there is no residual space 'thiel'"):
        permutation_cca(X, X[::-1], residual_space="thiel")
    with pytest.raises(ValidationError, match="Known: wilks, roy"):
        make_recipe(statistic="roi")
    with pytest.raises(ValidationError, match="Extra inputs"):
        make_recipe(statistic={"type": "roy", "power": 2})
