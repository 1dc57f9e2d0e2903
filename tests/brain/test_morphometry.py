from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.morphometry import (
    mean_euler_number,
    morphometry_features,
    surface_quality,
)
from neurogenomics_kb.foundation.errors import InputError

TABLES = pd.DataFrame(
    {
        "thickness__lh_bankssts": [2.5, np.nan, 2.7],
        "aseg_volume__Left-Hippocampus": [4000, 4100, 4200],
        "volume__rh_cuneus": [3000.0, 3000.0, 3000.0],
        "etiv": [1.5e6, 1.4e6, 1.6e6],
    },
    index=pd.Index(["s1", "s2", "s3"], name="subject_id"),
)
EULER = pd.DataFrame(
    {
        "participant_id": ["s1", "s2", "s4"],
        "euler_lh": [-217.0, -300.0, -40.0],
        "euler_rh": [-217.0, -136.0, np.nan],
    }
)


def test_features_keep_units_gaps_and_constants():
    features = morphometry_features(TABLES)
    assert features.columns.tolist() == [
        "smri__thickness__lh_bankssts",
        "smri__aseg_volume__Left-Hippocampus",
        "smri__volume__rh_cuneus",
    ]
    assert features.index.name == "subject_id"
    np.testing.assert_array_equal(features.to_numpy(), TABLES.iloc[:, :3].to_numpy(dtype=float))


def test_euler_number_is_the_mean_of_both_hemispheres():
    assert mean_euler_number(EULER).iloc[:2].tolist() == [-217.0, -218.0]
    assert np.isnan(mean_euler_number(EULER)["s4"])


def test_threshold_itself_passes():
    metrics, failures = surface_quality(TABLES, mean_euler_number(EULER))
    assert metrics.index.tolist() == ["s1", "s2", "s3", "s4"]
    assert failures["mean Euler number below -217"].tolist() == [False, True, False, False]
    assert failures["no FreeSurfer tables"].tolist() == [False, False, False, True]
    assert metrics.loc["s3", "etiv"] == 1.6e6


def test_missing_euler_number_is_kept_or_dropped():
    euler = mean_euler_number(EULER)
    assert "no Euler number" not in surface_quality(TABLES, euler)[1]
    dropped = surface_quality(TABLES, euler, missing_euler="drop")[1]["no Euler number"]
    assert dropped[dropped].index.tolist() == ["s3", "s4"]


def test_cohort_without_euler_numbers_loses_nobody_for_them():
    metrics, failures = surface_quality(TABLES, None)
    assert metrics.columns.tolist() == ["etiv"]
    assert failures == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLES.set_axis(["s1", "s1", "s2"]), "repeat: s1"),
        (TABLES[["etiv"]], "no regional column"),
        (
            TABLES.assign(thickness__lh_cuneus="thin"),
            "lh_cuneus': expected numbers, found 'thin'",
        ),
    ],
)
def test_unusable_tables_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        morphometry_features(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (EULER.drop(columns="euler_lh"), "'euler_lh': the column is missing"),
        (EULER.assign(euler_rh="bad"), "'euler_rh': expected numbers, found 'bad'"),
        (EULER.assign(euler_rh="-1,5"), "'euler_rh': .*decimal points instead of commas"),
        (EULER.assign(euler_lh=25), "'euler_lh': 25 is no Euler number, which is 2 at most"),
        (EULER.assign(euler_lh=float("-inf")), "'euler_lh': values are infinite"),
        (EULER.assign(participant_id="s1"), r"repeat: s1"),
    ],
)
def test_unusable_euler_table_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        mean_euler_number(table)
