from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import FieldTablesDataset, WithoutWithdrawnDataset
from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.pipelines.simulation.extract import write_extract
from neurogenomics_kb.simulate import SimulationSettings
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ukb") / "extract"
    settings = SimulationSettings(cohort="ukb", n_subjects=100, n_frames=60)
    return folder, write_extract(folder, settings, kb=ROOT / "kb", n_filler=8)


def dataset(folder, table="participants", **options):
    options = {"withdrawn": str(folder / "withdrawn"), **options}
    return FieldTablesDataset(
        filepath=str(folder / "tables"),
        cohort="ukb",
        table=table,
        kb=str(ROOT / "kb"),
        **options,
    )


def test_participants_of_an_extract_are_valid(extract):
    folder, written = extract
    source = dataset(folder, relatedness=str(folder / "ukb_rel.dat"))
    assert source.exists()
    table = standardize_table(source.load(), source.card())
    assert not set(table.index) & set(written.withdrawn)
    assert len(table) == 100 + 10 - 2
    assert set(table["sex"]) == {"female", "male"}
    assert set(table["site"].dropna()) <= {"cheadle", "reading", "newcastle", "bristol"}
    assert 0.3 < table["income"].isna().mean() < 0.6
    assert set(table["mdd_diagnosis"].dropna()) == {0.0, 1.0}
    pairs = written.kinship[written.kinship["Kinship"] > 0.2]
    families = table["family_id"]
    for first, second in pairs[["ID1", "ID2"]].itertuples(index=False):
        if {first, second} <= set(table.index):
            assert families[first] == families[second]
    assert families.value_counts().max() <= 3


def test_features_have_canonical_names_and_only_the_imaged(extract):
    folder, written = extract
    table = dataset(folder, "freesurfer", features=True).load()
    assert table.index.name == "subject_id"
    assert len(table) == 100 - 1 - 2  # one was never scanned, two withdrew
    assert table.shape[1] == 1 + 4 * 33 + 14
    assert {"etiv", "thickness__lh_bankssts", "aseg_volume__Left-Hippocampus"} <= set(table)
    assert not set(table.index) & set(written.withdrawn)
    repeat = dataset(folder, "freesurfer", features=True, visit=3).load()
    assert 0 < len(repeat) < len(table) / 2
    common = table.index.intersection(repeat.index)
    assert (repeat.loc[common, "etiv"] != table.loc[common, "etiv"]).any()


def test_the_choices_enter_the_fingerprint(extract, tmp_path):
    folder, _ = extract
    assert dataset(folder).choices != dataset(folder, visit=3).choices
    (tmp_path / "w1.csv").write_text("1\n")
    assert dataset(folder).choices != dataset(folder, withdrawn=str(tmp_path)).choices


def test_a_table_that_no_card_has(extract):
    with pytest.raises(DatasetError) as error:
        dataset(extract[0], "participant").load()
    assert "no table 'participant', did you mean 'participants'" in str(error.value.__cause__)


def test_extracts_are_never_written(extract):
    for source in (dataset(extract[0]), without(extract[0], "pandas.CSVDataset", "scores.csv")):
        with pytest.raises(DatasetError, match="read only"):
            source.save(pd.DataFrame())


def without(folder, kind, name, **options):
    entry = {"type": kind, "filepath": str(folder / "genomics" / name)}
    return WithoutWithdrawnDataset(dataset=entry, withdrawn=str(folder / "withdrawn"), **options)


def test_every_raw_table_loses_the_withdrawn(extract, caplog):
    folder, written = extract
    kind = "pandas.CSVDataset"
    table = without(folder, kind, "polygenic_scores.csv", id_column="eid").load()
    assert len(table) == 98
    assert not set(table["eid"].astype(str)) & set(written.withdrawn)
    variants = without(folder, "neurogenomics_kb.datasets.VcfDataset", "variants.vcf.gz")
    assert variants.load() == folder / "genomics/variants.vcf.gz"
    assert variants.exists()
    assert not any(eid in caplog.text for eid in written.withdrawn)
