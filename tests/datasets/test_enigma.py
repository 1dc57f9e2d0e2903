from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import EnigmaTablesDataset

THICKNESS = (
    "SubjID,L_bankssts_thickavg,R_bankssts_thickavg,LThickness,RThickness,LSurfArea,ICV,Site\n"
    "0012,2.5,x,2.4,2.5,90000,1500000,1\n0013,2.6,2.7,2.5,2.6,91000,1400000,1\n"
)
VOLUMES = (
    "SubjID,LLatVent,Rthal,Lhippo,Raccumb,ICV\n0013,9000,7000,4000,500,1400000\n"
    "0012,9100,7100,4100,510,1500000\n"
)


def load(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return EnigmaTablesDataset(filepath=str(folder), files=[f"{n}.csv" for n in texts]).load()


def cause(error):
    return str(error.value.__cause__)


def test_columns_get_freesurfers_names(tmp_path):
    table = load(tmp_path, thick=THICKNESS, volumes=VOLUMES)
    assert table.columns.tolist() == [
        "thickness__lh_bankssts", "thickness__rh_bankssts", "mean_thickness__lh_MeanThickness",
        "mean_thickness__rh_MeanThickness", "total_area__lh_WhiteSurfArea",
        "aseg_volume__Left-Lateral-Ventricle", "aseg_volume__Right-Thalamus",
        "aseg_volume__Left-Hippocampus", "aseg_volume__Right-Accumbens-area", "etiv",
    ]  # fmt: skip
    assert table.index.tolist() == ["0012", "0013"]
    assert table.loc["0012", "aseg_volume__Left-Hippocampus"] == 4100
    assert np.isnan(table.loc["0012", "thickness__rh_bankssts"])
    assert table["etiv"].tolist() == [1.5e6, 1.4e6]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": THICKNESS.replace("SubjID", "person")}, "there is no SubjID"),
        ({"a": THICKNESS.replace("0013", "0012")}, "repeat: 0012"),
        ({"a": "SubjID,Age\n1,3\n"}, "no column is of ENIGMA's cortical or subcortical"),
        ({"a": THICKNESS.replace("2.6,2.7", "thin,2.7")}, "expected numbers, found 'thin'"),
        ({"a": VOLUMES.replace("1400000", "0.908")}, "not volumes in mm³, first 0.908 (1 of 2"),
        ({"a": THICKNESS, "b": VOLUMES.replace("1400000", "1410000")}, "disagree about ICV (1 of"),
        (
            {"a": THICKNESS, "b": THICKNESS.replace("90000", "99000")},
            "SurfArea': the tables disagree",
        ),
        ({"a": THICKNESS.replace("2.5,x", "-9,x")}, "-9 is no thickness in mm"),
        ({"a": VOLUMES.replace(",4000,", ",4,000,")}, "row 1 has 7 cells and the header 6"),
        ({"a": THICKNESS, "b": VOLUMES.replace("0013", "0014")}, "does not hold the subjects of a"),
    ],
)
def test_unusable_tables_are_refused(tmp_path, texts, message):
    with pytest.raises(DatasetError) as error:
        load(tmp_path, **texts)
    assert message in cause(error)


def test_absent_regions_are_gaps_and_tables_may_agree(tmp_path):
    zero = THICKNESS.replace("2.6,2.7", "0,2.7")
    table = load(tmp_path, a=zero, b=zero, c=VOLUMES.replace(";", ",").replace(",", ";"))
    assert np.isnan(table.loc["0013", "thickness__lh_bankssts"])
    assert table.shape == (2, 10)
