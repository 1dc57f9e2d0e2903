"""What analyses give does not depend on where their loops run."""

from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.foundation.backends import use_backend
from neurogenomics_kb.foundation.choices import Part
from neurogenomics_kb.foundation.loops import SPENT
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.search import (
    search_dimensions,
)
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from tests.extending.small_run import study_of
from tests.extending.toys.nearest_mean import NearestMeanOptions
from tests.pipelines.conftest import make_recipe
from tests.pipelines.test_dimension_search import searching, study  # noqa: F401, fixtures


def in_processes(function):
    before = SPENT.cpu_s
    with use_backend("processes", n_jobs=2, worth_s=0):
        found = function()
    assert SPENT.cpu_s > before
    return found


def test_predictions_are_those_of_one_process(monkeypatch):
    # Only this process knows this predictor by name.
    place = "tests.extending.toys.nearest_mean:build"
    monkeypatch.setitem(PREDICTORS, "nearest_mean", Part(NearestMeanOptions, place))
    small = study_of(
        make_recipe(algorithms=["linear", "nearest_mean"], analyses=["prediction"]), n=90
    )
    alone = small.predict()
    for one, other in zip(alone, in_processes(small.predict), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.slow
def test_dimensions_are_those_of_one_process(searching, study):  # noqa: F811
    cohort, blocks, folds = study
    alone = search_dimensions(searching, cohort, blocks, folds)
    there = in_processes(lambda: search_dimensions(searching, cohort, blocks, folds))
    pd.testing.assert_frame_equal(alone, there, check_exact=True)
