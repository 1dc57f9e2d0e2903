"""Parcel series: what numbers the frames is no parcel, and parcels that some lack."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.denoising import check_signals
from neurogenomics_kb.brain.series import (
    looked_through,
    missing_parcels,
    parcel_columns,
    read_series,
    steady,
)
from neurogenomics_kb.foundation.errors import InputError

PARCELS = ["P01", "P02", "P03", "P04", "P05"]


def series(seed=0, n=60) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(100, 1, (n, 5)), columns=PARCELS)


@pytest.mark.parametrize("seed", range(25))
def test_counters_and_times_are_left_out_and_parcels_never(tmp_path, caplog, seed):
    rng = np.random.default_rng(seed)
    table = series(seed, int(rng.integers(20, 200)))
    tr, start = float(rng.choice([0.72, 0.8, 1.5, 2.0, 3.0])), int(rng.integers(0, 2))
    numbers = (np.arange(len(table)) + start) * (1 if rng.random() < 0.5 else tr)
    name = str(rng.choice(["", "index", "frame", "time", "Time (s)"[:4], "TR", "volume", "t"]))
    place = int(rng.integers(0, 6))
    path = tmp_path / "s.tsv"
    if name == "" and place == 0:
        table.set_axis(numbers, axis=0).to_csv(path, sep="\t", float_format="%.4g")
    else:
        wide = table.copy()
        wide.insert(place, name or "Unnamed: 3", numbers)
        wide.to_csv(path, sep="\t", index=False, float_format="%.4g")
    wanted = pd.read_csv(path, sep="\t")[PARCELS]
    found = read_series(lambda: pd.read_csv(path, sep="\t", na_values=["n/a"]), "sub-1")
    pd.testing.assert_frame_equal(found, wanted)
    assert "numbers the frames and is left out" in caplog.text


def test_series_without_counters_are_untouched(caplog):
    table = series()
    assert parcel_columns(table, "sub-1") is table
    drift = table + np.linspace(0, 30, len(table))[:, None]
    assert parcel_columns(drift, "sub-1") is drift
    assert not caplog.records


def test_separators_at_the_end_of_lines_make_no_parcel():
    table = series().assign(**{"Unnamed: 5": np.nan})
    assert parcel_columns(table, "sub-1").columns.tolist() == PARCELS


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (series().assign(**{"Unnamed: 5": series(1)["P01"]}), "column 6 of 6 has no name"),
        (series().assign(P06=np.arange(60.0)), "column 'P06': column 6 of 6 rises by equal steps"),
    ],
)
def test_other_columns_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        parcel_columns(table, "sub-1")


def test_a_counter_never_gets_into_connectivity():
    with pytest.raises(InputError, match="column 'n': the parcel's signal rises by equal steps"):
        check_signals(series().assign(n=range(60)), "sub-1")
    assert not steady(series().to_numpy()).any()
    assert not steady(np.zeros((60, 2))).any()


def test_parcels_that_some_lack_are_found():
    tables = {f"sub-{i}": series(i) for i in range(4)}
    tables["sub-1"]["P02"] = np.nan  # XCP-D's n/a
    tables["sub-3"]["P02"] = 0.0
    tables["sub-3"]["P05"] = 7.0
    loaders = {s: (lambda t=t: t) for s, t in tables.items()}
    names, missing = missing_parcels(loaders, max_share=0.5)
    assert names == PARCELS
    assert missing == {"P02": 2, "P05": 1}
    kept = looked_through(loaders, missing)
    assert [load().columns.tolist() for load in kept.values()] == [["P01", "P03", "P04"]] * 4
    with pytest.raises(InputError, match=r"2 of 5 parcels .* most in sub-3 \(2\), sub-1 \(1\)"):
        missing_parcels(loaders, max_share=0.2)
    tables["sub-2"] = tables["sub-2"].rename(columns={"P01": "Q"})
    loaders["sub-2"] = lambda: tables["sub-2"]
    with pytest.raises(InputError, match="the parcels are not those of sub-0"):
        missing_parcels(loaders)


def test_a_parcel_with_gaps_in_some_frames_is_not_missing():
    table = series()
    table.loc[3:5, "P02"] = np.nan
    assert missing_parcels({"sub-1": lambda: table}) == (PARCELS, {})
    with pytest.raises(InputError, match="3 frames have no finite value in P02"):
        check_signals(table, "sub-1")
