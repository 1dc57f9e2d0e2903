"""The simulated extract has the traps that it says it has, in every spelling and format."""

from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.extracts.fields import parse_field
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.simulation.extract import write_extract
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cohorts import find_dataset
from neurogenomics_kb.simulate import SimulationSettings
from tests.conftest import ROOT

SETTINGS = SimulationSettings(cohort="ukb", n_subjects=120, n_frames=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ukb") / "platform"
    write_extract(path, SETTINGS, kb=ROOT / "kb", n_filler=12)
    return path


def tables(folder, ending="csv"):
    read = pd.read_parquet if ending == "parquet" else pd.read_csv
    return {p.stem: read(p) for p in sorted((folder / "tables").glob(f"*.{ending}"))}


def test_names_are_those_of_the_platform(folder):
    people, imaging = tables(folder)["participant"], tables(folder)["imaging"]
    assert {"eid", "p31", "p22009_a1", "p22009_a40", "p54_i0", "p20126"} <= set(people)
    assert {"eid", "p31", "p21003_i2", "p21003_i3", "p54_i2", "p26756_i2"} <= set(imaging)


def test_every_field_of_the_cards_is_there(folder):
    found = {parse_field(c) for t in tables(folder).values() for c in t}
    cards = find_dataset(Registry(ROOT / "kb"), "ukb").tables
    # The other tables of FreeSurfer measures are read where an application ordered them.
    assert set(cards) == {
        "participants", "freesurfer", "freesurfer_area", "freesurfer_dkt", "freesurfer_destrieux",
    }  # fmt: skip
    for table in (cards["participants"], cards["freesurfer"]):
        wanted = {parse_field(source) for source in table.columns} - {None}
        assert wanted <= found


def test_traps(folder):
    people, imaging = tables(folder)["participant"], tables(folder)["imaging"]
    assert (people["eid"] == -1).sum() == 1
    income = imaging["p738_i2"]
    assert {-1, -3} <= set(income.dropna())
    assert 0.3 < (income.isna() | (income < 0)).mean() < 0.5
    assert set(imaging["p54_i2"].dropna()) <= {11025, 11026, 11027, 11028}
    assert not set(people["p54_i0"].dropna()) & {11025, 11026, 11027, 11028}
    again = imaging["p21003_i3"].notna()
    assert 0.1 < again.mean() < 0.35
    assert (imaging["p21003_i3"] > imaging["p21003_i2"])[again].all()
    assert (imaging["p26521_i3"] != imaging["p26521_i2"])[again].any()
    assert len(people) > len(imaging)  # some never came to imaging
    withdrawn = (folder / "withdrawn/w00000_20260101.csv").read_text().split()
    present = people["eid"].astype(str).isin(withdrawn).sum()
    assert 0 < present == len(withdrawn) - 1
    kinship = pd.read_csv(folder / "ukb_rel.dat", sep=" ")["Kinship"]
    assert (kinship > 0.2).any()
    assert (kinship < 0.0442).any()


@pytest.mark.parametrize("ending", ["tsv", "parquet"])
def test_the_other_spelling_and_formats_hold_the_same(folder, tmp_path, ending):
    extract = write_extract(
        tmp_path / "x", SETTINGS, kb=ROOT / "kb", n_filler=12, spelling="showcase", ending=ending
    )
    first, other = tables(folder)["imaging"], extract.tables["imaging"].to_pandas()
    assert {"31-0.0", "21003-2.0", "54-3.0"} <= set(other)
    assert [parse_field(c) for c in other] == [parse_field(c) for c in first]
    assert other["21003-2.0"].equals(first["p21003_i2"])
    assert len(list((tmp_path / "x/tables").glob(f"*.{ending}"))) == 2


def test_a_folder_with_anything_in_it_is_left_alone(folder):
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError, match="the folder is not empty"):
        write_extract(folder, SETTINGS, kb=ROOT / "kb")
    assert sorted(folder.rglob("*")) == before
