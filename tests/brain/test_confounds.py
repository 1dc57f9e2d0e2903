from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds

from neurogenomics_kb.brain.confounds import (
    Censoring,
    ConfoundStrategy,
    keep_long_stretches,
    measured,
    select_regressors,
)
from neurogenomics_kb.brain.denoising import denoise
from neurogenomics_kb.brain.windows import displacement as displacement_of
from neurogenomics_kb.foundation.errors import InputError

FILES = {
    "v1": "fmriprep_v1_desc-confounds_regressors.tsv",
    "v21": "fmriprep_v21_desc-confounds_timeseries.tsv",
    "aomic": "aomic_sub-0002_desc-confounds_regressors.tsv",
}


def read(path):
    return pd.read_csv(path, sep="\t", na_values=["n/a"])


def as_nilearn_reads(folder, path, **options):
    """nilearn on the file itself, where fMRIPrep would have put it."""
    ending = path.name.split("_")[-1]
    shutil.copy(path, folder / f"sub-1_task-rest_desc-confounds_{ending}")
    image = folder / "sub-1_task-rest_desc-preproc_bold.nii.gz"
    return load_confounds(str(image), demean=False, **options)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("motion", "n"), [("basic", 6), ("derivatives", 12), ("power2", 12), ("full", 24)]
)
def test_motion_of_real_tables_is_that_of_nilearn(confounds_samples, tmp_path, name, motion, n):
    path = confounds_samples / FILES[name]
    signals = ("motion", "wm_csf", "global_signal")
    ours = select_regressors(read(path), ConfoundStrategy(signals, motion=motion))
    theirs, _ = as_nilearn_reads(tmp_path, path, strategy=signals, motion=motion)
    assert ours.shape == (len(read(path)), n + 3)
    assert ours.notna().all(axis=None)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False)


@pytest.mark.parametrize("name", FILES)
def test_cosines_of_real_tables(confounds_samples, name):
    table = read(confounds_samples / FILES[name])
    ours = select_regressors(table, ConfoundStrategy(("high_pass",)))
    assert list(ours) == sorted(c for c in table if c.startswith("cosine"))


def test_compcor_by_the_masks_in_the_json(confounds_samples):
    table = read(confounds_samples / FILES["aomic"])
    masks = ["combined", "combined", "CSF", "WM", "combined"]
    metadata = {f"a_comp_cor_0{i}": {"Mask": mask} for i, mask in enumerate(masks)}
    strategy = ConfoundStrategy(("high_pass", "compcor"), n_compcor=2)
    ours = select_regressors(table, strategy, metadata=metadata)
    assert [c for c in ours if "comp" in c] == ["a_comp_cor_00", "a_comp_cor_01"]
    table.attrs["metadata"] = metadata
    pd.testing.assert_frame_equal(select_regressors(table, strategy), ours)
    with pytest.raises(InputError, match=r"confounds of s1: CompCor needs the JSON"):
        select_regressors(table.set_axis(table.columns, axis=1).copy().pipe(strip), strategy,
                          subject="s1")  # fmt: skip


def strip(table):
    table.attrs = {}
    return table


def test_ica_aroma(confounds_samples):
    table = read(confounds_samples / FILES["v21"])
    full = select_regressors(table, ConfoundStrategy(("wm_csf", "ica_aroma")))
    assert list(full) == ["csf", "white_matter"]
    assert select_regressors(table, ConfoundStrategy(("ica_aroma",))).shape == (30, 0)
    table["aroma_motion_02"] = np.arange(30.0)
    basic = select_regressors(table, ConfoundStrategy(("ica_aroma",), ica_aroma="basic"))
    assert list(basic) == ["aroma_motion_02"]


@pytest.mark.parametrize(
    ("table", "strategy", "message"),
    [
        ({"trans_x": [0.0, 1]}, ConfoundStrategy(("motion",)), "signals motion cannot be taken"),
        ({"csf": [0.0, 1]}, ConfoundStrategy(("high_pass",)), "'cosine00': there is no cosine"),
        ({"X": [0.0, 1], "FramewiseDisplacement": [0, 1.0]}, ConfoundStrategy(("motion",)),
         "camel case.*fMRIPrep 1.2"),
        ({"csf": [0.0, 1], "white_matter": [0.0, 1]},
         ConfoundStrategy(("wm_csf", "ica_aroma"), ica_aroma="basic"), "ica_aroma"),
    ],
)  # fmt: skip
def test_what_a_table_lacks_is_said(table, strategy, message):
    with pytest.raises(InputError, match="confounds of s1.*" + message):
        select_regressors(pd.DataFrame(table), strategy, subject="s1")


