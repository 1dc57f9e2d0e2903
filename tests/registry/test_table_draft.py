"""A drafted card describes a table and gives nobody in it away."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.project.commands import kb
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.drafts import TABLE_ENDINGS, new_card
from neurogenomics_kb.registry.table_draft import draft_dataset, outward

ROOT = Path(__file__).parents[2]
N = 120
OLDEST, RAREST, LONGEST = 97.13, "Werner syndrome", 4711.37


@pytest.fixture
def table() -> pd.DataFrame:
    """People with a few who can be told apart by a value."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "participant_id": [f"NDAR{i:05d}XQ" for i in range(N)],
            "Age": rng.uniform(20, 70, N).round(2),
            "age_months": rng.integers(240, 840, N),
            "Gender": np.where(np.arange(N) % 2, "F", "M"),
            "Site ID": np.where(np.arange(N) % 3, "RU", "CBIC"),
            "family": [f"FAMILY-{i // 2:04d}" for i in range(N)],
            "PC_1": rng.normal(size=N),
            "PC2": rng.normal(size=N),
            "wes_batch": np.where(np.arange(N) % 2, "B1", "B2"),
            "diagnosis": ["none"] * (N - 1) + [RAREST],
            "case": (np.arange(N) < 50).astype(int),
            "iq": rng.integers(70, 130, N),
            "income": np.where(np.arange(N) % 4 == 0, -999, rng.integers(1, 6, N)),
            "birth_date": pd.date_range("1950-01-01", periods=N).strftime("%Y-%m-%d"),
            "comment": [f"phone 555-01{i:02d}" for i in range(N)],
            "reaction_ms": rng.uniform(200, 900, N).round(2),
            "rare_scan": [3.14159] * 3 + [np.nan] * (N - 3),
        }
    )
    frame.loc[5, "Age"] = OLDEST
    frame.loc[7, "reaction_ms"] = LONGEST
    frame.loc[:29, "iq"] = np.nan
    frame.loc[:2, "PC2"] = np.nan
    return frame


@pytest.fixture
def copy(tmp_path):
    ignored = shutil.ignore_patterns("results", "decisions")
    shutil.copytree(ROOT / "kb", tmp_path / "kb", ignore=ignored)
    return tmp_path


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep="," if ".csv" in path.name else "\t", na_rep="n/a")
    return path


def columns(body):
    return body["tables"]["participants"]["columns"]


@pytest.mark.parametrize("name", ["p.tsv", "p.csv", "p.csv.gz", "p.parquet"])
def test_the_draft_is_valid_and_gives_nobody_away(copy, tmp_path, table, name):
    source = write(table, tmp_path / name)
    file = new_card(Registry(copy / "kb"), "dataset", "my_cohort", str(source))
    text = file.read_text()
    registry = Registry(copy / "kb")
    assert registry.get("my_cohort").status == "planned"
    assert not [problem for problem in registry.validate() if "my_cohort" in problem.file]
    for values in (table["participant_id"], table["family"], table["birth_date"], table["comment"]):
        assert not [v for v in values if v in text]
    for secret in (str(OLDEST), RAREST, str(LONGEST), "3.14159", "97", "4711", "555"):
        assert secret not in text, secret
    shown = {float(v) for v in re.findall(r"-?\d+\.?\d*", text)}
    measured = table[["Age", "reaction_ms", "PC_1"]].to_numpy().ravel()
    assert not shown & set(measured[~np.isnan(measured)])


def test_what_it_says(tmp_path, table):
    body = draft_dataset(write(table, tmp_path / "p.tsv"), "my_cohort")
    found = columns(body)
    assert body["n_subjects"] == N
    assert body["tables"]["participants"]["id_column"] == "participant_id"
    assert "participant_id" not in found
    assert found["Age"]["name"] == "age"
    assert found["Age"]["unit"] == "years"
    assert found["age_months"]["unit"] == "months"
    assert found["Gender"]["name"] == "sex"
    assert found["Gender"]["levels"] == {"F": "female", "M": "male"}
    assert found["Site ID"]["role"] == "site"
    assert set(found["Site ID"]["levels"]) == {"CBIC", "RU"}
    assert found["family"] | {"description": ""} == {
        "name": "family_id", "type": "text", "role": "group", "description": "",
    }  # fmt: skip
    assert [found[c]["name"] for c in ("PC_1", "PC2")] == ["pc1", "pc2"]
    assert found["wes_batch"]["role"] == "batch"
    assert found["case"]["type"] == "binary"
    assert found["case"]["role"] == "outcome"
    assert found["income"]["missing_codes"] == [-999]
    assert found["income"]["range"][0] >= 0
    assert found["iq"]["description"] == "whole numbers; 25 % missing"
    assert found["PC2"]["description"] == "few gaps"
    assert "levels" not in found["diagnosis"]
    assert "fewer than 10 subjects" in found["diagnosis"]["description"]
    assert "dates" in found["birth_date"]["description"]
    assert "range" not in found["rare_scan"]


def test_every_value_lies_in_its_range(tmp_path, table):
    for source, column in columns(draft_dataset(write(table, tmp_path / "p.tsv"), "x")).items():
        if "range" in column:
            values = table[source].where(~table[source].isin(column.get("missing_codes", [])))
            low, high = column["range"]
            assert values.dropna().between(low, high).all(), source


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((18.3, 47.2, False, False), (10, 50)),
        ((20.0, 70.0, True, True), (20, 70)),
        ((20.0, 70.0, False, False), (10, 80)),
        ((0.0, 27.0, False, False), (0, 30)),
        ((-0.31, 0.42, False, False), (-0.4, 0.5)),
        ((1_203_411.0, 1_640_220.0, False, False), (1_200_000, 1_700_000)),
        ((5.0, 5.0, True, True), (5, 5)),
        ((1000.0, 1004.0, False, False), (990, 1100)),
    ],
)
def test_bounds_go_outward(arguments, expected):
    assert outward(*arguments) == expected


