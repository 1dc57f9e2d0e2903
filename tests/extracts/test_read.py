from __future__ import annotations

import gzip
import logging

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.extracts.read import find_tables, read_extract
from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.foundation.errors import InputError
from tests.extracts.conftest import IDS, PLATFORM

FORMATS = ["a.csv", "a.tsv", "a.csv.gz", "a.parquet"]


def canonical(table, card):
    return standardize_table(table, card)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("spelling", ["showcase", "platform", "entity"])
def test_every_format_and_spelling_gives_the_same(extract, card, write, name, spelling):
    names = {
        "showcase": {},
        "platform": PLATFORM,
        "entity": {"eid": "participant.eid"} | {k: f"participant.{v}" for k, v in PLATFORM.items()},
    }[spelling]
    table = canonical(read_extract([write(extract.rename(columns=names), name)], card), card)
    assert table.index.tolist() == IDS
    assert table.columns.tolist() == ["sex", "age", "site", "income", "pc1", "pc10"]
    assert table["sex"].tolist() == ["female", "male", "female", "male"]
    assert table["age"].tolist()[:3] == [60, 61, 62]
    assert np.isnan(table["age"].iloc[3])
    assert table["site"].tolist()[:3] == ["cheadle", "newcastle", "cheadle"]


def test_codes_are_missing_only_where_the_card_says_so(extract, card, write):
    table = canonical(read_extract([write(extract)], card), card)
    assert table["income"].isna().tolist() == [True, True, False, True]
    assert table["pc1"].tolist() == [-1, 2.5, -3, 0.25]  # a component may well be -1 or -3


def test_a_code_that_the_card_does_not_name_is_out_of_range(extract, card, write):
    extract.loc[2, "738-2.0"] = -818
    with pytest.raises(InputError, match=r"column '738-2.0': values outside 1 to 5, first -818"):
        canonical(read_extract([write(extract)], card), card)


def test_the_visit_chooses_the_instance(extract, card, write):
    table = canonical(read_extract([write(extract)], card, visit=3), card)
    assert table["age"].tolist()[0] == 64
    assert table["age"].isna().sum() == 3
    assert table["site"].iloc[0] == "newcastle"
    assert table["income"].iloc[0] == 5
    assert table["sex"].notna().all()  # does not follow the visit


def test_several_tables_are_joined_on_the_id(extract, card, write):
    people = write(extract[["eid", "31-0.0", "22009-0.1", "22009-0.10"]], "a.csv")
    visits = extract[["eid", "31-0.0", "21003-2.0", "54-2.0", "738-2.0"]].iloc[[2, 0, 1]]
    visits = write(visits.rename(columns=PLATFORM), "b.parquet")
    table = canonical(read_extract([people, visits], card), card)
    assert table.index.tolist() == IDS
    assert table.loc["1000003", ["age", "site"]].tolist() == [62, "cheadle"]
    assert pd.isna(table.loc["1000004", "age"])


def test_tables_that_disagree_are_refused(extract, card, write):
    other = extract[["eid", "31-0.0"]].assign(**{"31-0.0": [0, 1, 1, 1]})
    files = [write(extract, "a.csv"), write(other, "b.csv")]
    with pytest.raises(InputError, match=r"b.csv, column '31-0.0': differs .* \(1 of 4 subjects\)"):
        read_extract(files, card)


def test_numbers_that_are_none_are_named_by_the_check(extract, card, write):
    extract["21003-2.0"] = ["60", "sixty", "62", ""]
    with pytest.raises(InputError, match=r"column '21003-2.0': expected numbers, found 'sixty'"):
        canonical(read_extract([write(extract)], card), card)


def test_unknown_site_code(extract, card, write):
    extract.loc[1, "54-2.0"] = 11010
    with pytest.raises(InputError, match=r"values 11010 are none of 11025, 11027 \(1 of 4"):
        canonical(read_extract([write(extract)], card), card)


def test_an_absent_field_is_named_with_its_title(extract, card, write):
    extract = extract.drop(columns=["21003-0.0", "21003-2.0", "21003-3.0"])
    with pytest.raises(InputError) as caught:
        read_extract([write(extract)], card)
    for words in ("field 21003 (age at the visit)", "instance 2", "p21003_i2", "no table."):
        assert words in str(caught.value)


def test_other_instances_only(extract, card, write):
    extract = extract.drop(columns="21003-2.0").rename(columns=PLATFORM)
    with pytest.raises(
        InputError, match=r"which hold its instances 0, 3 only.*first imaging visit"
    ):
        read_extract([write(extract)], card)


def test_other_elements_of_an_array_only(extract, card, write):
    with pytest.raises(InputError, match=r"field 22009 \(genetic principal component 1\).*array 1"):
        read_extract([write(extract.drop(columns="22009-0.1"))], card)