def displacement(values, **columns):
    return pd.DataFrame({"framewise_displacement": [np.nan, *values[1:]], **columns})


def test_frames_with_motion_and_short_stretches_do_not_count():
    table = displacement([0, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.6, 0.1, 0.1, 0.1])
    assert Censoring(max_fd=0.5).kept(table).tolist() == [1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1]
    kept = Censoring(max_fd=0.5, min_contiguous=3).kept(table)
    assert kept.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert Censoring(drop_initial=2).kept(table).sum() == 9


def test_dvars_and_non_steady_state_frames(confounds_samples):
    table = read(confounds_samples / FILES["v21"])
    first = table.filter(like="non_steady_state").sum(axis=1).to_numpy() > 0
    assert first.any()
    np.testing.assert_array_equal(Censoring().kept(table), ~first)
    np.testing.assert_array_equal(Censoring(non_steady_state=False).kept(table), True)
    strict = Censoring(non_steady_state=False, max_std_dvars=1.5).kept(table)
    np.testing.assert_array_equal(strict, ~(table["std_dvars"] > 1.5))


@pytest.mark.parametrize("name", FILES)
def test_censoring_of_real_tables_is_nilearns_scrubbing(confounds_samples, tmp_path, name):
    path = confounds_samples / FILES[name]
    table = read(path)
    fd, dvars = table["framewise_displacement"].median(), table["std_dvars"].quantile(0.8)
    _, mask = as_nilearn_reads(
        tmp_path, path, strategy=("motion", "scrub"), motion="basic", scrub=0,
        fd_threshold=fd, std_dvars_threshold=dvars,
    )  # fmt: skip
    ours = Censoring(max_fd=fd, max_std_dvars=dvars).kept(table)
    assert 0 < ours.sum() < len(ours)
    np.testing.assert_array_equal(np.flatnonzero(ours), mask)


def test_long_stretches_at_both_ends():
    kept = np.array([1, 0, 1, 1, 0, 1, 1, 1], bool)
    assert keep_long_stretches(kept, 2).tolist() == [0, 0, 1, 1, 0, 1, 1, 1]
    assert not keep_long_stretches(kept, 9).any()
    np.testing.assert_array_equal(keep_long_stretches(kept, 1), kept)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"csf": [1.0, 2]}), "'framewise_displacement': the column is missing"),
        (displacement([0, 0.1, np.nan, 0.1]), "1 frames after the first have no value"),
        (pd.DataFrame({"framewise_displacement": ["a", "b"]}), "expected numbers"),
    ],
)
def test_motion_that_cannot_be_judged_is_refused(table, message):
    with pytest.raises(InputError, match="confounds of s1.*" + message):
        Censoring(max_fd=0.5).kept(table, subject="s1")


N, TR = 160, 2.0


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    time = TR * np.arange(N)
    slow = np.stack([np.sin(2 * np.pi * f * time) for f in (0.02, 0.045, 0.07)], axis=1)
    signals = pd.DataFrame(slow @ rng.normal(size=(3, 4)) + 100, columns=list("ABCD"))
    confounds = displacement([0.1] * N).assign(csf=rng.normal(size=N))
    return signals, confounds


@pytest.mark.parametrize("censored", [[50], [50, 51], [60, N - 61], [0, N - 1], [0, 1, 80, N - 1]])
def test_a_spike_in_censored_frames_changes_nothing(run, censored):
    # [60, N - 61] are mirror images in time, which nilearn 0.14 alone leaves as they are.
    signals, confounds = run
    confounds.loc[[f for f in censored if f], "framewise_displacement"] = 3.0
    censoring = Censoring(max_fd=0.5, drop_initial=int(0 in censored))
    spoilt = signals.copy()
    spoilt.loc[censored] += 1e4
    options = {"nuisance": ["csf"], "censoring": censoring}
    clean = denoise(signals, confounds, TR, **options)
    pd.testing.assert_frame_equal(denoise(spoilt, confounds, TR, **options), clean)
    assert clean.index.tolist() == sorted(set(range(N)) - set(censored))
    np.testing.assert_allclose(clean.std(), 1)


