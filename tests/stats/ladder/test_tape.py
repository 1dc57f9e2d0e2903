"""Patches of equal seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import units_of
from neurogenomics_kb.simulate.ladder import repetition_times
from neurogenomics_kb.stats.ladder.inputs import Inputs
from neurogenomics_kb.stats.ladder.pooled_tokens import PooledTokens
from neurogenomics_kb.stats.ladder.tape import (
    decodability,
    patch_tokens,
    patches_of_equal_samples,
    patches_of_equal_seconds,
)
from neurogenomics_kb.stats.prediction.folds import inner_splits
from tests.stats.ladder.cohorts import folds_of

SECONDS, VALUES, FRAMES = 30, 10, 15  # fifteen frames are 30 s at the longer repetition time


def rhythm(frequency, tr, seconds=240):
    times = np.arange(round(seconds / tr)) * tr
    return np.cos(2 * np.pi * frequency * (times + tr / 2))[:, None]


def tables(cohort):
    people = pd.RangeIndex(len(cohort.y))
    pairs = zip(cohort.series, cohort.tr, strict=True)
    equal_seconds = [patches_of_equal_seconds(s, tr, SECONDS, VALUES) for s, tr in pairs]
    equal_samples = [patches_of_equal_samples(s, FRAMES) for s in cohort.series]
    return {
        "equal seconds": patch_tokens(equal_seconds, people),
        "equal samples": patch_tokens(equal_samples, people),
    }


def within_site(cohort, table):
    """Area under the curve inside each site and test fold of one model for all sites."""
    inputs = Inputs({}, {"fmri": table.to_numpy()}, {"fmri": list(table.columns)}, cohort.groups)
    found = []
    for train, test in folds_of(cohort):
        inside, y = inputs.take(train), cohort.y
        rung = PooledTokens(continuous=False).fit(
            inside, y[train], inner_splits(y[train], inside.groups)
        )
        predicted = rung.predict(inputs.take(test))
        for site in range(4):
            here = cohort.site[test] == site
            if 0 < y[test][here].mean() < 1:
                found.append(roc_auc_score(y[test][here], predicted[here]))
    return np.mean(found)


@pytest.mark.parametrize("frequency", [0.0, 0.02, 0.05, 0.11])
def test_a_rhythm_gives_the_same_patches_at_every_repetition_time(frequency):
    # 40 s are whole frames at 0.8, 2.0 and 2.5 s.
    found = [patches_of_equal_seconds(rhythm(frequency, tr), tr, 40, 12) for tr in (0.8, 2.0, 2.5)]
    for patches in found:
        assert patches.shape == (6, 12, 1)
        assert np.abs(patches - found[0]).max() < 0.15
    samples = [patches_of_equal_samples(rhythm(frequency, tr), 16)[0] for tr in (0.8, 2.0)]
    if frequency:
        assert np.abs(samples[0] - samples[1]).max() > 1


def test_amplitude_stays_and_what_is_too_fast_goes():
    slow, fast = (patches_of_equal_seconds(rhythm(f, 0.8), 0.8, 40, 12) for f in (0.05, 0.4))
    assert abs(slow.std() - np.sqrt(0.5)) < 0.05
    assert fast.std() < 0.1  # the limit is 12 / 80 Hz


def test_patches_do_not_drift_where_frames_do_not_divide_them():
    times = np.arange(1000) * 0.735
    patches = patches_of_equal_seconds(times[:, None], 0.735, 36, 8)
    assert len(patches) == 20
    begin = patches.mean(axis=(1, 2)) - patches[0].mean()
    assert np.abs(begin - 36 * np.arange(20)).max() < 0.735


def test_what_cannot_be_cut_is_refused():
    series = np.zeros((40, 2))
    with pytest.raises(InputError, match="15 frames at a repetition time of 2 s, and 16"):
        patches_of_equal_seconds(series, 2.0, 30, 16)
    with pytest.raises(InputError, match=r"40 frames is shorter .* 90 s \(45 frames\)"):
        patches_of_equal_seconds(series, 2.0, 90, 8)
    with pytest.raises(InputError, match="a repetition time of 0 s"):
        patches_of_equal_seconds(series, 0.0, 30, 8)
    with pytest.raises(InputError, match="shorter than a patch of 41 frames"):
        patches_of_equal_samples(series, 41)
    people = pd.RangeIndex(2)
    with pytest.raises(InputError, match="patches of 2 shapes"):
        patch_tokens([np.zeros((5, 8, 2)), np.zeros((5, 8, 3))], people)
    with pytest.raises(InputError, match=r"shortest run has 3 windows.*\(1 of 2"):
        patch_tokens([np.zeros((5, 8, 2)), np.zeros((3, 8, 2))], people)


def test_windows_are_units_as_many_as_the_shortest_run_has():
    rng = np.random.default_rng(0)
    runs = [rng.normal(size=(9, 6, 2)), rng.normal(size=(5, 6, 2))]
    table = patch_tokens(runs, pd.Index(["a", "b"], name="subject_id"))
    units = units_of(table.columns)
    assert list(units) == ["w00", "w01", "w02", "w03", "w04"]
    assert all(len(columns) == 12 for columns in units.values())
    # Spread evenly over the longer run, the first coefficient being the scaled mean.
    means = table.loc["a", [f"fmri__tape__w{w:02d}__ch001_f00" for w in range(5)]] / np.sqrt(6)
    np.testing.assert_allclose(means, runs[0][[0, 2, 4, 6, 8], :, 1].mean(axis=1))


@pytest.mark.parametrize("seed", [0, 1])
def test_equal_samples_give_the_repetition_time_away(seed):
    cohort = repetition_times(n=160, seed=seed)
    found = decodability(tables(cohort), {"site": cohort.site, "tr": cohort.tr}, cohort.groups)
    auroc = found.set_index(["patches", "target"])["auroc"]
    assert auroc["equal samples", "tr"] > 0.95
    assert auroc["equal seconds", "tr"] < 0.75
    assert auroc["equal samples", "site"] > auroc["equal seconds", "site"] + 0.1
    sites = found[found["target"] == "site"]
    assert (sites["classes"] == 4).all()
    assert (sites["chance"] == np.bincount(cohort.site).max() / 160).all()
    with pytest.raises(InputError, match=r"'tr' is 2\.0 for everybody"):
        decodability(tables(cohort), {"tr": np.full(160, 2.0)})


def test_a_label_of_nobody_is_not_decoded():
    rng = np.random.default_rng(0)
    table = patch_tokens(list(rng.normal(size=(200, 5, 4, 2))), pd.RangeIndex(200))
    found = decodability({"noise": table}, {"coin": rng.integers(2, size=200)})
    assert abs(found["auroc"][0] - 0.5) < 0.12


@pytest.mark.parametrize("seeds", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_equal_seconds_predict_within_site_what_equal_samples_do_not(seeds):
    found = []
    for seed in range(seeds):
        cohort = repetition_times(n=300, seed=seed)
        both = tables(cohort)
        found.append([within_site(cohort, both[kind]) for kind in sorted(both)])
        print(seed, dict(zip(sorted(both), np.round(found[-1], 3), strict=True)))
    samples, seconds = np.mean(found, axis=0)
    assert seconds >= samples + 0.10
