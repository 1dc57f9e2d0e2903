from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.diffusion import (
    idp_tracts,
    long_tracts,
    tract_features,
    wide_tracts,
)
from neurogenomics_kb.foundation.errors import InputError

LONG = pd.DataFrame(
    {
        "sub": ["0001", "0001", "0001", "2", "2", "2"],
        "bundle": ["CST_left", "CST_left", "AF right"] * 2,
        "what": ["FA", "MD", "FA"] * 2,
        "number": [0.5, 8e-4, 0.4, 0.6, 7e-4, np.nan],
    }
)
NAMES = {"subject": "sub", "tract": "bundle", "metric": "what", "value": "number"}
PROFILE = pd.DataFrame(
    {
        "subjectID": ["a"] * 4 + ["b"] * 4,
        "tractID": ["ARC_L", "ARC_L", "CST_R", "CST_R"] * 2,
        "nodeID": [0, 1] * 4,
        "dki_fa": [0.4, 0.6, 0.3, np.nan, 0.2, 0.4, np.nan, np.nan],
        "dki_md": 7e-4,
    }
)
ENIGMA = pd.DataFrame(
    {
        "subjectID": ["s1", "s2"],
        "ACR": [0.45, 0.55],
        "ACR-L": [0.4, 0.5],
        "ACR-R": [0.5, 0.6],
        "GCC": [0.6, 0.7],
        "AverageFA": [0.42, 0.43],
    }
)
UKB = pd.DataFrame(
    {
        "eid": ["11", "12"],
        "IDP_dMRI_TBSS_FA_Genu_of_corpus_callosum": [0.6, 0.7],
        "IDP_dMRI_TBSS_ISOVF_Fornix": [0.1, 0.2],
        "IDP_dMRI_ProbtrackX_MD_atr_l": [7e-4, 8e-4],
        "IDP_T1_FAST_ROIs_L_insula": [5.0, 6.0],
    }
)


def test_long_table_with_metric_and_value():
    table = long_tracts(LONG, NAMES, file="long.csv")
    assert table.columns.tolist() == ["fa__CST_left", "md__CST_left", "fa__AF_right"]
    assert table.loc["0001"].tolist() == [0.5, 8e-4, 0.4]
    assert np.isnan(table.loc["2", "fa__AF_right"])


def test_points_of_a_profile_are_averaged_and_a_lost_tract_is_a_gap():
    names = {"subject": "subjectID", "tract": "tractID", "metrics": ["dki_fa", "dki_md"]}
    table = long_tracts(PROFILE, names, file="profiles.csv")
    assert table.loc["a", "fa__ARC_L"] == pytest.approx(0.5)
    assert table.loc["a", "fa__CST_R"] == pytest.approx(0.3)
    assert np.isnan(table.loc["b", "fa__CST_R"])
    assert table["md__ARC_L"].tolist() == pytest.approx([7e-4, 7e-4])


def test_enigma_table_without_averages_of_its_own_columns():
    table = wide_tracts(ENIGMA, "FA", file="fa.csv")
    assert table.columns.tolist() == ["fa__ACR-L", "fa__ACR-R", "fa__GCC", "average_fa__skeleton"]
    assert table.loc["s2"].tolist() == [0.5, 0.6, 0.7, 0.43]


def test_names_of_imaging_derived_phenotypes():
    table = idp_tracts(UKB, "TBSS", file="idp.csv")
    assert table.columns.tolist() == ["fa__Genu_of_corpus_callosum", "isovf__Fornix"]
    assert idp_tracts(UKB, "ProbtrackX", file="idp.csv").columns.tolist() == ["md__atr_l"]
    visit = UKB.rename(columns=lambda c: c if c == "eid" else f"{c}-2.0")
    assert idp_tracts(visit, "TBSS", file="idp.csv").equals(table)


def test_features_keep_units_and_gaps():
    features = tract_features(long_tracts(LONG, NAMES, file="long.csv"))
    assert features.columns[0] == "dmri__fa__CST_left"
    assert features.index.name == "subject_id"
    assert features.isna().sum().sum() == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: long_tracts(LONG, {**NAMES, "tract": "fibre"}, file="f"), "'fibre': the column"),
        (lambda: long_tracts(LONG.assign(number="x"), NAMES, file="f"), "found 'x'"),
        (
            lambda: long_tracts(LONG.assign(bundle=[None, *LONG["bundle"][1:]]), NAMES, file="f"),
            "'bundle': 1 of 6 rows have no value",
        ),
        (
            lambda: wide_tracts(ENIGMA.assign(GCC=600.0), "FA", file="f"),
            r"fa is between .* 600 \(2",
        ),
        (lambda: wide_tracts(ENIGMA.assign(GCC=-1.0), "MD", file="f"), "md is not negative"),
        (lambda: wide_tracts(ENIGMA.assign(subjectID="s1"), "FA", file="f"), "repeat: s1"),
        (lambda: wide_tracts(ENIGMA[["subjectID"]], "FA", file="f"), "there is no tract"),
        (lambda: idp_tracts(ENIGMA, "TBSS", file="f"), "no column is called IDP_dMRI_TBSS"),
        (
            lambda: idp_tracts(
                pd.concat([UKB, UKB.iloc[:, 1:2].add_suffix("-3.0")], axis=1), "TBSS", file="f"
            ),
            "fa__Genu_of_corpus_callosum has two columns",
        ),
        (lambda: tract_features(pd.DataFrame(index=["a"])), "there is no tract"),
    ],
)
def test_unusable_tables_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_tract_that_was_not_found_is_a_gap(caplog):
    table = wide_tracts(ENIGMA.assign(GCC=[0.0, 0.7]), "FA", file="fa.csv")
    assert np.isnan(table.loc["s1", "fa__GCC"])
    assert "1 values of 0 in fa__GCC are taken as gaps" in caplog.text
    # A fraction may be nothing, and a point of a profile without the tract does not count.
    water = wide_tracts(ENIGMA.assign(GCC=[0.0, 0.7]), "ISOVF", file="f")
    assert water.loc["s1", "isovf__GCC"] == 0
    columns = {"subject": "subjectID", "tract": "tractID", "metrics": ["dki_fa"]}
    profile = PROFILE.assign(dki_fa=[0.4, 0.0, 0.3, np.nan, 0.2, 0.4, np.nan, np.nan])
    assert long_tracts(profile, columns, file="p").loc["a", "fa__ARC_L"] == 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GCC": ["0,6", "0,7"]}, "'GCC': .*decimal points instead of commas"),
        ({"GCC": [np.inf, 0.7]}, "'GCC': values are infinite"),
        ({"ACR_L": [0.4, 0.5], "ACR L": [0.4, 0.5]}, "'fa__ACR_L': 1 tracts have two columns"),
        ({"subjectID": ["s1", "s1 "]}, "subjects occur more than once, first 's1'"),
    ],
)
def test_other_values_of_tracts_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        wide_tracts(ENIGMA.assign(**change), "FA", file="fa.csv")