def test_a_gap_in_a_censored_frame_does_no_harm(run):
    signals, confounds = run
    confounds.loc[40, ["framewise_displacement", "csf"]] = [2.0, np.nan]
    signals.loc[40] = np.nan
    cleaned = denoise(
        signals, confounds, TR, nuisance=["csf"], censoring=Censoring(max_fd=0.5)
    )  # fmt: skip
    assert cleaned.notna().all(axis=None)
    assert len(cleaned) == N - 1


def test_interpolated_frames_keep_the_signal_around_them(run):
    signals, confounds = run
    whole = denoise(signals, confounds, TR, nuisance=[])
    confounds.loc[[70, 90, 91], "framewise_displacement"] = 2.0
    censored = denoise(signals, confounds, TR, nuisance=[], censoring=Censoring(max_fd=0.5))
    for parcel in signals:
        assert np.corrcoef(whole.loc[censored.index, parcel], censored[parcel])[0, 1] > 0.999


def test_all_frames_censored_is_said(run):
    signals, confounds = run
    with pytest.raises(InputError, match=r"confounds of s9: all 160 frames are censored"):
        denoise(signals, confounds, TR, nuisance=[], subject="s9",
                censoring=Censoring(drop_initial=500))  # fmt: skip


def test_few_frames_left_are_refused(run):
    signals, confounds = run
    confounds.loc[20:, "framewise_displacement"] = 2.0
    with pytest.raises(InputError, match=r"20 frames from first to last.*too few to filter"):
        denoise(signals, confounds, TR, nuisance=["csf"], censoring=Censoring(max_fd=0.5))
    confounds.loc[20:, "framewise_displacement"] = [0.1 if f % 20 == 0 else 2.0 for f in range(140)]
    with pytest.raises(InputError, match="27 frames leave 3 degrees of freedom"):
        denoise(signals, confounds, TR, nuisance=["csf"] * 6, censoring=Censoring(max_fd=0.5))


def test_strategy_regresses_out_what_it_names(run):
    signals, confounds = run
    rng = np.random.default_rng(3)
    # The nuisance signal is as slow as the band, or the filter would take it away.
    drift = np.convolve(rng.normal(size=N + 9), np.ones(10) / 10, "valid")
    confounds = confounds.assign(csf=drift, white_matter=rng.normal(size=N))
    spoilt = signals.add(50 * drift, axis=0)
    strategy = ConfoundStrategy(("wm_csf",))
    cleaned = denoise(spoilt, confounds, TR, nuisance=strategy)
    without = denoise(signals, confounds, TR, nuisance=strategy)
    pd.testing.assert_frame_equal(cleaned, without, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["n/a", "0,1", "0,2"], "found '0,1', '0,2'"),
        ([np.nan, 0.1, np.inf], "infinite"),
        ([np.nan, 0.1, -0.2], "frame 3 has -0.2, which is no size of a change"),
    ],
)
def test_sizes_of_changes_are_numbers_and_not_negative(values, message):
    table = pd.DataFrame({"framewise_displacement": values})
    with pytest.raises(InputError, match=message):
        measured(table.replace("n/a", np.nan), "framewise_displacement", "s1")
    with pytest.raises(InputError):
        displacement_of(table, 3, "s1")


def test_text_in_the_first_frame_is_no_gap():
    nuisance = pd.DataFrame({"csf": ["broken", *np.linspace(0, 1, 59).tolist()]})
    signals = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    with pytest.raises(InputError, match=r"'csf': expected numbers, found 'broken'"):
        denoise(signals, nuisance, 2.0, nuisance=["csf"], low_pass=None)
    first = nuisance.assign(csf=["n/a", *nuisance["csf"][1:]])
    assert len(denoise(signals, first, 2.0, nuisance=["csf"], low_pass=None)) == 60


def test_flags_that_are_no_numbers_are_refused():
    table = pd.DataFrame({"non_steady_state_outlier00": ["yes", "no", "no"]})
    with pytest.raises(InputError, match="non_steady_state_outlier00': expected numbers"):
        Censoring().kept(table, subject="s1")


def test_a_temporary_name_with_tsv_in_it_loses_no_description(monkeypatch, confounds_samples):
    """Nilearn writes "json" for "tsv" in the whole path."""
    monkeypatch.setattr("tempfile._RandomNameSequence.__next__", lambda self: "atsvb")
    test_compcor_by_the_masks_in_the_json(confounds_samples)
