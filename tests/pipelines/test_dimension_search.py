"""Nested search of the dimension of a block."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.dimension_search import (
    search as dimension_search,
)
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.present import present_search
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.search import (
    search_dimensions,
)
from neurogenomics_kb.pipelines.integration.analyses.dimension_search.tables import SEARCH
from neurogenomics_kb.registry.cards.strategies import NoProjector


@pytest.fixture
def study():
    """One block whose outcome lies on the second of its principal components."""
    rng = np.random.default_rng(0)
    n, p = 240, 20
    ids = pd.Index([f"sub-{i:03d}" for i in range(n)], name="subject_id")
    directions = np.linalg.qr(rng.normal(size=(p, p)))[0]
    scores = rng.normal(size=(n, p)) * np.r_[6.0, 5.0, np.full(p - 2, 1.0)]
    y = (scores[:, 1] / 5 + 0.7 * rng.normal(size=n) > 0).astype(float)
    cohort = pd.DataFrame(
        {
            "age": rng.uniform(40, 80, n),
            "sex": rng.choice(["female", "male"], n),
            "site": rng.choice(["north", "south"], n),
            "family_id": [f"f{i // 2}" for i in range(n)],
            "diagnosis": y,
        },
        index=ids,
    )
    columns = [f"smri__thickness__R{i}" for i in range(p)]
    block = pd.DataFrame(scores @ directions.T, index=ids, columns=columns)
    folds = pd.Series(np.arange(n) // 2 % 3, index=ids, name="fold")
    return cohort, {"brain": block}, folds


@pytest.fixture
def searching(recipe):
    """The toy recipe with the block alone and a grid."""
    brain = recipe.blocks["brain"]
    plain = [s for s in brain.preprocessing if s.step == "impute"]
    experiment = recipe.experiment.model_copy(
        update={
            "dimension_grid": [1, 2, 6, 500],
            "folds": recipe.experiment.folds.model_copy(update={"group": "family_id"}),
        }
    )
    return recipe.model_copy(
        update={
            "experiment": experiment,
            "blocks": {"brain": brain.model_copy(update={"preprocessing": plain})},
        }
    )


def test_it_finds_the_components_that_carry_the_outcome(searching, study):
    table = search_dimensions(searching, *study)
    assert list(table.columns) == list(SEARCH.names)
    assert table.groupby("fold")["chosen"].sum().eq(1).all()
    assert (table.loc[table["chosen"], "dim"] == 2).all()
    assert table["dim"].max() == 6  # 500 is beyond what the sample allows
    kept = table[table["dim"] == 2]
    assert kept["held_out"].mean() > 0.85
    assert table.loc[table["dim"] == 1, "inner_score"].mean() < 0.7
    text = present_search(searching, table).findings[0]
    assert "is 2 / 2 / 2 over the folds (median 2)" in text
    edge = table.assign(best=table["dim"] == 6)
    assert "more may be better" in present_search(searching, edge).findings[0]
    inside = table.assign(best=table["dim"] == 2)
    assert "more may be better" not in present_search(searching, inside).findings[0]


def test_the_test_fold_has_no_part_in_the_choice(searching, study, monkeypatch):
    monkeypatch.setattr(dimension_search, "INNER_FOLDS", 2)
    cohort, blocks, folds = study
    table = search_dimensions(searching, cohort, blocks, folds)
    test = (folds == 0).to_numpy()
    changed = cohort.copy()
    changed.loc[test, "diagnosis"] = 1 - changed.loc[test, "diagnosis"]
    moved = {"brain": blocks["brain"].copy()}
    moved["brain"].loc[test] *= 3
    again = search_dimensions(searching, changed, moved, folds)
    inner = ["dim", "inner_score", "inner_se", "best", "chosen"]
    first = table["fold"] == 0
    pd.testing.assert_frame_equal(table.loc[first, inner], again.loc[first, inner])
    assert again.loc[first & again["chosen"], "held_out"].iloc[0] < 0.2
    assert not np.allclose(table.loc[~first, "inner_score"], again.loc[~first, "inner_score"])


def test_a_grid_beyond_the_sample_is_refused(searching, study):
    grid = searching.experiment.model_copy(update={"dimension_grid": [100, 200]})
    with pytest.raises(InputError, match=r"'dimension_grid': block 'brain' allows \d+ components"):
        search_dimensions(searching.model_copy(update={"experiment": grid}), *study)


def test_blocks_without_a_pca_have_nothing_to_search(searching, study):
    brain = searching.blocks["brain"]
    bare = brain.model_copy(update={"projector": NoProjector(type="none")})
    table = search_dimensions(searching.model_copy(update={"blocks": {"brain": bare}}), *study)
    assert table.empty
    assert list(table.columns) == list(SEARCH.names)
    assert present_search(searching, table).findings == []
