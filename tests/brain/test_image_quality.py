from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.image_quality import group_image_quality, outside_limits
from neurogenomics_kb.brain.motion import group_mean_fd
from neurogenomics_kb.foundation.errors import InputError

TABLE = pd.DataFrame(
    {
        "bids_name": ["sub-01_run-1_T1w", "sub-01_run-2_T1w", "sub-02_ses-1_T1w", "sub-03_T1w"],
        "cjv": [0.3, 0.5, 0.7, np.nan],
        "cnr": [4.0, 3.0, 1.0, 2.0],
    }
)


def read(table, metrics=("cjv", "cnr")):
    return group_image_quality(table, metrics, prefix="t1w", file="group_T1w.tsv")


def test_images_of_a_subject_are_averaged():
    found = read(TABLE)
    assert found.index.tolist() == ["sub-01", "sub-02", "sub-03"]
    assert found.columns.tolist() == ["t1w_cjv", "t1w_cnr"]
    assert found.loc["sub-01"].tolist() == pytest.approx([0.4, 3.5])
    assert np.isnan(found.loc["sub-03", "t1w_cjv"])


def test_sessions_are_told_apart_where_tables_have_waves():
    names = ["sub-01_ses-1_run-1_T1w", "sub-01_ses-1_run-2_T1w", "sub-01_ses-2_T1w", "sub-03_T1w"]
    found = group_image_quality(
        TABLE.assign(bids_name=names), ["cnr"], prefix="t1w", file="f", waves=True
    )
    assert found.index.names == ["subject_id", "wave_id"]
    assert found["t1w_cnr"].to_dict() == {("sub-01", "ses-1"): 3.5, ("sub-01", "ses-2"): 1.0}


def test_tables_by_participant_are_read_too():
    table = pd.DataFrame({"participant_id": ["a", "b"], "FD_mean": [0.1, 0.2]})
    assert read(table, ["FD_mean"]).loc["b", "t1w_fd_mean"] == 0.2
    with pytest.raises(InputError, match=r"'a' occurs more than once \(1 of 2"):
        read(table.assign(participant_id="a"), ["FD_mean"])


def test_limits_are_inclusive_and_gaps_pass():
    found = read(TABLE)
    failures = outside_limits(found, {"t1w_cjv": (None, 0.4), "t1w_cnr": (2.0, 3.4)})
    assert list(failures) == ["t1w_cjv above 0.4", "t1w_cnr below 2", "t1w_cnr above 3.4"]
    assert [f.tolist() for f in failures.values()] == [
        [False, True, False],
        [False, True, False],
        [True, False, False],
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.drop(columns="bids_name"), "neither bids_name nor participant_id"),
        (TABLE.drop(columns="cjv"), "column 'cjv': the column is missing"),
        (TABLE.assign(cnr="good"), "'cnr': expected numbers, found 'good'"),
        (
            TABLE.assign(bids_name=["x_T1w", *TABLE["bids_name"][1:]]),
            "1 of 4 rows are not named after a subject, first 'x_T1w'",
        ),
    ],
)
def test_unusable_tables_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        read(table)


@pytest.mark.real_data
def test_real_group_table(aomic_dir):
    table = pd.read_csv(aomic_dir / "group_T1w.tsv", sep="\t")
    found = group_image_quality(
        table, ["cjv", "cnr", "efc", "snr_total"], prefix="t1w", file="group_T1w.tsv"
    )
    assert found.shape == (226, 4)
    assert found.notna().all(axis=None)
    assert found["t1w_cjv"].between(0.2, 0.8).all()


def test_labels_with_hyphens_are_people_of_their_own():
    names = ["sub-CC-001_ses-1_T1w", "sub-CC-002_ses-1_T1w", "sub-CC_T1w"]
    table = pd.DataFrame({"bids_name": names, "cjv": [0.1, 0.3, 0.7]})
    found = group_image_quality(table, ["cjv"], prefix="t1w", file="f")
    assert found["t1w_cjv"].to_dict() == {"sub-CC": 0.7, "sub-CC-001": 0.1, "sub-CC-002": 0.3}
    motion = table.rename(columns={"cjv": "fd_mean"})
    assert group_mean_fd(motion).to_dict() == found["t1w_cjv"].to_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["0,12", "0,15", "0,20"],
            "found '0,12'.*decimal points instead of commas",
        ),
        (["0.12", "high", "0.2"], "found 'high'"),
        ([0.1, np.inf, 0.2], "infinite"),
        ([True, False, True], "expected numbers"),
    ],
)
def test_unreadable_numbers_never_become_gaps(values, message):
    names = [f"sub-{i}_task-rest_bold" for i in range(3)]
    table = pd.DataFrame({"bids_name": names, "fd_mean": values})
    with pytest.raises(InputError, match=message):
        group_mean_fd(table)
    with pytest.raises(InputError, match=message):
        group_image_quality(table, ["fd_mean"], prefix="bold", file="f")
    with pytest.raises(InputError, match="no displacement in mm"):
        group_mean_fd(table.assign(fd_mean=[0.1, -1, 0.2]))


def test_blanks_and_gaps_around_numbers_do_no_harm():
    names = [" sub-1_bold", "sub-2_bold ", "sub-3_bold"]
    table = pd.DataFrame({"bids_name": names, "fd_mean": [" 0.1", "n/a ", "0.3 "]})
    with pytest.raises(InputError, match="not named after a subject"):
        group_mean_fd(table)
    found = group_mean_fd(table.assign(bids_name=[n.strip() for n in names]))
    assert found.fillna(-1).to_dict() == {"sub-1": 0.1, "sub-2": -1, "sub-3": 0.3}


def test_images_without_session_are_counted_in_the_log(caplog):
    table = pd.DataFrame({"bids_name": ["sub-1_ses-1_T1w", "sub-2_T1w"], "cjv": [0.1, 0.2]})
    found = group_image_quality(table, ["cjv"], prefix="t1w", file="f", waves=True)
    assert len(found) == 1
    assert "1 of 2 rows name no session and are left out, first sub-2_T1w" in caplog.text


def test_an_image_that_stands_twice_is_refused():
    names = ["sub-01_task-rest_bold", "sub-02_task-rest_bold", " sub-01_task-rest_bold"]
    table = pd.DataFrame({"bids_name": names, "fd_mean": [0.1, 0.2, 0.9], "cjv": [0.4, 0.5, 0.6]})
    with pytest.raises(InputError, match=r"'sub-01_task-rest_bold' occurs more than once"):
        read(table, metrics=["cjv"])
    table["bids_name"] = table["bids_name"].str.strip()
    with pytest.raises(InputError, match=r"'sub-01_task-rest_bold' occurs more than once"):
        group_mean_fd(table)
