"""The tangent strategy inside a training fold, and acquisitions in the recipe."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.connectivity import connectivity_features, unit_names
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import feature_name
from neurogenomics_kb.pipelines.integration.transformers import build_transformer
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import EmbeddingStrategy, PreprocessingPipeline
from neurogenomics_kb.registry.recipe import check_acquisitions
from tests.conftest import ROOT
from tests.pipelines.conftest import make_recipe

N, P = 40, 5


def table(seed=0):
    rng = np.random.default_rng(seed)
    parcels = [f"P{i}" for i in range(P)]
    rows = []
    for _ in range(N):
        series = rng.normal(size=(60, P)) @ (np.eye(P) + 0.4 * rng.normal(size=(P, P)))
        series = (series - series.mean(0)) / series.std(0, ddof=1)
        frame = pd.DataFrame(series, columns=parcels)
        rows.append(connectivity_features(frame, ["covariance"])["covariance"])
    columns = [feature_name("fmri", "covariance", u) for u in unit_names("covariance", parcels)]
    covariances = pd.DataFrame(np.array(rows), columns=columns)
    people = pd.DataFrame(
        {"age": rng.uniform(20, 60, N), "sex": rng.choice(["F", "M"], N),
         "site": rng.choice(["a", "b"], N), "mean_fd": rng.uniform(0.1, 0.3, N)}
    )  # fmt: skip
    return pd.concat([covariances, people], axis=1), list(people)


@pytest.fixture
def recipe():
    strategy = Registry(ROOT / "kb").get("fmri_tangent_pca512_v1")
    made = make_recipe()
    return made.model_copy(update={"blocks": {**made.blocks, "brain": strategy}})


def test_the_diagonal_stays_until_the_projection(recipe):
    frame, people = table()
    # Every subject has the same variance here: a filter for constants would break the matrix.
    frame["fmri__covariance__P0~P0"] = 1.0
    names = [n for n, _ in build_transformer(recipe, "brain", people).steps]
    assert names[:3] == ["0_tangent", "drop_constant", "1_zscore"]
    out = build_transformer(recipe, "brain", people, project=False).fit_transform(frame)
    assert out.shape == (N, P * (P + 1) // 2)


def test_nothing_is_learnt_from_test_subjects(recipe):
    frame, people = table()
    other = frame.copy()
    other.iloc[30:] = table(1)[0].iloc[30:].to_numpy()
    made = [
        build_transformer(recipe, "brain", people).fit(each.iloc[:30]).transform(frame)
        for each in (frame, other)
    ]
    pd.testing.assert_frame_equal(*made)


def strategy(acquisition=None, features=("connectivity",)):
    return EmbeddingStrategy(
        id="s", modality="fmri", features=list(features), acquisition=acquisition
    )


def with_blocks(acquisitions, **blocks):
    made = make_recipe()
    steps = {
        "series": [{"step": "average_parcels", "atlas": "A"}, {"step": "standardize"}],
        "volumes": [{"step": "scale_tensor"}],
    }
    cards = {a: PreprocessingPipeline(id=a, steps=steps[a]) for a in acquisitions}
    return made.model_copy(update={"blocks": blocks, "acquisitions": cards})


def test_blocks_of_one_acquisition_are_fine():
    check_acquisitions(with_blocks(["series"], a=strategy("series"), b=strategy("series")))
    check_acquisitions(with_blocks([], a=strategy(), b=strategy()))


def test_acquisitions_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"different acquisitions \(a: series, b: none\)"):
        check_acquisitions(with_blocks(["series"], a=strategy("series"), b=strategy()))
    with pytest.raises(InputError, match="'volumes' yields volumes, and connectivity needs series"):
        check_acquisitions(with_blocks(["volumes"], a=strategy("volumes")))
