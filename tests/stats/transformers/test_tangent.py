from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from nilearn.connectome import ConnectivityMeasure, sym_matrix_to_vec

from neurogenomics_kb.brain.connectivity import connectivity_features, unit_names
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.stats.transformers.tangent import TangentSpace

P, N = 6, 14
PARCELS = [f"P{i}" for i in range(P)]


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(P, P))
    each = [rng.normal(size=(90, P)) @ (mixing + 0.4 * rng.normal(size=(P, P))) for _ in range(N)]
    return [(x - x.mean(0)) / x.std(0, ddof=1) for x in each]


@pytest.fixture(scope="module")
def covariances(series):
    rows = [
        connectivity_features(pd.DataFrame(x, columns=PARCELS), ["covariance"])["covariance"]
        for x in series
    ]
    return pd.DataFrame(rows, columns=unit_names("covariance", PARCELS), dtype=float)


def test_equals_nilearn_fitted_on_the_training_subjects(series, covariances):
    theirs = ConnectivityMeasure(kind="tangent", standardize=False).fit(series[:9])
    wanted = sym_matrix_to_vec(np.asarray(theirs.transform(series[9:])))
    lower = [f"{PARCELS[b]}~{PARCELS[a]}" for a, b in zip(*np.tril_indices(P), strict=True)]
    ours = TangentSpace().fit(covariances[:9]).transform(covariances[9:])
    # Covariances are stored in single precision.
    np.testing.assert_allclose(ours[lower], wanted, atol=2e-5)


def test_reference_does_not_depend_on_test_subjects(covariances):
    other = covariances.copy()
    other.iloc[9:] = covariances.iloc[[0] * (N - 9)].to_numpy()
    fitted = TangentSpace().fit(covariances[:9])
    again = TangentSpace().fit(other[:9])
    np.testing.assert_array_equal(fitted.mean_, again.mean_)
    whole = TangentSpace().fit(covariances)
    assert np.abs(whole.mean_ - fitted.mean_).max() > 1e-3


def test_one_subject_is_transformed_as_in_a_group(covariances):
    fitted = TangentSpace().fit(covariances[:9])
    alone = fitted.transform(covariances[10:11])
    np.testing.assert_allclose(alone, fitted.transform(covariances[9:]).iloc[[1]])


def test_mean_of_the_training_subjects_is_the_origin(covariances):
    tangent = TangentSpace().fit_transform(covariances)
    np.testing.assert_allclose(tangent.mean(), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c.iloc[:, :-1], "20 columns are no upper triangle"),
        (lambda c: c.drop(index=3).reindex(c.index), r"covariances of 3 have gaps \(1 of 14"),
        (lambda c: c.assign(**{"P0~P0": -1.0}), "not positive definite"),
    ],
)
def test_what_is_no_covariance_is_refused(covariances, spoil, message):
    with pytest.raises(InputError, match=message):
        TangentSpace().fit(spoil(covariances))


def test_other_parcels_are_refused(covariances):
    fitted = TangentSpace().fit(covariances)
    with pytest.raises(InputError, match="not those of the training subjects"):
        fitted.transform(covariances.rename(columns={"P0~P1": "P1~P0"}))
