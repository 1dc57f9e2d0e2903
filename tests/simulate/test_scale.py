"""The large cohort: the same every time, with its axis in it, read as other cohorts are."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from neurogenomics_kb.datasets import FreeSurferTablesDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.imported import embedding_features
from neurogenomics_kb.pipelines.simulation.folder import refuse_used
from neurogenomics_kb.simulate import scale
from neurogenomics_kb.simulate.scale import ScaleSettings, write_scale

SMALL = ScaleSettings(people=700, genes=10, dims=6, regions=40, correlation=0.6)
TABLES = {
    "thickness": ["lh.aparc.thickness.tsv", "rh.aparc.thickness.tsv"],
    "volume": ["lh.aparc.volume.tsv", "rh.aparc.volume.tsv"],
    "aseg_volume": ["aseg.volume.tsv"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Written in four tiles."""
    folder = tmp_path_factory.mktemp("scale")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scale, "TILE", 200)
        write_scale(folder, SMALL)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in files}


def test_equal_settings_give_equal_files(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "TILE", 200)
    write_scale(tmp_path, SMALL)
    assert hashes(folder) == hashes(tmp_path)
    with pytest.raises(InputError, match="not empty"):
        refuse_used(folder)


def test_another_seed_gives_other_people(folder, tmp_path):
    write_scale(tmp_path, SMALL.model_copy(update={"seed": 2}))
    other, own = hashes(tmp_path), hashes(folder)
    assert set(other) == set(own)
    assert all(other[name] != own[name] for name in own)


def test_files_are_read_as_other_cohorts_are(folder):
    file = pq.ParquetFile(folder / "genomics/gene_embeddings.parquet")
    assert file.metadata.num_row_groups == 4
    table = file.read().to_pandas()
    assert set(table.dtypes.iloc[1:]) == {np.dtype("float32")}
    features = embedding_features(table)
    assert features.shape == (700, 60)
    assert features.notna().all(axis=None)
    brain = FreeSurferTablesDataset(filepath=str(folder / "freesurfer"), tables=TABLES).load()
    assert brain.shape == (700, 41)
    assert brain.notna().all(axis=None)
    people = pd.read_csv(folder / "participants.tsv", sep="\t")
    assert set(people["participant_id"]) == set(features.index) == set(brain.index)
    assert people["mdd_diagnosis"].mean() == pytest.approx(0.3, abs=0.002)
    sizes = people["family_id"].value_counts()
    assert set(sizes) == {1, 2, 3}
    assert people["site"].nunique() == 4


def test_the_axis_is_planted_where_the_truth_says(folder):
    truth = json.loads((folder / "truth.json").read_text())
    genes = pq.read_table(folder / "genomics/gene_embeddings.parquet").to_pandas()
    brain = FreeSurferTablesDataset(filepath=str(folder / "freesurfer"), tables=TABLES).load()
    people = pd.read_csv(folder / "participants.tsv", sep="\t")
    drawn = scale.draw_scale_people(SMALL)
    assert np.corrcoef(drawn.gene, drawn.brain)[0, 1] == pytest.approx(0.6, abs=0.08)
    assert np.corrcoef(drawn.gene, people["mdd_diagnosis"])[0, 1] > 0.2
    assert truth["genes"] == ["GENE01"]

    def explained(columns) -> float:
        X = np.column_stack([np.ones(700), genes[columns]])
        rest = drawn.gene - X @ np.linalg.lstsq(X, drawn.gene, rcond=None)[0]
        return 1 - rest.var() / drawn.gene.var()

    assert explained([c for c in genes if "__GENE01__" in c]) > 0.4
    assert explained([c for c in genes if "__GENE02__" in c]) < 0.1
    order = [c for c in brain if c != "etiv"]
    names = [n for columns in scale.region_names(SMALL).values() for n in columns]
    along = np.array([abs(np.corrcoef(brain[c], drawn.brain)[0, 1]) for c in order])
    planted = np.arange(len(order)) % 4 == 0
    assert len(names) == len(order)
    assert along[planted].mean() > 2 * along[~planted].mean()


def test_relatives_are_alike_and_strangers_are_not(folder):
    genes = pq.read_table(folder / "genomics/gene_embeddings.parquet").to_pandas()
    people = pd.read_csv(folder / "participants.tsv", sep="\t")
    X = genes.iloc[:, 1:].to_numpy(float)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    likeness = X @ X.T / X.shape[1]
    family = people["family_id"].to_numpy()
    same = (family[:, None] == family) & ~np.eye(len(family), dtype=bool)
    assert likeness[same].mean() > 0.2
    assert abs(likeness[~same & ~np.eye(len(family), dtype=bool)].mean()) < 0.02


def test_columns_add_up():
    names = scale.region_names(ScaleSettings())
    assert sum(map(len, names.values())) == 512
    assert len(names["aseg.volume"]) == 32