def test_rows_of_visits_count_subjects_once(tmp_path, table):
    # Nine people, thirty visits each: every cell is too small, whatever its rows.
    few = pd.concat([table.iloc[:9]] * 30)
    with pytest.raises(InputError, match="fewer than 10 subjects, of whom nothing"):
        draft_dataset(write(few, tmp_path / "p.tsv"), "x")
    rare = pd.concat([table, *[table.iloc[-1:]] * 30])
    body = draft_dataset(write(rare, tmp_path / "q.tsv"), "x")
    assert "levels" not in columns(body)["diagnosis"]
    assert body["n_subjects"] == N
    assert "several rows per subject" in body["notes"]


def test_codes_of_sex_say_that_their_meaning_is_open(tmp_path, table):
    table["Gender"] = np.where(table["Gender"] == "F", 2.0, 1.0)
    sex = columns(draft_dataset(write(table, tmp_path / "p.tsv"), "x"))["Gender"]
    assert sex["levels"] == {"1": "1", "2": "2"}
    assert "TODO" in sex["description"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.rename(columns={"participant_id": "code"}), "recognisably the subject id"),
        (lambda t: t.assign(NDAR00003XQ=1.0), "column names are subject ids"),
        (lambda t: t.rename(columns={"iq": "iq of NDAR00003XQ"}), "holds a subject identifier"),
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: pd.concat([t, t[["iq"]]], axis=1), "column names come twice"),
    ],
)
def test_tables_that_cannot_be_described(tmp_path, table, change, words):
    with pytest.raises(InputError, match=words) as caught:
        draft_dataset(write(change(table), tmp_path / "p.tsv"), "x")
    assert "NDAR" not in str(caught.value).replace(str(tmp_path), "")


def test_a_file_named_after_a_subject(tmp_path, table):
    with pytest.raises(InputError, match="holds a subject identifier"):
        draft_dataset(write(table, tmp_path / "sub-NDAR00003XQ.tsv"), "x")


def test_files_that_are_missing_or_damaged(copy, tmp_path):
    with pytest.raises(InputError, match="the table is missing"):
        new_card(Registry(copy / "kb"), "dataset", "x", "nowhere.csv")
    (tmp_path / "p.parquet").write_text("participant_id\n1234567\n")
    with pytest.raises(InputError, match="cannot be read as a table") as caught:
        draft_dataset(tmp_path / "p.parquet", "x")
    assert "1234567" not in str(caught.value)


def test_the_command(copy, tmp_path, table):
    source = str(write(table, tmp_path / "p.csv"))
    arguments = ["new", "dataset", "my_cohort", "--from", source, "--kb", str(copy / "kb")]
    done = CliRunner().invoke(kb, arguments)
    assert done.exit_code == 0, done.output
    assert "my_cohort.yaml" in done.output
    again = CliRunner().invoke(kb, arguments)
    assert again.exit_code == 1
    assert "already used" in again.output


def test_ids_of_cards_are_no_tables():
    assert not any(i.endswith(TABLE_ENDINGS) for i in Registry(ROOT / "kb").ids("dataset"))


def test_codes_of_sites_batches_and_families_are_names(tmp_path, table):
    coded = table.assign(
        **{
            "Site ID": np.where(np.arange(N) % 3, 11010, 11009),
            "wes_batch": np.arange(N) % 2,
            "family": np.arange(N) // 2,
            "scanner": np.where(np.arange(N) % 2, 1.0, np.nan),
        }
    )
    found = columns(draft_dataset(write(coded, tmp_path / "p.tsv"), "x"))
    assert found["Site ID"]["type"] == "category"
    assert found["Site ID"]["levels"] == {"11009": "11009", "11010": "11010"}
    assert "TODO: what the codes mean" in found["Site ID"]["description"]
    assert (found["wes_batch"]["type"], found["wes_batch"]["role"]) == ("category", "batch")
    assert found["wes_batch"]["levels"] == {"0": "0", "1": "1"}
    assert (found["family"]["type"], found["family"]["role"]) == ("text", "group")
    assert found["scanner"]["levels"] == {"1": "1"}


def test_words_that_could_be_levels_are_pointed_out(tmp_path, table):
    coded = table.assign(group=np.where(np.arange(N) % 2, "None", "MDD"))
    found = columns(draft_dataset(write(coded, tmp_path / "p.tsv"), "x"))
    assert (
        "TODO: None is taken for a gap unless it is among the levels"
        in (found["group"]["description"])
    )


def test_validation_wants_the_type_of_names_said(copy, tmp_path, table):
    registry = Registry(copy / "kb")
    file = new_card(registry, "dataset", "mine", str(write(table, tmp_path / "p.tsv")))
    text = file.read_text()
    assert not [p for p in Registry(copy / "kb").validate() if "mine.yaml" in p.file]
    file.write_text(re.sub(r"(Site ID:\n\s+name: site\n\s+type: )category", r"\1number", text))
    [problem] = [p for p in Registry(copy / "kb").validate() if "mine.yaml" in p.file]
    assert "role 'site' holds names" in problem.message
    assert "type: category instead of number" in problem.message
    assert Registry(copy / "kb").get("mine").tables["participants"].columns["Site ID"].type == (
        "category"
    )
