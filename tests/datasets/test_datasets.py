from __future__ import annotations

import ast
import inspect
import os
import textwrap

import numpy as np
import pandas as pd
import pytest
from cyvcf2 import VCF
from kedro.io import AbstractDataset, DatasetError

from neurogenomics_kb import datasets
from neurogenomics_kb.datasets import (
    FastaDataset,
    FreeSurferTablesDataset,
    GtfDataset,
    NotCollected,
    NotCollectedDataset,
    RegistryDataset,
    ResultCardDataset,
    VcfContent,
    VcfDataset,
)
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.results import Result


def cause(error):
    """The user's error below Kedro's wrapper."""
    return str(error.value.__cause__)


@pytest.fixture
def content():
    variants = pd.DataFrame(
        {"chrom": "chr1", "pos": [3, 9], "id": ["a", "b"], "ref": ["A", "CT"], "alt": ["G", "C"]}
    )
    genotypes = np.array([[[0, 1], [1, 1]], [[-1, -1], [0, 0]]], dtype=np.int8)
    return VcfContent({"chr1": 20}, variants, ["s1", "s2"], genotypes)


def test_vcf_round_trip_and_equal_bytes(tmp_path, content):
    dataset = VcfDataset(filepath=str(tmp_path / "a/v.vcf.gz"))
    assert not dataset.exists()
    dataset.save(content)
    path = dataset.load()
    vcf = VCF(str(path))
    assert vcf.samples == ["s1", "s2"]
    records = list(vcf("chr1:1-20"))
    assert [(r.POS, r.REF, r.ALT) for r in records] == [(3, "A", ["G"]), (9, "CT", ["C"])]
    calls = np.array([[g[:2] for g in r.genotypes] for r in records])
    np.testing.assert_array_equal(calls, content.genotypes)
    assert all(g[2] for r in records for g in r.genotypes)  # phased
    first = path.read_bytes()
    dataset.save(content)
    assert path.read_bytes() == first


def test_broken_vcfs(tmp_path, content, caplog):
    dataset = VcfDataset(filepath=str(tmp_path / "v.vcf.gz"))
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "the variant file is missing" in cause(error)
    dataset.save(content)
    path, index = tmp_path / "v.vcf.gz", tmp_path / "v.vcf.gz.tbi"
    os.utime(index, (1, 1))
    dataset.load()
    assert "is older than" in caplog.text
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "is truncated" in cause(error)
    path.write_bytes(whole)
    index.unlink()
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "has no index" in cause(error)
    assert "tabix -p vcf v.vcf.gz" in cause(error)


def test_fasta_is_indexed_when_needed(tmp_path):
    dataset = FastaDataset(filepath=str(tmp_path / "r.fa"))
    dataset.save({"chr1": "ACGT" * 40, "chr2": "TTT"})
    assert (tmp_path / "r.fa").read_text().splitlines()[1] == ("ACGT" * 15)
    index = tmp_path / "r.fa.fai"
    index.unlink()
    assert dataset.load() == tmp_path / "r.fa"
    assert index.read_text().splitlines()[0].split("\t")[:2] == ["chr1", "160"]
    os.utime(index, (1, 1))
    (tmp_path / "r.fa").write_text(">chr9\nACG\n")
    dataset.load()
    assert index.read_text().startswith("chr9\t3")
    (tmp_path / "r.fa").write_text(">a\nACGT\nAC\nACGT\n")
    os.utime(index, (1, 1))
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "cannot be indexed" in cause(error)


def test_gtf_round_trip_and_damage(tmp_path):
    dataset = GtfDataset(filepath=str(tmp_path / "g.gtf"))
    rows = pd.DataFrame(
        {
            "seqname": "chr1", "source": "x", "feature": ["gene", "exon"], "start": [5, 5],
            "end": [50, 20], "score": ".", "strand": "-", "frame": ".", "gene_id": "G1",
            "gene_name": "ABC", "transcript_id": [None, "T1"], "exon_number": [None, "1"],
        }
    )  # fmt: skip
    dataset.save(rows)
    loaded = dataset.load().fillna("none")
    pd.testing.assert_frame_equal(loaded, rows.fillna("none"), check_dtype=False)
    (tmp_path / "g.gtf").write_text('#comment\nchr1\tx\texon\tfive\t9\t.\t+\t.\tgene_id "G";\n')
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "not a GTF" in cause(error)


THICKNESS = "lh.aparc.thickness\tlh_insula_thickness\tlh_MeanThickness_thickness\teTIV\n"
TABLES = {"thickness": ["lh.tsv"], "aseg_volume": ["aseg.tsv"]}


@pytest.fixture
def stats(tmp_path):
    (tmp_path / "lh.tsv").write_text(THICKNESS + "0012\t2.5\t2.4\t1500000\ns2\tn/a\t2.3\t1400000\n")
    (tmp_path / "aseg.tsv").write_text(
        "Measure:volume\tLeft-Hippocampus\tMaskVol\ns2\t3900\t1\n0012\t4000\t1\n"
    )
    return tmp_path, FreeSurferTablesDataset(filepath=str(tmp_path), tables=TABLES)


