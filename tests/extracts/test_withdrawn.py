from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.brain.embeddings import ImportedEmbeddings
from neurogenomics_kb.datasets import NotCollected, VcfContent, VcfDataset
from neurogenomics_kb.extracts.withdrawn import (
    lists_fingerprint,
    read_withdrawn,
    without_withdrawn,
)
from neurogenomics_kb.foundation.errors import InputError

GONE = frozenset({"1000001"})


def test_all_lists_of_a_folder_count(tmp_path):
    (tmp_path / "w1_20250101.csv").write_text("1000001\n1000002\n")
    (tmp_path / "w1_20260101.csv").write_text('eid\n"1000002"\n\n1000003\n')
    (tmp_path / "notes.txt").write_text("1000009\n")
    assert read_withdrawn(tmp_path) == {"1000001", "1000002", "1000003"}


def test_an_empty_list_says_that_nobody_withdrew(tmp_path):
    (tmp_path / "w1.csv").write_text("")
    assert read_withdrawn(tmp_path) == frozenset()


def test_no_list_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no list of withdrawn participants.*an empty file"):
        read_withdrawn(tmp_path)


def test_a_line_that_is_no_id_is_not_repeated(tmp_path):
    (tmp_path / "w1.csv").write_text("1000001\n1000002,2020-01-01\n")
    with pytest.raises(InputError, match=r"line 2 is not one id") as caught:
        read_withdrawn(tmp_path)
    assert "1000002" not in str(caught.value)


def test_a_new_withdrawal_changes_the_fingerprint(tmp_path):
    (tmp_path / "w1.csv").write_text("1000001\n")
    before = lists_fingerprint(tmp_path)
    (tmp_path / "w2.csv").write_text("1000002\n")
    assert lists_fingerprint(tmp_path) != before


def test_tables_lose_rows_by_column_or_index(caplog):
    table = pd.DataFrame({"eid": [1000001, 1000002], "x": [1, 2]})
    assert without_withdrawn(table, GONE, "scores", "eid")["x"].tolist() == [2]
    assert without_withdrawn(table.set_index("eid"), GONE, "scores")["x"].tolist() == [2]
    assert "scores: 1 rows of withdrawn participants dropped" in caplog.text
    assert "1000001" not in caplog.text


def test_folders_lose_files():
    runs = {name: lambda: "series" for name in ("1000001", "1000002", "sub-1000001")}
    kept = without_withdrawn(runs, GONE, "timeseries")
    assert list(kept) == ["1000002"]
    assert kept["1000002"]() == "series"


def test_embeddings_lose_segments():
    keys = pd.DataFrame({"subject": ["1000001", "1000002"], "run": "1", "segment": "1"})
    imported = ImportedEmbeddings(keys, np.array([[1.0], [2.0]]), "swift")
    kept = without_withdrawn({"swift": lambda: imported}, GONE, "embeddings")["swift"]()
    assert kept.keys["subject"].tolist() == ["1000002"]
    assert kept.vectors.tolist() == [[2.0]]


def test_what_is_about_nobody_passes():
    absent = NotCollected("smri")
    assert without_withdrawn(absent, GONE, "smri") is absent


def test_variant_files_that_hold_them_are_refused(tmp_path):
    variants = pd.DataFrame({"chrom": ["1"], "pos": [5], "id": ["a"], "ref": ["A"], "alt": ["G"]})
    calls = np.zeros((1, 2, 2), dtype=np.int8)
    dataset = VcfDataset(filepath=str(tmp_path / "v.vcf.gz"))
    dataset.save(VcfContent({"1": 100}, variants, ["1000001", "1000002"], calls))
    path = dataset.load()
    with pytest.raises(InputError, match=r"withdrawn participants.*\(1 of 2 subjects\).*bcftools"):
        without_withdrawn(path, GONE, "variants")
    assert without_withdrawn(path, frozenset({"1000003"}), "variants") == path
