"""Delimited text is read whole and as it stands, or refused."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.delimited import (
    BLANK_ROWS,
    NOTES,
    read_text_table,
)
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_run


@pytest.fixture
def write(tmp_path):
    def write(content, name="t.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(table):
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize(
    "content",
    [
        "id\tb\n01\tx\n1e5\tNone\n",
        "id,b\r\n01,x\r\n1e5,None\r\n",
        "id;b\r01;x\r1e5;None\r",
        "\ufeffid\t b \n 01\tx \n1e5\u00a0\t\u200bNone",
        'id, b\n01, "x"\n"1e5", None\n',
        "id\tb\t\n01\tx\t\n1e5\tNone\t\n",
        "id\tb\n01\tx\t\n1e5\tNone\n\n\t\n",
        "\tid\tb\n0\t01\tx\n1\t1e5\tNone\n",
        "Unnamed: 0,id,b\n0,01,x\n1,1e5,None\n",
    ],
)
def test_one_table_however_it_is_written(write, content):
    table = read_text_table(write(content))
    assert list(table) == ["id", "b"]
    assert rows(table) == [["01", "x"], ["1e5", "None"]]


def test_compressed(write):
    assert rows(read_text_table(write(gzip.compress(b"a,b\n1,2\n"), "t.csv.gz"))) == [["1", "2"]]


def test_a_cell_of_several_lines(write):
    table = read_text_table(write('id,words\n1,"first\nsecond"\n2,x\n', "t.csv"))
    assert rows(table) == [["1", "first\nsecond"], ["2", "x"]]


def test_what_was_left_out_is_counted(write):
    table = read_text_table(write("\tid\tfamily\n0\ta\tf1 \n\t\t\n1\tb\tf1\n"))
    assert table["family"].tolist() == ["f1", "f1"]
    assert table.attrs[BLANK_ROWS] == 1
    assert table.attrs[NOTES] == [
        "t.tsv: blanks around the text of 1 cell cut off.",
        "t.tsv: 1 blank row left out.",
        "t.tsv: 1 column without a name left out.",
    ]
    assert read_text_table(write("id\tfamily\na\tf1\n")).attrs == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\tb\n1\t2\n1\t2\t3\n", ["line 3 has 3 cells, and the header 2"]),
        ("a\tb\n1\t2\t3\n1\t2\t3\n", ["line 2 has 3 cells"]),
        ("a\tb\tc\n1\t2\t3\n1\t2\n", ["line 3 has 2 cells", "cut off"]),
        ("id,x\ns1,0,5\n", ["line 2 has 3 cells"]),
        ("a\ta\n1\t2\n", ["column 'a'", "twice"]),
        ("a\ta \n1\t2\n", ["column 'a'", "twice"]),
        ('a\tb\n1\t"x\n2\ty\n', ["quotes do not pair", "line 2"]),
        ('a\tb\n1\t"x\n2\ty"\n', ["quotes do not pair", "line 2"]),
        ('a\tb\n1\t"x" y\n', ["quotes do not pair"]),
        ("a\tb\n1\tm\u00fcller\n".encode("latin-1"), ["UTF-8", "line 2"]),
        ("a\tb\n1\t2\n".encode("utf-16"), ["UTF-8"]),
        (b"a\tb\n1\t\x00\n", ["null bytes"]),
        ("", ["no header"]),
        ("\n\n", ["no header"]),
        (gzip.compress(b"a\tb\n" + b"1\t2\n" * 5000)[:-20], ["cannot be read"]),
        ("a;b,c\n1\n", ["commas and semicolons"]),
    ],
)
def test_what_cannot_be_read_whole_is_refused(write, content, words):
    path = write(content)
    with pytest.raises(InputError) as error:
        read_text_table(path)
    for word in [str(path), *words]:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_text_table(tmp_path / "none.tsv")


def test_semicolons_between_cells_with_commas(write):
    table = read_text_table(write("id;a, b\n1;2\n", "t.csv"))
    assert list(table) == ["id", "a, b"]


def test_tables_of_runs_are_what_pandas_reads(write):
    rng = np.random.default_rng(0)
    for _ in range(30):
        shape = rng.integers(1, 30), rng.integers(1, 12)
        frame = pd.DataFrame(rng.normal(size=shape) * 10.0 ** rng.integers(-9, 9, shape))
        frame = frame.mask(rng.random(shape) < 0.2).add_prefix("c")
        frame["label"] = rng.choice(["x", "y z"], shape[0])
        text = frame.to_csv(sep="\t", na_rep="n/a", index=False)
        ending = rng.choice(["\n", "\r\n"])
        path = write(text.replace("\n", ending).rstrip() + ending * int(rng.integers(0, 3)))
        expected = pd.read_csv(path, sep="\t", na_values=["n/a"])
        pd.testing.assert_frame_equal(read_run(path), expected, check_exact=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a\tb\n1\t2\n1\t2\t3\n", "line 3 has 3 cells"),
        ("a\tb\n1\t2\t3\n1\t2\t3\n", "line 2 has 3 cells"),
        ("a\tb\n1\t2\n1\n", "line 3 has 1 cells"),
        ("a\tb\ta\n1\t2\t3\n", "twice"),
        ("a\tb\n1\t\u00fc\n".encode("latin-1"), "UTF-8"),
        ("", "no header"),
    ],
)
def test_uneven_tables_of_runs_are_refused(write, content, words):
    with pytest.raises(InputError, match=words):
        read_run(write(content))


def test_columns_without_a_name_are_no_measures(write):
    table = read_run(write("\tL1 \tL2\n0\t0.5\t1\n1\t0.25\t2\n"))
    assert list(table) == ["L1", "L2"]
    assert table["L1"].tolist() == [0.5, 0.25]
