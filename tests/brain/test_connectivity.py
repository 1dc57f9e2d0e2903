from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.connectivity import (
    NUISANCE,
    denoise,
    edge_names,
    fisher_connectivity,
    repetition_time,
)
from neurogenomics_kb.foundation.errors import InputError

TR = 2.0
PARCELS = ["P1", "P2", "P3", "P4"]


def run(seed=0, n_frames=150):
    """Time series and confounds of one run."""
    rng = np.random.default_rng(seed)
    signals = pd.DataFrame(rng.normal(size=(n_frames, 4)) + 100, columns=PARCELS)
    confounds = pd.DataFrame(rng.normal(size=(n_frames, len(NUISANCE))), columns=list(NUISANCE))
    return signals, confounds


def power_inside(signals, low, high):
    frequency = np.fft.rfftfreq(len(signals), TR)
    power = np.abs(np.fft.rfft(signals, axis=0)) ** 2
    band = (frequency >= low) & (frequency <= high)
    return power[band].sum() / power.sum()


def test_result_is_standardised_and_keeps_names():
    cleaned = denoise(*run(), TR)
    assert cleaned.columns.tolist() == PARCELS
    np.testing.assert_allclose(cleaned.mean(), 0, atol=1e-10)
    np.testing.assert_allclose(cleaned.std(), 1)


def test_only_the_band_is_left():
    signals, confounds = run()
    assert power_inside(signals - signals.mean(), 0.01, 0.1) < 0.5
    assert power_inside(denoise(signals, confounds, TR).to_numpy(), 0.005, 0.11) > 0.97


def test_nuisance_and_trend_are_taken_out():
    signals, confounds = run(1)
    slow = np.sin(2 * np.pi * 0.03 * TR * np.arange(len(signals)))
    confounds["csf"] = slow
    spoilt = signals.add(5 * slow + 0.2 * np.arange(len(signals)), axis=0)
    assert fisher_connectivity(spoilt).min() > 1
    with_regression = fisher_connectivity(denoise(spoilt, confounds, TR))
    clean = fisher_connectivity(denoise(signals, confounds, TR))
    np.testing.assert_allclose(with_regression, clean, atol=0.05)
    without = [name for name in NUISANCE if name != "csf"]
    assert fisher_connectivity(denoise(spoilt, confounds, TR, nuisance=without)).min() > 1


def test_no_filter_and_no_nuisance_is_plain_correlation():
    signals, confounds = run(2)
    kept = denoise(
        signals, confounds, TR, nuisance=[], high_pass=None, low_pass=None, detrend=False
    )
    wanted = np.arctanh(np.corrcoef(signals.T)[np.triu_indices(4, 1)])
    np.testing.assert_allclose(fisher_connectivity(kept), wanted)


def test_edges_are_named_in_the_order_of_values():
    rng = np.random.default_rng(3)
    signals = pd.DataFrame(rng.normal(size=(200, 3)), columns=["A", "B", "C"])
    signals["C"] += 3 * signals["B"]
    edges = dict(zip(edge_names(["A", "B", "C"]), fisher_connectivity(signals), strict=True))
    assert list(edges) == ["A~B", "A~C", "B~C"]
    assert edges["B~C"] > 1 > abs(edges["A~C"])


def test_first_row_of_derivatives_may_be_empty():
    signals, confounds = run(4)
    confounds.loc[0, "rot_x"] = np.nan
    filled = confounds.copy()
    filled.loc[0, "rot_x"] = confounds.loc[1, "rot_x"]
    pd.testing.assert_frame_equal(denoise(signals, confounds, TR), denoise(signals, filled, TR))


def spoil(**changes):
    signals, confounds = run()
    options = {"timeseries": signals, "confounds": confounds, "tr": TR, "subject": "sub-7"}
    return options | {
        name: change(options[name]) if callable(change) else change
        for name, change in changes.items()
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (spoil(confounds=lambda c: c.iloc[1:]), "confounds of sub-7: 149 rows.*150 frames"),
        (spoil(tr=None), "sub-7: the repetition time is missing"),
        (spoil(timeseries=lambda t: t.assign(P2=7.0)), "of sub-7: parcel P2 is constant"),
        (
            spoil(timeseries=lambda t: t.drop(index=5).reindex(t.index)),
            "1 frames have no finite value",
        ),
        (spoil(timeseries=lambda t: t.assign(P3="x")), "'P3'.*not numeric"),
        (spoil(timeseries=lambda t: t[["P1"]]), "1 parcels"),
        (spoil(confounds=lambda c: c.drop(columns="csf")), "'csf'.*fmri.connectivity.nuisance"),
        (
            spoil(confounds=lambda c: c.drop(index=9).reindex(c.index)),
            "'trans_x': 1 frames have no number",
        ),
        (
            spoil(timeseries=lambda t: t[:25], confounds=lambda c: c[:25]),
            "25 frames leave 0 degrees of freedom.*8 nuisance",
        ),
        (spoil(tr=6.0), "Nyquist frequency 0.0833 Hz"),
    ],
)
def test_unusable_runs_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        denoise(**arguments)


def test_two_parcels_with_one_signal_are_refused():
    signals, _ = run()
    with pytest.raises(InputError, match="P1 and P4 hold the same signal"):
        fisher_connectivity(signals.assign(P4=2 * signals["P1"]))


def test_repetition_time():
    assert repetition_time({"RepetitionTime": 2}) == 2.0
    with pytest.raises(InputError, match="'RepetitionTime': the repetition time is missing"):
        repetition_time({"TaskName": "rest"})
    for wrong in (2000, 0, -1, "2", True):
        with pytest.raises(InputError, match="not a repetition time in seconds"):
            repetition_time({"RepetitionTime": wrong})
