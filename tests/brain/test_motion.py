from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.motion import (
    group_mean_fd,
    mean_framewise_displacement,
    motion_quality,
)
from neurogenomics_kb.foundation.errors import InputError


def table(*values):
    return pd.DataFrame({"framewise_displacement": values})


def test_first_row_without_a_value_does_not_count():
    assert mean_framewise_displacement(table(np.nan, 0.2, 0.4)) == pytest.approx(0.3)
    assert np.isnan(mean_framewise_displacement(table(np.nan)))
    assert mean_framewise_displacement(table("n/a", "0.1")) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("confounds", "message"),
    [
        (table(np.nan, 0.1, np.nan), "confounds of s1.*1 frames after the first.*frame 3"),
        (pd.DataFrame({"fd": [1.0]}), "column is missing.*The table has fd"),
        (table("n/a", "high"), "expected numbers, found 'high'"),
    ],
)
def test_unusable_confounds_are_refused(confounds, message):
    with pytest.raises(InputError, match=message):
        mean_framewise_displacement(confounds, subject="s1")


def test_reasons():
    runs = pd.DataFrame(
        {
            "mean_fd": [0.5, 0.51, np.nan, 0.1, 0.1, np.nan],
            "n_frames": [100, 100, np.nan, 99, 200, 100],
            "has_timeseries": [True, True, True, True, False, True],
            "has_confounds": [True, True, False, True, True, True],
        },
        index=list("abcdef"),
    )
    metrics, failures = motion_quality(runs, max_mean_fd=0.5, min_frames=100)
    assert {reason: "".join(fails[fails].index) for reason, fails in failures.items()} == {
        "no confounds": "c",
        "no time series": "e",
        "mean framewise displacement above 0.5 mm": "b",
        "fewer than 100 frames": "d",
        "no framewise displacement": "f",
    }
    assert metrics.columns.tolist() == ["mean_fd", "n_frames"]


def test_group_motion_averages_the_runs_of_a_subject():
    table = pd.DataFrame(
        {
            "bids_name": ["sub-01_task-a_bold", "sub-01_task-b_bold", "sub-02_task-a_bold"],
            "fd_mean": [0.1, 0.3, 0.5],
        }
    )
    means = group_mean_fd(table)
    assert means.to_dict() == {"sub-01": pytest.approx(0.2), "sub-02": 0.5}
    assert means.index.name == "subject_id"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"bids_name": ["sub-01_bold"]}), "column 'fd_mean'"),
        (pd.DataFrame({"bids_name": ["run1", "sub-1"], "fd_mean": [0.1, 0.2]}), "1 of 2 runs"),
    ],
)
def test_group_motion_of_another_layout_is_refused(table, words):
    with pytest.raises(InputError, match=words):
        group_mean_fd(table)
