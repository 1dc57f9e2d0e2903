"""Every choice of conf/ukb/globals.yml leads to a dataset that reads what it says."""

from __future__ import annotations

import shutil

import pytest
import yaml
from kedro.io import DataCatalog

from neurogenomics_kb.project.config import CohortConfigLoader
from neurogenomics_kb.settings import CONFIG_LOADER_ARGS
from tests.brain.stats_writer import write_subject
from tests.conftest import ROOT


@pytest.fixture
def catalog_with(tmp_path, monkeypatch):
    """Catalog of the environment with some choices changed."""
    monkeypatch.setenv("NGKB_UKB_DIR", str(tmp_path / "extract"))

    def build(visit=2, **sources) -> DataCatalog:
        shutil.copytree(ROOT / "conf", tmp_path / "conf", dirs_exist_ok=True)
        file = tmp_path / "conf/ukb/globals.yml"
        settings = yaml.safe_load(file.read_text())
        assert set(sources) <= set(settings["sources"])
        settings["sources"] |= sources
        file.write_text(yaml.safe_dump({**settings, "visit": visit}))
        conf = CohortConfigLoader(str(tmp_path / "conf"), env="ukb", **CONFIG_LOADER_ARGS)
        return DataCatalog.from_config(conf["catalog"])

    return build


def kind(dataset) -> str:
    return type(getattr(dataset, "_dataset", dataset)).__name__


@pytest.mark.parametrize(
    ("sources", "entry", "wanted"),
    [
        ({"variants": "vcf"}, "genomics.variants", "VcfDataset"),
        ({"variants": "pgen"}, "genomics.variants", "PgenDataset"),
        ({"variants": "pgen"}, "genomics.reference", "FastaDataset"),
        ({"variants": "absent"}, "genomics.variants", "NotCollectedDataset"),
        ({"variants": "absent"}, "genomics.reference", "NotCollectedDataset"),
        ({"variants": "absent"}, "genomics.annotation", "NotCollectedDataset"),
        ({"embeddings": "parquet"}, "genomics.gene_embeddings", "ParquetDataset"),
        ({"embeddings": "absent"}, "genomics.gene_embeddings", "NotCollectedDataset"),
        ({"scores": "table"}, "genomics.polygenic_scores", "PeopleTableDataset"),
        ({"scores": "absent"}, "genomics.polygenic_scores", "NotCollectedDataset"),
        ({"freesurfer": "fields"}, "smri.freesurfer", "FieldTablesDataset"),
        ({"freesurfer": "tables"}, "smri.freesurfer", "FreeSurferTablesDataset"),
        ({"freesurfer": "subjects"}, "smri.freesurfer", "FreeSurferSubjectsDataset"),
        ({"freesurfer": "absent"}, "smri.freesurfer", "NotCollectedDataset"),
        ({"timeseries": "files"}, "fmri.timeseries", "PartitionedDataset"),
        ({"timeseries": "files"}, "fmri.confounds", "PartitionedDataset"),
        ({"timeseries": "files"}, "fmri.sidecar", "JSONDataset"),
        ({"timeseries": "absent"}, "fmri.timeseries", "NotCollectedDataset"),
        ({"fmri_embeddings": "files"}, "fmri.embeddings", "EmbeddingsDataset"),
        ({"fmri_embeddings": "absent"}, "fmri.embeddings", "NotCollectedDataset"),
        ({"families": "column"}, "participants", "FieldTablesDataset"),
    ],
)
def test_choices(catalog_with, sources, entry, wanted):
    dataset = catalog_with(**sources).get(entry)
    assert kind(dataset) == wanted
    # Whoever withdrew is left out of everything that is about people.
    others = ("NotCollectedDataset", "FastaDataset", "GtfDataset", "JSONDataset")
    assert (wanted in others) != hasattr(dataset, "_withdrawn")


@pytest.mark.parametrize(("visit", "subjects"), [(2, ["1000002"]), (3, ["1000003"])])
def test_folders_of_the_visit(catalog_with, tmp_path, visit, subjects):
    folder = tmp_path / "extract/freesurfer"
    for seed, name in enumerate(["1000001_20263_2", "1000002_20263_2", "1000003_20263_3"]):
        write_subject(folder, f"{name}_0", seed=seed, atlases=("aparc",))
    lists = tmp_path / "extract/withdrawn"
    lists.mkdir()
    (lists / "w1.csv").write_text("1000001\n")
    table = catalog_with(visit=visit, freesurfer="subjects").load("smri.freesurfer")
    assert table.index.tolist() == subjects
    assert {"thickness__lh_bankssts", "aseg_volume__Left-Hippocampus", "etiv"} <= set(table)
