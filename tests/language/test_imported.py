from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets import VectorTablesDataset
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.language.imported import vector_features


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "child": ["01", "01", "02"], "wave": ["ses-1", "ses-2", "ses-1"],
            "d10": ["1", "2", "n/a"], **{f"d{i}": ["0.5", "-1e-3", "n/a"] for i in range(10)},
        }
    )  # fmt: skip


def test_rows_are_visits_and_components_are_in_their_order(table):
    found = vector_features(table, "titan", id_column="child", wave_column="wave")
    assert found.index.tolist() == ["01_ses-1", "01_ses-2", "02_ses-1"]
    assert found.index.name == "subject_id"
    assert found.columns.tolist() == [f"clinical__titan__d{i}" for i in range(11)]
    assert found.loc["01_ses-2"].tolist() == [-1e-3] * 10 + [2.0]
    assert found.loc["02_ses-1"].isna().all()


def test_rows_may_be_people(table):
    people = table.drop(columns="wave").drop(index=1)
    found = vector_features(people, "titan", id_column="child")
    assert found.index.tolist() == ["01", "02"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="wave"), "column 'wave': the column is missing"),
        (lambda t: t.assign(note="seen in clinic"), "neither an id nor a component: note"),
        (lambda t: t[["child", "wave"]], "there is no component"),
        (lambda t: t.drop(columns="d3"), "of 10 components d3 is missing"),
        (lambda t: t.assign(d3=["a", "1", "2"]), "expected numbers, found 'a'"),
        (lambda t: t.assign(d3=["n/a", "1", "n/a"]), "1 vectors lack numbers"),
        (lambda t: t.assign(d3=[np.inf, 1.0, np.nan]), "1 vectors lack numbers or hold infinite"),
        (lambda t: t.assign(wave=["ses-1", "ses-1", "ses-1"]), "occur more than once.*'01_ses-1'"),
        (lambda t: t.assign(wave=["ses-1", "", "ses-1"]), "rows name no person or no wave"),
        (lambda t: t.assign(child=["01", None, "02"]), "rows name no person or no wave"),
    ],
)
def test_other_tables_are_refused(table, change, words):
    with pytest.raises(InputError, match=words):
        vector_features(change(table), "titan", id_column="child", wave_column="wave")


def test_the_folder_holds_a_file_per_model(table, tmp_path):
    table.to_csv(tmp_path / "me_llama.tsv", sep="\t", index=False)
    table.to_csv(tmp_path / "m3fm.csv.gz", index=False)
    numbers = table.assign(
        **{c: pd.to_numeric(table[c], errors="coerce") for c in table.columns[2:]}
    )
    numbers.set_index(["child", "wave"]).to_parquet(tmp_path / "titan.parquet")
    (tmp_path / "readme.txt").write_text("made with the authors' program\n")
    dataset = VectorTablesDataset(path=str(tmp_path))
    found = dataset.load()
    assert sorted(found) == ["m3fm", "me_llama", "titan"]
    tables = {
        name: vector_features(read(), "x", id_column="child", wave_column="wave")
        for name, read in found.items()
    }
    for name in ("m3fm", "titan"):
        pd.testing.assert_frame_equal(tables[name], tables["me_llama"])
    table.to_csv(tmp_path / "titan.csv", index=False)
    with pytest.raises(Exception, match="several tables of 'titan'"):
        dataset.load()
    (tmp_path / "titan.csv").unlink()
    (tmp_path / "titan.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="cannot be read") as error:
        dataset.load()["titan"]()
    assert "\n" not in str(error.value)


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(Exception, match="folder of embeddings is missing"):
        VectorTablesDataset(path=str(tmp_path / "nix")).load()
