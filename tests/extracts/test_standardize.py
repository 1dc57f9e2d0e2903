"""People's tables by their card: the same numbers however they are written, or a refusal."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.datasets.people import read_people
from neurogenomics_kb.extracts.standardize import standardize_table
from neurogenomics_kb.foundation.delimited import NOTES, read_text_table
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tables import GAPS, spelled_apart
from neurogenomics_kb.registry.cards import Table

CARD = Table.model_validate(
    {
        "file": "participants.tsv",
        "id_column": "Code",
        "columns": {
            "age": {"name": "age", "range": [0, 120], "unit": "years"},
            "thickness": {"name": "thickness", "range": [0, 10], "unit": "mm"},
            "sex": {"name": "sex", "type": "category", "levels": {"1": "male", "2": "female"}},
            "Site No": {"name": "site", "role": "site"},
            "family": {"name": "family_id", "type": "text", "role": "group"},
            "drug": {"name": "drug", "type": "category"},
            "dx": {"name": "dx", "type": "binary", "levels": {"None": 0, "NA": 0, "MDD": 1}},
            "income": {"name": "income", "range": [1, 5], "missing_codes": [-9]},
        },
    }
)
IDS = ["007", "1e5", "12345678901234567890", "1.10", "1.1", "a b", "0x1F", "-5", "TRUE", "NAN1"]
BLANKS = [" ", "  ", "\u00a0", "\u200b", "\u2003", "\ufeff"]


def people(rng, n=24):
    """Cells as text, and the canonical table that they stand for."""
    ids = [*IDS, *(f"{i:04d}" for i in range(n - len(IDS)))]
    age = rng.integers(20, 80, n).astype(float)
    thickness = rng.uniform(1, 4, n).round(4)
    sex = rng.choice(["1", "2"], n)
    site = rng.choice(["01", "1", "2", "10"], n)
    family = rng.choice(["001", "1", "fam 7"], n)
    drug = rng.choice(["lithium", "none", "no"], n)
    dx = rng.choice(["None", "NA", "MDD"], n)
    income = rng.integers(1, 6, n)
    raw = {
        "Code": ids,
        "age": [f"{v:g}" for v in age],
        "thickness": [repr(float(v)) for v in thickness],
        "sex": list(sex),
        "Site No": list(site),
        "family": list(family),
        "drug": list(drug),
        "dx": list(dx),
        "income": [str(v) for v in income],
    }
    expected = pd.DataFrame(
        {
            "age": age,
            "thickness": thickness,
            "sex": np.where(sex == "1", "male", "female"),
            "site": site,
            "family_id": family,
            "drug": drug,
            "dx": (dx == "MDD").astype(float),
            "income": income.astype(float),
        },
        index=pd.Index(ids, name="subject_id", dtype=object),
    )
    for column in ("sex", "site", "family_id", "drug"):
        expected[column] = expected[column].astype(object)
    for source, name in (("age", "age"), ("drug", "drug"), ("sex", "sex"), ("income", "income")):
        gaps = rng.random(n) < 0.15
        words = sorted(GAPS)
        raw[source] = [
            str(rng.choice(words)) if gap else v for v, gap in zip(raw[source], gaps, strict=True)
        ]
        expected[name] = expected[name].mask(gaps)
    coded = rng.random(n) < 0.1
    spellings = ["-9", "-9.0", "-09"]
    raw["income"] = [
        str(rng.choice(spellings)) if code else v
        for v, code in zip(raw["income"], coded, strict=True)
    ]
    expected["income"] = expected["income"].mask(coded)
    return raw, expected.sort_index()


def written(rng, raw):
    """The table as some program might write it."""
    delimiter = str(rng.choice(["\t", ",", ";"]))
    names = list(rng.permutation(list(raw)))
    extra = rng.random() < 0.5
    lines = [["", *names] if extra else names]
    for i in range(len(raw["Code"])):
        cells = [raw[name][i] for name in names]
        lines.append([str(i), *cells] if extra else cells)
    if rng.random() < 0.3:
        lines.insert(int(rng.integers(2, len(lines))), [""] * len(lines[0]))
    if rng.random() < 0.3:
        lines = [[*cells, ""] for cells in lines]

    def cell(text):
        if rng.random() < 0.2:
            text = str(rng.choice(BLANKS)) + text
        if rng.random() < 0.2:
            text += str(rng.choice(BLANKS))
        return f'"{text}"' if rng.random() < 0.2 else text

    ending = str(rng.choice(["\n", "\r\n", "\r"]))
    body = ending.join(delimiter.join(map(cell, cells)) for cells in lines)
    body += ending * int(rng.integers(0, 3))
    return (b"\xef\xbb\xbf" if rng.random() < 0.3 else b"") + body.encode()


def test_however_it_is_written_the_numbers_are_the_same(tmp_path):
    rng = np.random.default_rng(13)
    path = tmp_path / "participants.tsv"
    for _ in range(100):
        raw, expected = people(rng)
        path.write_bytes(written(rng, raw))
        found = standardize_table(read_text_table(path), CARD)
        found.attrs = {}
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def damage(rng, raw):
    """One thing wrong with the table, in a random place."""
    i = int(rng.integers(len(raw["Code"])))
    kind = str(rng.choice(["comma", "range", "infinite", "word", "level", "id", "long", "short"]))
    column = str(rng.choice(["age", "thickness", "income"]))
    if kind == "comma":
        raw[column][i] = "2,5"
    elif kind == "range":
        raw[column][i] = str(rng.choice(["-0.5", "1e9", "-99"]))
    elif kind == "infinite":
        raw[column][i] = str(rng.choice(["inf", "-inf", "Infinity"]))
    elif kind == "word":
        raw[column][i] = str(rng.choice(["unknown", "1_0", "1 2", "\u0661", "12mm", "--"]))
    elif kind == "level":
        raw["sex"][i] = str(rng.choice(["3", "M", "12", "true"]))
    elif kind == "id":
        raw["Code"][i] = str(rng.choice([raw["Code"][i - 1], f"{raw['Code'][i - 1]} ", ""]))
    return kind, i


def test_damage_is_refused(tmp_path):
    rng = np.random.default_rng(14)
    path = tmp_path / "participants.tsv"
    for _ in range(100):
        raw, _ = people(rng)
        kind, i = damage(rng, raw)
        lines = ["\t".join(raw)]
        lines += ["\t".join(cells) for cells in zip(*raw.values(), strict=True)]
        if kind == "long":
            lines[i + 1] += "\t7"
        if kind == "short":
            lines[i + 1] = lines[i + 1].rsplit("\t", 1)[0]
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(InputError) as error:
            standardize_table(read_text_table(path), CARD)
        assert "participants.tsv" in str(error.value), kind
        assert "\n" not in str(error.value)


def read(tmp_path, text, columns, id_column="participant_id"):
    path = tmp_path / "participants.tsv"
    path.write_text(text)
    card = Table.model_validate({"file": path.name, "id_column": id_column, "columns": columns})
    return standardize_table(read_text_table(path), card)


def test_a_blank_after_a_family_makes_no_second_family(tmp_path):
    text = "participant_id\tfamily_id\nsub-1\tfam-0097 \nsub-2\tfam-0097\n"
    table = read(tmp_path, text, {"family_id": {"name": "family_id", "type": "text"}})
    assert table["family_id"].tolist() == ["fam-0097", "fam-0097"]


def test_a_word_that_the_card_names_is_no_gap(tmp_path):
    text = "participant_id\tmdd\ns1\tMDD\ns2\tNone\ns3\tNone\ns4\tnull\n"
    column = {"name": "mdd", "type": "binary", "levels": {"None": 0, "MDD": 1}}
    assert read(tmp_path, text, {"mdd": column})["mdd"].tolist()[:3] == [1.0, 0.0, 0.0]
    assert read(tmp_path, text, {"mdd": column})["mdd"].isna().tolist() == [False] * 3 + [True]


def test_a_word_that_the_card_does_not_name_is_a_gap_and_said(tmp_path):
    text = "participant_id\tdrug\ns1\tNone\ns2\tlithium\ns3\tNone\n"
    table = read(tmp_path, text, {"drug": {"name": "drug", "type": "category"}})
    assert table["drug"].isna().sum() == 2
    [note] = table.attrs[NOTES]
    assert "column 'drug': None was taken for a gap (2 of 3)" in note


def test_codes_of_sites_are_names(tmp_path):
    text = "participant_id\tsite\tbatch\nx\t11010\t1.0\ny\t011009\t2.0\nz\t1e4\tn/a\n"
    columns = {
        "site": {"name": "site", "type": "number", "role": "site"},
        "batch": {"name": "batch", "role": "batch"},
    }
    table = read(tmp_path, text, columns)
    assert table["site"].tolist() == ["11010", "011009", "1e4"]
    assert table["batch"].tolist()[:2] == ["1", "2"]


def test_a_range_holds_for_codes_of_sites(tmp_path):
    columns = {"site": {"name": "site", "range": [1, 4], "role": "site"}}
    assert read(tmp_path, "participant_id\tsite\nx\t4\n", columns)["site"].tolist() == ["4"]
    with pytest.raises(InputError, match="outside 1 to 4, first 7"):
        read(tmp_path, "participant_id\tsite\nx\t4\ny\t7\n", columns)


def test_the_cards_range_is_in_the_message(tmp_path):
    columns = {"t": {"name": "t", "unit": "mm", "range": [0, 10]}}
    with pytest.raises(InputError, match=r"column 't': values outside 0 to 10 mm, first -2\.1"):
        read(tmp_path, "participant_id\tt\nx\t2.5\ny\t-2.1\n", columns)


def test_names_on_the_card_with_blanks_still_fit(tmp_path):
    columns = {"inspired ": {"name": "inspired"}}
    assert read(tmp_path, "participant_id\tinspired \nx\t2\n", columns)["inspired"].tolist() == [2]


def test_decoded_columns_are_those_of_pandas(tmp_path):
    rng = np.random.default_rng(15)
    path = tmp_path / "scores.tsv"
    for _ in range(50):
        n = int(rng.integers(2, 20))
        frame = pd.DataFrame({"participant_id": [f"sub-{i:02d}" for i in range(n)]})
        for k in range(int(rng.integers(1, 6))):
            kind = rng.integers(3)
            values = rng.normal(size=n) * 10.0 ** rng.integers(-8, 8)
            column = values if kind == 0 else rng.integers(-50, 50, n) if kind == 1 else None
            frame[f"c{k}"] = rng.choice(["a", "b c"], n) if column is None else column
            if rng.random() < 0.5:
                frame[f"c{k}"] = frame[f"c{k}"].mask(rng.random(n) < 0.3)
        frame.to_csv(path, sep="\t", na_rep=str(rng.choice(["n/a", "NA", "", "null"])), index=False)
        expected = pd.read_csv(path, sep="\t", na_values=["n/a"])
        found = read_people(path)
        pd.testing.assert_frame_equal(
            found, expected, check_exact=True, check_dtype=False, check_column_type=False
        )
        numbers = expected.select_dtypes("number").columns
        assert (found[numbers].dtypes == expected[numbers].dtypes).all()


@pytest.mark.parametrize("name", ["Kode", "participant_id", "IID"])
@pytest.mark.parametrize("ids", [["007", "8"], ["1e5", "20"], ["1.10", "1.1"], IDS])
def test_ids_stay_text(tmp_path, name, ids):
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"{name},score", *(f"{i},0.5" for i in ids)]))
    table = read_people(path)
    assert table[name].tolist() == ids
    assert table["score"].tolist() == [0.5] * len(ids)


def test_ids_that_are_not_in_front_stay_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("score,who,long,p\n0.5,007,12345678901234567890,1e-5\n1,1e5,2,0.1\n")
    table = read_people(path, ids=["score"])
    assert table["who"].tolist() == ["007", "1e5"]
    assert table["long"].tolist() == ["12345678901234567890", "2"]
    assert table["p"].tolist() == [1e-5, 0.1]


def test_columns_that_count_are_no_measures(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("participant_id\tindex\tscore\tvisit\na\t0\t0.5\t0\nb\t1\t0.1\t1\n")
    assert list(read_people(path)) == ["participant_id", "score", "visit"]


def test_decimal_commas_in_a_group_table_are_one_line(tmp_path):
    path = tmp_path / "group_bold.tsv"
    path.write_text("bids_name\tfd_mean\nsub-1_bold\t0,148\nsub-2_bold\t0.12\n")
    with pytest.raises(InputError) as error:
        read_people(path, numbers=["fd_mean"])
    assert str(error.value).startswith(f"{path}, column 'fd_mean': expected numbers, found '0,148'")
    assert "decimal comma" in str(error.value)
    assert "(1 of 2 subjects)" in str(error.value)


def respell(rng, text):
    """The same text for the eye, with other codes: marks nobody sees, letters in two parts."""
    unseen = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u00a0 "
    around = ["".join(rng.choice(list(unseen), rng.integers(0, 3))) for _ in range(2)]
    text = unicodedata.normalize("NFD", text) if rng.random() < 0.5 else text
    return f"{around[0]}{text}{around[1]}"


def test_what_looks_the_same_is_the_same(tmp_path):
    rng = np.random.default_rng(4)
    columns = {
        "site": {"name": "site", "type": "category", "role": "site"},
        "family": {"name": "family", "type": "text", "role": "group"},
    }
    for _ in range(20):
        rows = [
            (
                f"sub-{i:03d}",
                rng.choice(["Z\u00fcrich", "Orl\u00e9ans", "Bern"]),
                f"f-\u00e4{i // 2}",
            )
            for i in range(12)
        ]
        text = "participant_id\tsite\tfamily\n" + "".join(
            "\t".join(respell(rng, cell) for cell in row) + "\n" for row in rows
        )
        found = read(tmp_path, text, columns)
        assert [(i, *r) for i, r in zip(found.index, found.to_numpy(), strict=True)] == rows


@pytest.mark.parametrize(
    "other", ["FAM-0007", "fam-7", "fam 0007", "fam_0007", "fam\u20130007", "fam\u00a00007"]
)
def test_values_that_differ_in_spelling_only_are_said(tmp_path, other):
    text = f"participant_id\tsite\tfamily\ns1\tA\tfam-0007\ns2\tA\t{other}\ns3\tB\tfam-0008\n"
    columns = {
        "site": {"name": "site", "type": "category", "role": "site"},
        "family": {"name": "family", "type": "text", "role": "group"},
    }
    found = read(tmp_path, text, columns)
    (note,) = found.attrs[NOTES]
    assert "column 'family': 1 values come in more than one spelling;" in note
    # Ids are nobody's business.
    assert other not in note
    assert "fam-0007" not in note
    assert found["family"].nunique() == 3


def test_spellings_of_sites_are_named_and_of_people_counted(tmp_path):
    text = "participant_id\tsite\nsub-1\tBern\nSUB-1\tbern\nsub-2\tBonn\nsub-10\tBonn\n"
    columns = {"site": {"name": "site", "type": "category", "role": "site"}}
    notes = read(tmp_path, text, columns).attrs[NOTES]
    assert "('Bern' and 'bern')" in notes[0]
    assert notes[1].startswith("participants.tsv, column 'participant_id': 1 values come in")
    assert "sub-1" not in notes[1].lower()


def test_different_values_are_no_spellings():
    values = ["1", "10", "2", "0", "1.5", "1.05", "A", "B", "fam-10", "fam-100", "x0", "x"]
    assert spelled_apart(values) == []


@pytest.mark.parametrize("mark", ["0", "-9"])
def test_families_that_are_not_known_are_said_to_be_one_group(tmp_path, mark):
    columns = {"FID": {"name": "family", "type": "text", "role": "group"}}
    text = f"participant_id\tFID\ns1\t{mark}\ns2\tF1\ns3\t{mark}\n"
    (note,) = read(tmp_path, text, columns).attrs[NOTES]
    assert f"'FID': 2 of 3 rows have the value {mark}, which PLINK writes for no family" in note
    assert NOTES not in read(tmp_path, text.replace(f"s3\t{mark}", "s3\tF2"), columns).attrs