def test_an_optional_field_may_lack(extract, card, write, caplog):
    table = read_extract([write(extract.drop(columns=["738-2.0", "738-3.0"]))], card)
    assert table["738-2.0"].isna().all()
    assert "field 738 (income)" in caplog.text
    assert "missing for everybody" in caplog.text


def test_one_field_in_two_spellings(extract, card, write):
    extract["p31"] = extract["31-0.0"]
    with pytest.raises(InputError, match=r"columns 31-0.0, p31 are one field"):
        read_extract([write(extract)], card)


def test_spellings_may_differ_between_fields(extract, card, write):
    mixed = extract.rename(columns={"31-0.0": "p31", "54-2.0": "f.54.2.0"})
    assert read_extract([write(mixed)], card)["54-2.0"].tolist()[:2] == ["11025", "11027"]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_rows_of_repeated_visits(extract, card, write, name):
    twice = pd.concat([extract, extract.iloc[:1]])
    with pytest.raises(InputError, match=r"1 subjects have several rows \(2 of 5 subj.*columns"):
        read_extract([write(twice, name)], card)


def test_withdrawn_are_left_out_first_and_never_named(extract, card, write, caplog):
    # The row of somebody who withdrew is broken; nobody looks at it.
    twice = pd.concat([extract, extract.iloc[:1]])
    with caplog.at_level(logging.INFO):
        table = read_extract([write(twice)], card, withdrawn=frozenset({IDS[0], "5999999"}))
    assert table["eid"].tolist() == IDS[1:]
    assert "2 rows of withdrawn participants dropped (2 on the lists)" in caplog.text
    assert IDS[0] not in caplog.text


@pytest.mark.parametrize("blank", ["-1", None])
def test_redacted_rows_are_counted(extract, card, write, caplog, blank):
    extract.loc[3, "eid"] = blank
    assert len(read_extract([write(extract)], card)) == 3
    assert "1 rows without a valid id dropped" in caplog.text


def test_ids_stored_as_numbers(extract, card, write):
    for kind in ("int64", "float64"):
        path = write(extract.astype({"eid": kind}), "a.parquet")
        assert read_extract([path], card)["eid"].tolist() == IDS


def test_ragged_rows_do_not_reach_the_message(extract, card, write):
    path = write(extract)
    path.write_text(path.read_text() + "1000009,1,2\n")
    with pytest.raises(InputError, match=r"Expected 14 columns, got 3") as caught:
        read_extract([path], card)
    assert "1000009" not in str(caught.value)


def test_no_id_column(extract, card, write):
    with pytest.raises(InputError, match=r"column 'eid': the id column is missing. The table has"):
        read_extract([write(extract.rename(columns={"eid": "EID"}))], card)


def test_files_that_are_no_tables(card, tmp_path):
    with pytest.raises(InputError, match=r"there is no table"):
        find_tables(tmp_path)
    (tmp_path / "a.parquet").write_text("eid\n")
    with pytest.raises(InputError, match=r"is not Parquet"):
        read_extract(find_tables(tmp_path), card)
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(InputError, match=r"no header"):
        read_extract(find_tables(tmp_path), card)
    (tmp_path / "b.csv").unlink()
    with gzip.open(tmp_path / "c.csv.gz", "wt") as stream:
        stream.write("eid,p1\n1,2\n")
    with pytest.raises(InputError, match=r"is in no table"):
        read_extract(find_tables(tmp_path), card)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_word_that_the_card_names_is_no_gap(card, write, name):
    columns = {
        "20126-0.0": {"name": "dx", "type": "binary", "levels": {"None": 0, "NA": 0, "MDD": 1}},
        "drug": {"name": "drug", "type": "category"},
    }
    named = type(card).model_validate({"file": "x", "id_column": "eid", "columns": columns})
    table = pd.DataFrame(
        {
            "eid": IDS,
            "20126-0.0": ["MDD", "None", " NA", "null"],
            "drug": ["None", "no ", "NULL", "no"],
        }
    )
    found = canonical(read_extract([write(table, name)], named), named)
    assert found["dx"].tolist()[:3] == [1, 0, 0]
    assert found["dx"].isna().tolist() == [False, False, False, True]
    assert found["drug"].isna().tolist() == [True, False, True, False]
    assert found["drug"].dropna().tolist() == ["no", "no"]


def test_the_header_tells_the_delimiter(extract, card, write, tmp_path):
    expected = canonical(read_extract([write(extract)], card), card)
    other = tmp_path / "other.csv"
    extract.to_csv(other, sep=";", index=False)
    pd.testing.assert_frame_equal(canonical(read_extract([other], card), card), expected)


def test_a_row_with_too_many_cells_is_named(extract, card, tmp_path):
    path = tmp_path / "a.csv"
    lines = extract.to_csv(index=False).splitlines()
    lines[2] += ",7"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"a.csv.*Expected \d+ columns, got \d+ \(line 3\)"):
        read_extract([path], card)
