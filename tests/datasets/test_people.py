from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.datasets import BidsVisitsDataset, PeopleTableDataset
from neurogenomics_kb.foundation.errors import InputError

PEOPLE = pd.DataFrame(
    {"participant_id": ["007", "1e5"], "age": [50.5, None], "site": [3, 10], "dx": ["MDD", None]}
)


@pytest.mark.parametrize("name", ["p.tsv", "p.csv"])
def test_written_and_read_again(tmp_path, name):
    dataset = PeopleTableDataset(filepath=str(tmp_path / "raw" / name))
    assert not dataset.exists()
    dataset.save(PEOPLE)
    assert (tmp_path / "raw" / name).read_text().count("n/a") == 2
    pd.testing.assert_frame_equal(
        dataset.load(), PEOPLE, check_dtype=False, check_column_type=False
    )


def test_as_it_stands(tmp_path):
    dataset = PeopleTableDataset(filepath=str(tmp_path / "p.tsv"), decode=False)
    dataset.save(PEOPLE)
    assert dataset.load().to_numpy().tolist() == [
        ["007", "50.5", "3", "MDD"], ["1e5", "n/a", "10", "n/a"],
    ]  # fmt: skip


def test_a_missing_file_and_a_missing_number(tmp_path):
    with pytest.raises(DatasetError) as error:
        PeopleTableDataset(filepath=str(tmp_path / "p.tsv")).load()
    assert isinstance(error.value.__cause__, InputError)
    dataset = PeopleTableDataset(filepath=str(tmp_path / "p.tsv"), numbers=["fd_mean"])
    dataset.save(PEOPLE)
    with pytest.raises(DatasetError, match="column 'fd_mean': the column is missing"):
        dataset.load()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "phenotype").mkdir()
    files = {
        "participants.tsv": "participant_id\tsex\nsub-01 \tF\nsub-02\tNone\n",
        "sessions.tsv": "participant_id,session_id,age\nsub-01,01, 12\nsub-02,01,n/a\n",
        "phenotype/words.tsv": "\tparticipant_id\tsession_id\tscore\n0\tsub-01\t01\t2.50\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_visits_are_text_for_the_card(folder):
    table = BidsVisitsDataset(filepath=str(folder)).load()
    assert table["visit_id"].tolist() == ["sub-01_01", "sub-02_01"]
    assert table["age"].tolist() == ["12", "n/a"]
    assert table["sex"].tolist() == ["F", "None"]
    assert any("blanks around the text of 1 cell" in note for note in table.attrs["notes"])


def test_phenotypes_are_numbers(folder):
    table = BidsVisitsDataset(filepath=str(folder), phenotype=["words.tsv"]).load()
    assert table["session_id"].tolist() == ["01", "01"]
    assert table["score"].iloc[0] == 2.5
    assert table["score"].isna().tolist() == [False, True]
    assert table["age"].iloc[0] == 12


@pytest.mark.parametrize("name", ["participants.tsv", "sessions.tsv", "phenotype/words.tsv"])
def test_a_table_of_the_folder_that_is_no_table(folder, name):
    (folder / name).write_text((folder / name).read_text() + "sub-03\t1\t2\t3\t4\t5\t6\n")
    with pytest.raises(DatasetError, match=name):
        BidsVisitsDataset(filepath=str(folder), phenotype=["words.tsv"]).load()


def test_a_session_without_a_name(folder):
    (folder / "sessions.tsv").write_text("participant_id\tsession_id\nsub-01\tn/a\n")
    with pytest.raises(DatasetError, match="lack a name"):
        BidsVisitsDataset(filepath=str(folder)).load()
