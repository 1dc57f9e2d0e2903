from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from kedro.validation.exceptions import ParameterValidationError

from neurogenomics_kb.brain.connectivity import NUISANCE, denoise, fisher_connectivity
from neurogenomics_kb.datasets import BidsTablesDataset, NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.fmri import create_pipeline
from tests.pipelines.modality_runs import check_persisted, merge, run_pipeline

ABSENT = NotCollected(modality="fmri", reason="no scanner")


def make_run(seed, n_frames=120, fd=0.2):
    rng = np.random.default_rng(seed)
    signals = pd.DataFrame(rng.normal(size=(n_frames, 3)), columns=["P1", "P2", "P3"])
    confounds = pd.DataFrame(rng.normal(size=(n_frames, len(NUISANCE))), columns=list(NUISANCE))
    confounds["framewise_displacement"] = [np.nan, *[fd] * (n_frames - 1)]
    return signals, confounds


@pytest.fixture
def run_modality(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(pipeline, inputs, parameters=None):
        # Worker processes take seconds to start: none unless a test asks for them.
        alone = {"fmri": {"connectivity": {"n_jobs": 1}}}
        return run_pipeline(pipeline, inputs, merge(alone, parameters or {}))

    return run


@pytest.fixture
def runs():
    return {
        "s1": make_run(1),
        "s2": make_run(2, fd=0.7),
        "s3": make_run(3),
        "s4": make_run(4, n_frames=60),
        "s5": make_run(5),
        "s6": make_run(6),
    }


@pytest.fixture
def raw(runs):
    return {
        "fmri.timeseries": {s: (lambda t=t: t) for s, (t, _) in runs.items() if s != "s5"},
        "fmri.confounds": {s: (lambda c=c: c) for s, (_, c) in runs.items() if s != "s6"},
        "fmri.sidecar": {"RepetitionTime": 2.0, "TaskName": "rest"},
        "recipe": {"blocks": {}, "encoders": {}},
    }


def test_features_and_quality(raw, runs, run_modality):
    catalog = run_modality(create_pipeline(), raw)
    check_persisted(create_pipeline(), catalog)
    quality = catalog.load("fmri.quality")
    assert quality.columns.tolist() == ["mean_fd", "n_frames", "included", "reason"]
    assert quality["reason"].to_dict() == {
        "s1": "",
        "s2": "mean framewise displacement above 0.5 mm",
        "s3": "",
        "s4": "fewer than 100 frames",
        "s5": "no time series",
        "s6": "no confounds",
    }
    features = catalog.load("fmri.features")
    assert features.index.tolist() == ["s1", "s3"]
    assert features.index.name == "subject_id"
    assert features.columns.tolist() == [
        "fmri__connectivity__P1~P2",
        "fmri__connectivity__P1~P3",
        "fmri__connectivity__P2~P3",
    ]
    for subject in features.index:
        wanted = fisher_connectivity(denoise(*runs[subject], 2.0))
        np.testing.assert_allclose(features.loc[subject], wanted, rtol=1e-5, atol=1e-7)


def test_two_processes_give_the_same_results_and_errors(raw, runs, run_modality):
    two = {"fmri": {"connectivity": {"n_jobs": 2, "cache": None}}}
    alone = run_modality(create_pipeline(), raw).load("fmri.features")
    together = run_modality(create_pipeline(), raw, two).load("fmri.features")
    pd.testing.assert_frame_equal(alone, together)
    raw["fmri.timeseries"]["s3"] = lambda: runs["s3"][0].assign(P2=1.0)
    with pytest.raises(InputError, match="time series of s3: parcel P2 is constant"):
        run_modality(create_pipeline(), raw, two)


def test_parameters_reach_the_signals(raw, runs, run_modality):
    changes = {
        "connectivity": {"nuisance": ["csf"], "low_pass": 0.2},
        "quality": {"max_mean_fd": 1},
    }
    features = run_modality(create_pipeline(), raw, {"fmri": changes}).load("fmri.features")
    assert features.index.tolist() == ["s1", "s2", "s3"]
    wanted = fisher_connectivity(denoise(*runs["s2"], 2.0, nuisance=["csf"], low_pass=0.2))
    np.testing.assert_allclose(features.loc["s2"], wanted, rtol=1e-5, atol=1e-7)


def test_progress_is_logged(raw, run_modality, caplog):
    with caplog.at_level(logging.INFO):
        run_modality(create_pipeline(), raw)
    assert "connectivity of 2 / 2 subjects" in caplog.text
    assert "2 of 6 subjects pass" in caplog.text


def test_cohort_without_fmri_gives_empty_tables(raw, run_modality):
    catalog = run_modality(
        create_pipeline(), dict.fromkeys(raw, ABSENT) | {"recipe": raw["recipe"]}
    )
    check_persisted(create_pipeline(), catalog)
    for name in ("fmri.features", "fmri.quality"):
        assert catalog.load(name).shape == (0, 0)


def test_everybody_moving_leaves_an_empty_table(raw, run_modality):
    changes = {"fmri": {"quality": {"max_mean_fd": 0.01}}}
    catalog = run_modality(create_pipeline(), raw, changes)
    assert catalog.load("fmri.features").empty
    assert not catalog.load("fmri.quality")["included"].any()


def test_broken_run_names_subject_and_parcel(raw, runs, run_modality):
    flat = runs["s3"][0].assign(P2=1.0)
    raw["fmri.timeseries"]["s3"] = lambda: flat
    with pytest.raises(InputError, match=r"time series of s3: parcel P2 is constant.*exclude"):
        run_modality(create_pipeline(), raw)
    left_out = {"fmri": {"quality": {"exclude": ["s3"]}}}
    assert run_modality(create_pipeline(), raw, left_out).load("fmri.features").index == ["s1"]


def test_other_parcels_are_refused(raw, runs, run_modality):
    renamed = runs["s3"][0].rename(columns={"P2": "Q2"})
    raw["fmri.timeseries"]["s3"] = lambda: renamed
    with pytest.raises(InputError, match=r"time series of s3: the parcels are not those of s1"):
        run_modality(create_pipeline(), raw)


def test_missing_repetition_time_is_refused(raw, run_modality):
    for sidecar in ({"TaskName": "rest"}, ABSENT):
        with pytest.raises(InputError, match="repetition time is missing"):
            run_modality(create_pipeline(), raw | {"fmri.sidecar": sidecar})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"connectivity": {"lowpass": 0.1}}, "lowpass"),
        ({"connectivity": {"low_pass": 0.005}}, "high_pass 0.01 is not below low_pass 0.005"),
        ({"quality": {"max_mean_fd": 0}}, "greater than 0"),
    ],
)
def test_wrong_parameters_are_refused(raw, run_modality, changes, message):
    with pytest.raises(ParameterValidationError, match=message):
        run_modality(create_pipeline(), raw, {"fmri": changes})