def test_freesurfer_tables_become_one(stats):
    table = stats[1].load()
    assert table.index.tolist() == ["0012", "s2"]  # leading zeros stay
    assert table.columns.tolist() == [
        "thickness__lh_insula",
        "aseg_volume__Left-Hippocampus",
        "etiv",
    ]
    assert table.loc["0012"].tolist() == [2.5, 4000, 1500000]
    assert np.isnan(table.loc["s2", "thickness__lh_insula"])


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("lh.tsv", None, "lh.tsv: the FreeSurfer table is missing"),
        ("lh.tsv", THICKNESS + "a\t2\t2\t1\na\t2\t2\t1\n", "more than once, first 'a' (1 of 2"),
        (
            "lh.tsv",
            THICKNESS + "0012\tthick\t2\t1\ns2\t2\t2\t1\n",
            "'lh_insula_thickness': expected",
        ),
        ("aseg.tsv", "Measure:volume\tX\ns3\t1\n0012\t2\n", "aseg.tsv: does not hold the subjects"),
    ],
)
def test_broken_freesurfer_tables(stats, file, text, words):
    folder, dataset = stats
    (folder / file).unlink()
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert words in cause(error)


def test_freesurfer_round_trip(tmp_path):
    tables = {
        "lh.tsv": pd.DataFrame({"lh_insula_thickness": [2.5]}, pd.Index(["s1"], name="lh.aparc")),
        "aseg.tsv": pd.DataFrame({"Left-Amygdala": [1600.0]}, pd.Index(["s1"], name="Measure")),
    }
    dataset = FreeSurferTablesDataset(filepath=str(tmp_path / "new"), tables=TABLES)
    dataset.save(tables)
    assert dataset.exists()
    assert dataset.load().loc["s1"].tolist() == [2.5, 1600.0]


@pytest.mark.real_data
def test_real_tables_of_aomic(aomic_dir):
    pattern = "data-cortical_type-aparc_measure-{}_hemi-{}.tsv"
    tables = {m: [pattern.format(m, h) for h in ("lh", "rh")] for m in ("thickness", "volume")}
    tables["aseg_volume"] = ["data-subcortical_type-aseg_measure-volume_hemi-both.tsv"]
    table = FreeSurferTablesDataset(filepath=str(aomic_dir / "fs_stats"), tables=tables).load()
    assert len(table) == 226
    groups = table.columns.str.split("__").str[0].value_counts()
    assert (groups["thickness"], groups["volume"]) == (68, 68)
    assert table["etiv"].between(0.8e6, 2.2e6).all()
    assert not any("MeanThickness" in c or "BrainSegVol" in c for c in table)


def test_not_collected():
    dataset = NotCollectedDataset(modality="eeg", reason="no recordings")
    assert dataset.load() == NotCollected("eeg", "no recordings")
    assert dataset.exists()
    with pytest.raises(DatasetError, match="not collected"):
        dataset.save(pd.DataFrame())


def test_registry(tmp_path):
    dataset = RegistryDataset(filepath=str(tmp_path))
    assert isinstance(dataset.load(), Registry)
    with pytest.raises(DatasetError, match="edited as files"):
        dataset.save(pd.DataFrame())
    with pytest.raises(DatasetError) as error:
        RegistryDataset(filepath=str(tmp_path / "no")).load()
    assert isinstance(error.value.__cause__, InputError)


CARD = {
    "id": "demo-x-1", "experiment": "x", "cohort": "demo", "created": "now", "cards": {},
    "n_subjects": 400, "sample_flow": [], "folds": {},
}  # fmt: skip


def test_result_card_is_published_under_its_id(tmp_path):
    dataset = ResultCardDataset(filepath=str(tmp_path / "run/card.yaml"), path=str(tmp_path / "kb"))
    assert not dataset.exists()
    dataset.save(Result(CARD, {}))
    assert dataset.load().card["n_subjects"] == 400
    dataset.save(Result({**CARD, "id": "demo-x-2"}, {}))
    assert sorted(p.stem for p in (tmp_path / "kb/results/local").iterdir()) == [
        "demo-x-1",
        "demo-x-2",
    ]
    assert Registry(tmp_path / "kb").validate() == []
    with pytest.raises(DatasetError, match="subjekts"):
        dataset.save(Result({**CARD, "id": "demo-x-3", "subjekts": 3}, {}))
    with pytest.raises(DatasetError):
        dataset.save(Result({**CARD, "id": "../escape"}, {}))
    assert len(list(tmp_path.rglob("*.yaml"))) == 3


KINDS = [getattr(datasets, name) for name in datasets.__all__]
READ_ONLY = [k for k in KINDS if issubclass(k, ReadOnlyDataset)]


@pytest.mark.parametrize("kind", READ_ONLY, ids=lambda k: k.__name__)
def test_what_cannot_be_saved_is_refused_in_one_place(kind):
    save = inspect.unwrap(kind.save)  # Kedro wraps the method anew for each class
    assert save is inspect.unwrap(ReadOnlyDataset.save)
    with pytest.raises(DatasetError, match=f"{kind.__name__} is read only: [a-zA-Z]"):
        save(kind.__new__(kind), None)


def test_no_other_dataset_refuses_to_save_in_a_way_of_its_own():
    assert len(READ_ONLY) > 10
    for kind in KINDS:
        if issubclass(kind, AbstractDataset) and kind not in READ_ONLY:
            source = textwrap.dedent(inspect.getsource(inspect.unwrap(kind.save)))
            body = ast.parse(source).body[0].body
            statements = [s for s in body if not isinstance(s, ast.Expr)]
            assert not (len(statements) == 1 and isinstance(statements[0], ast.Raise)), kind
