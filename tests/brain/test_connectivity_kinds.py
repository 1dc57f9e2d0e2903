from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from nilearn.connectome import ConnectivityMeasure

from neurogenomics_kb.brain.connectivity import (
    KINDS,
    connectivity_features,
    fisher_connectivity,
    network_of,
    unit_names,
)
from neurogenomics_kb.brain.coskewness import coskewness_gram
from neurogenomics_kb.foundation.errors import InputError

PARCELS = [
    "7Networks_LH_Vis_1", "7Networks_LH_Vis_2", "7Networks_RH_Vis_1", "7Networks_LH_Default_PFC_1",
    "7Networks_RH_Default_PFC_1", "7Networks_RH_Limbic_OFC_1",
]  # fmt: skip


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=(80, 1))
    values = (values - values.mean(0)) / values.std(0, ddof=1)
    return pd.DataFrame(values, columns=PARCELS)


def upper(matrix, k):
    return matrix[np.triu_indices(len(matrix), k=k)]


@pytest.mark.parametrize(
    ("kind", "theirs", "k"),
    [
        ("partial_correlation", "partial correlation", 1),
        ("covariance", "covariance", 0),
        ("precision", "precision", 0),
    ],
)
def test_kinds_are_those_of_nilearn(series, kind, theirs, k):
    measure = ConnectivityMeasure(kind=theirs, standardize=False)
    wanted = upper(measure.fit_transform([series.to_numpy()])[0], k)
    ours = connectivity_features(series, [kind])[kind]
    np.testing.assert_allclose(ours, wanted, rtol=2e-5, atol=1e-6)
    assert len(unit_names(kind, PARCELS)) == len(ours)


def test_every_kind_has_a_name_for_each_value_in_single_precision(series):
    features = connectivity_features(series, list(KINDS))
    assert list(features) == list(KINDS)
    for kind, values in features.items():
        assert values.dtype == np.float32
        assert len(unit_names(kind, PARCELS)) == len(values)


def test_more_parcels_than_frames_still_have_a_partial_correlation():
    rng = np.random.default_rng(1)
    series = pd.DataFrame(rng.normal(size=(30, 50)), columns=[f"P{i}" for i in range(50)])
    partial = connectivity_features(series, ["partial_correlation"])["partial_correlation"]
    assert np.isfinite(partial).all()
    assert np.abs(partial).max() < 1


def test_network_means_are_means_of_edges(series):
    means = dict(
        zip(
            unit_names("network", PARCELS),
            connectivity_features(series, ["network"])["network"],
            strict=True,
        )
    )
    assert list(means) == [
        "Default~Default", "Default~Limbic", "Default~Vis", "Limbic~Vis", "Vis~Vis",
    ]  # fmt: skip
    z = np.arctanh(np.corrcoef(series.T) - np.eye(6))
    assert means["Vis~Vis"] == pytest.approx((z[0, 1] + z[0, 2] + z[1, 2]) / 3, abs=1e-6)
    assert means["Default~Default"] == pytest.approx(z[3, 4], abs=1e-6)
    assert means["Default~Vis"] == pytest.approx(z[:3, 3:5].mean(), abs=1e-6)


def test_networks_of_schaefer_and_of_a_table(series):
    assert network_of("17Networks_RH_DefaultA_PFCm_2") == "DefaultA"
    assert network_of("HIP-rh") is None
    plain = series.set_axis(list("ABCDEF"), axis=1)
    table = dict(zip("ABCDEF", "xxxyyz", strict=True))
    named = connectivity_features(plain, ["network"], networks=table)["network"]
    assert unit_names("network", list("ABCDEF"), table) == ["x~x", "x~y", "x~z", "y~y", "y~z"]
    assert len(named) == 5
    with pytest.raises(InputError, match=r"series of s1: 2 of 6 parcels .* no network: E, F"):
        connectivity_features(
            plain, ["network"], networks=dict(zip("ABCD", "xxyy", strict=True)), subject="s1"
        )


@pytest.mark.parametrize("scale", [1, 1e-6, 1e6])
def test_series_that_are_not_standardised_give_the_same_correlations(series, scale):
    raw = series * np.linspace(1, 9, 6) * scale + np.linspace(1e3, 2e4, 6) * scale
    np.testing.assert_allclose(
        fisher_connectivity(raw), fisher_connectivity(series), rtol=1e-9, atol=1e-10
    )
    wanted = np.arctanh(upper(np.corrcoef(series.T), 1))
    np.testing.assert_allclose(fisher_connectivity(series), wanted, rtol=1e-10, atol=1e-12)
    known = fisher_connectivity(series, centred=True)
    np.testing.assert_allclose(known, wanted, rtol=1e-10, atol=1e-12)


def test_single_precision_moves_strong_correlations_little():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(490, 1))
    series = pd.DataFrame(shared + rng.normal(size=(490, 12)) * np.linspace(0.05, 2, 12))
    double = fisher_connectivity(series)
    single = fisher_connectivity(series, dtype=np.float32)
    strong = double > np.arctanh(0.95)
    assert strong.any()
    assert np.abs(single - double)[~strong].max() < 1e-6
    assert np.abs(single - double).max() < 1e-4


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.assign(**{PARCELS[2]: 3.0}), "7Networks_RH_Vis_1 is constant"),
        (lambda s: s.assign(**{PARCELS[2]: 0.0}), "7Networks_RH_Vis_1 is constant"),
        (lambda s: s.drop(index=4).reindex(s.index), "1 frames have no finite value"),
        (lambda s: s.replace(s.iloc[0, 0], np.inf), "1 frames have no finite value"),
        (lambda s: s.iloc[:, :1], "1 parcels"),
        (lambda s: s.assign(**{PARCELS[5]: -s[PARCELS[0]]}), "hold the same signal"),
    ],
)
def test_series_without_correlations_are_refused(series, spoil, message):
    with pytest.raises(InputError, match="time series of s1: .*" + message):
        fisher_connectivity(spoil(series), subject="s1")


def test_the_coskewness_gram_is_that_of_the_third_moments(series):
    """The tensor of all triples is made here, and never there."""
    skewed = np.exp(series)
    z = ((skewed - skewed.mean()) / skewed.std(ddof=0)).to_numpy()
    tensor = np.einsum("ti,tp,tq->ipq", z, z, z) / len(z)
    wanted = np.einsum("ipq,jpq->ij", tensor, tensor)
    np.testing.assert_allclose(coskewness_gram(skewed), wanted, rtol=1e-10)
    features = connectivity_features(skewed, ["coskewness"])["coskewness"]
    np.testing.assert_allclose(features, upper(wanted, 0), rtol=1e-5)
    assert unit_names("coskewness", PARCELS)[0] == f"{PARCELS[0]}~{PARCELS[0]}"


def test_coskewness_sees_what_correlations_do_not():
    """A parcel that follows another's square is uncorrelated with it."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4_000, 3))
    values[:, 1] = values[:, 0] ** 2 - 1 + 0.5 * rng.normal(size=4_000)
    table = pd.DataFrame(values, columns=list("abc"))
    assert abs(table.corr().loc["a", "b"]) < 0.1
    gram = coskewness_gram(10 * table + 3)
    np.testing.assert_allclose(gram, coskewness_gram(table), rtol=1e-9)
    assert gram[0, 0] > 20 * gram[2, 2]


def test_coskewness_refuses_a_constant_parcel(series):
    with pytest.raises(InputError, match="sub-7"):
        coskewness_gram(series.assign(flat=1.0), subject="sub-7")