def test_series_that_xcp_d_cleaned_are_not_cleaned_again(raw, runs, run_modality, tmp_path):
    folder = tmp_path / "xcp_d"
    for subject, (series, _) in runs.items():
        place = folder / f"sub-{subject}/func"
        place.mkdir(parents=True)
        stem = place / f"sub-{subject}_task-rest"
        name = f"{stem}_space-MNI152NLin2009cAsym_seg-4S456Parcels_stat-mean_timeseries.tsv"
        series.to_csv(name, sep="\t", index=False, na_rep="n/a")
        motion = pd.DataFrame({"framewise_displacement": np.full(len(series), 0.1)})
        motion.to_csv(f"{stem}_motion.tsv", sep="\t", index=False)
    entities = {"task": "rest", "seg": "4S456Parcels", "stat": "mean"}
    raw["fmri.timeseries"] = BidsTablesDataset(filepath=str(folder), entities=entities).load()
    raw["fmri.confounds"] = BidsTablesDataset(
        filepath=str(folder), entities={"task": "rest"}, suffix="motion"
    ).load()
    as_they_are = {"nuisance": [], "high_pass": None, "low_pass": None, "detrend": False}
    catalog = run_modality(
        create_pipeline(),
        raw,
        {"fmri": {"connectivity": as_they_are, "quality": {"min_frames": 50}}},
    )
    features = catalog.load("fmri.features")
    assert list(features.index) == [f"sub-{s}" for s in runs]
    wanted = np.arctanh(np.corrcoef(runs["s1"][0], rowvar=False)[np.triu_indices(3, 1)])
    np.testing.assert_allclose(features.loc["sub-s1"], wanted, atol=1e-5)


def test_a_parcel_that_some_lack_is_left_out_by_choice(raw, runs, run_modality, caplog):
    runs["s3"][0]["P2"] = np.nan  # as XCP-D writes a parcel outside the image
    with pytest.raises(InputError, match="120 frames have no finite value in P2"):
        run_modality(create_pipeline(), raw)
    drop = {"fmri": {"connectivity": {"missing_parcels": "drop", "max_missing_parcels": 0.5}}}
    features = run_modality(create_pipeline(), raw, drop).load("fmri.features")
    assert features.columns.tolist() == ["fmri__connectivity__P1~P3"]
    assert features.index.tolist() == ["s1", "s3"]
    assert "1 of 3 parcels have no signal in some of 2 subjects" in caplog.text
    assert "P2 (1)" in caplog.text
    runs["s3"][0]["P2"] = make_run(3)[0]["P2"]
    whole = run_modality(create_pipeline(), raw).load("fmri.features")
    np.testing.assert_array_equal(whole[features.columns], features)


def test_columns_that_number_the_frames_are_no_parcels(raw, runs, run_modality, caplog):
    plain = run_modality(create_pipeline(), raw).load("fmri.features")
    for signals, _ in runs.values():
        signals.insert(0, "Unnamed: 0", range(len(signals)))
    found = run_modality(create_pipeline(), raw).load("fmri.features")
    pd.testing.assert_frame_equal(found, plain)
    assert "time series of s1: column 1, without name, numbers the frames" in caplog.text


def test_decimal_commas_of_a_group_table_end_the_run(raw, run_modality):
    names = [f"sub-{i}_task-rest_bold" for i in range(3)]
    table = pd.DataFrame({"bids_name": names, "fd_mean": ["0,1", "0,2", "0,3"]})
    inputs = {**raw, "fmri.timeseries": ABSENT, "fmri.confounds": ABSENT}
    with pytest.raises(InputError, match=r"'fd_mean': expected numbers, found '0,1', '0,2', '0,3'"):
        run_modality(create_pipeline(), {**inputs, "fmri.group_motion": table})
