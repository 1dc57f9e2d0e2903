"""Curves and products of confounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.confounds import ConfoundDesign, add_intercept
from neurogenomics_kb.stats.transformers.curves import CurvedConfounds, usual_products


def people(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.uniform(20, 70, n),
            "sex": rng.choice(["female", "male"], n),
            "site": rng.choice([11, 12, 13], n),
            "fd": rng.exponential(size=n),
        },
        index=[f"s{i}" for i in range(n)],
    )


def design(frame, extra):
    plain = ConfoundDesign(["age", "sex", "site", "fd"]).fit(frame).transform(frame)
    return add_intercept(np.hstack([plain, extra]))


def test_span_is_that_of_the_interaction_model():
    frame = people()
    found = CurvedConfounds(
        ["age", "fd"], products=[("age", "sex"), ("age", "site"), ("sex", "site")]
    ).fit_transform(frame)
    male = (frame["sex"] == "male").to_numpy(dtype=float)
    sites = np.column_stack([frame["site"] == s for s in (11, 12, 13)]).astype(float)
    age, fd = frame["age"].to_numpy(), frame["fd"].to_numpy()
    written = np.column_stack(
        [np.ones(len(frame)), age, fd, age**2, fd**2, male, sites, age * male,
         age[:, None] * sites, male[:, None] * sites]
    )  # fmt: skip
    ours = design(frame, found)
    rank = np.linalg.matrix_rank(written)
    assert rank == 13
    assert np.linalg.matrix_rank(ours) == rank
    both = np.hstack([ours / np.linalg.norm(ours, axis=0),
                      written / np.linalg.norm(written, axis=0)])  # fmt: skip
    assert np.linalg.matrix_rank(both, tol=1e-8) == rank
    assert list(found.columns[:2]) == ["age^2", "fd^2"]
    # fd², age², age × (sex, 2 sites), sex × 2 sites
    assert found.shape[1] == 7


def test_cubes_are_an_option():
    frame = people()
    found = CurvedConfounds(["age"], degree=3).fit(frame)
    assert found.columns_ == ["age^2", "age^3"]


def test_training_rows_alone_decide():
    frame = people()
    model = CurvedConfounds(["age"], products=[("age", "sex"), ("age", "site")])
    train, test = frame.iloc[:120], frame.iloc[120:].copy()
    fitted = model.fit(train)
    before = fitted.transform(test.iloc[:1])
    test.iloc[1:, 0] = 1000.0
    pd.testing.assert_frame_equal(fitted.transform(test).iloc[:1], before)
    assert fitted.transform(train).mean().abs().max() < 1e-12
    assert abs(fitted.transform(train)["age^2"].std(ddof=0) - 1) < 1e-12
    z = (test["age"].iloc[0] - train["age"].mean()) / train["age"].std(ddof=0)
    zz = ((train["age"] - train["age"].mean()) / train["age"].std(ddof=0)) ** 2
    assert before["age^2"].iloc[0] == pytest.approx((z**2 - zz.mean()) / zz.std(ddof=0))


def test_unseen_level_and_gap_are_average():
    frame = people()
    fitted = CurvedConfounds(["age"], products=[("age", "site")]).fit(frame)
    strange = frame.iloc[:2].copy()
    strange["site"] = 99
    strange.iloc[1, 0] = np.nan
    found = fitted.transform(strange)
    assert np.isfinite(found.to_numpy()).all()
    products = [c for c in found if "*" in c]
    np.testing.assert_allclose(found[products].to_numpy(), -fitted.mean_[1:][None, :].repeat(2, 0))


def test_no_curve_of_two_values_and_no_constant_columns():
    frame = people()
    frame["coil"] = np.arange(len(frame)) % 2
    frame["one"] = 3.0
    fitted = CurvedConfounds(["age", "coil", "one"], products=[("age", "one")]).fit(frame)
    assert fitted.columns_ == ["age^2"]
    none = CurvedConfounds().fit(frame).transform(frame)
    assert none.shape == (len(frame), 0)


def test_what_cannot_be_is_refused():
    frame = people()
    with pytest.raises(InputError, match="'height' is not among the columns"):
        CurvedConfounds(["height"]).fit(frame)
    with pytest.raises(InputError, match="a category has no curve"):
        CurvedConfounds(["site"]).fit(frame)
    with pytest.raises(InputError, match="a category has no curve"):
        CurvedConfounds(["sex"]).fit(frame)
    with pytest.raises(InputError, match="straight line"):
        CurvedConfounds(["age"], degree=1).fit(frame)


def test_usual_products_by_role():
    assert usual_products(["sex", "age_months", "site", "pc1"]) == [
        ("age_months", "sex"), ("age_months", "site"), ("sex", "site"),
    ]  # fmt: skip
    assert usual_products(["age", "age_group", "centre"], ["centre"]) == [("age", "centre")]
    assert usual_products(["pc1"]) == []
