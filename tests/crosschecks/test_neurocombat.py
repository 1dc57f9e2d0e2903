"""ComBat against neuroCombat, the authors' Python program (Fortin et al. 2018)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.stats.harmonization import ComBat

neurocombat = pytest.importorskip("neuroCombat", reason="pip install neuroCombat")


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    site = np.repeat(["a", "b", "c"], [45, 60, 35])
    age, sex = rng.uniform(20, 70, 140), rng.integers(0, 2, 140)
    shift = {"a": 0.0, "b": 1.0, "c": -0.7}
    scale = {"a": 1.0, "b": 1.6, "c": 0.8}
    values = rng.normal(size=(140, 30)) * np.array([scale[s] for s in site])[:, None]
    values += np.array([shift[s] for s in site])[:, None] * rng.uniform(0.5, 1.5, 30)
    values += 0.03 * (age - 45)[:, None] + 0.4 * sex[:, None]
    features = pd.DataFrame(values, columns=[f"f{i}" for i in range(30)])
    return features.assign(site=site, age=age, sex=sex.astype(float))


@pytest.mark.parametrize("parametric", [True, False])
@pytest.mark.parametrize("preserve", [[], ["age", "sex"]])
def test_harmonized_features_equal_those_of_neurocombat(cohort, parametric, preserve):
    features = [c for c in cohort if c.startswith("f")]
    expected = neurocombat.neuroCombat(
        dat=cohort[features].to_numpy().T,
        covars=cohort[["site", *preserve]],
        batch_col="site",
        continuous_cols=preserve,
        parametric=parametric,
    )["data"].T
    ours = ComBat("site", preserve, parametric=parametric).fit_transform(
        cohort[[*features, "site", *preserve]]
    )
    # Both stop iterating when estimates move by less than a tolerance (1e-4 there, 1e-6 here).
    np.testing.assert_allclose(ours.to_numpy(), expected, atol=2e-4)


@pytest.fixture
def old_numpy(monkeypatch):
    """neuroCombat's reference batch still asks for `numpy.int`."""
    monkeypatch.setattr(np, "int", int, raising=False)


@pytest.mark.parametrize(
    "options",
    [
        {"mean_only": True},
        {"mean_only": True, "parametric": False},
        {"reference": "b"},
        {"reference": "b", "parametric": False},
        {"reference": "c", "mean_only": True},
        {"empirical_bayes": False},
    ],
    ids=str,
)
def test_options_equal_those_of_neurocombat(cohort, old_numpy, options):
    features = [c for c in cohort if c.startswith("f")]
    names = {"reference": "ref_batch", "empirical_bayes": "eb"}
    expected = neurocombat.neuroCombat(
        dat=cohort[features].to_numpy().T,
        covars=cohort[["site", "age", "sex"]],
        batch_col="site",
        continuous_cols=["age", "sex"],
        **{names.get(name, name): value for name, value in options.items()},
    )["data"].T
    ours = ComBat("site", ["age", "sex"], **options).fit_transform(cohort).to_numpy()
    np.testing.assert_allclose(ours, expected, atol=2e-4)
    if "reference" in options:
        own = (cohort["site"] == options["reference"]).to_numpy()
        np.testing.assert_allclose(ours[own], cohort.loc[own, features], atol=1e-12)
    plain = ComBat("site", ["age", "sex"]).fit_transform(cohort).to_numpy()
    assert np.abs(ours - plain).max() > 0.02
