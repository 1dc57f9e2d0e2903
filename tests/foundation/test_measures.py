"""Tables of measures and of people share one reader, and what is damaged is damaged in both."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from neurogenomics_kb.foundation.delimited import read_text_table, without_counters
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_measures
from neurogenomics_kb.foundation.tables import decode_columns, require_finite_numbers, take_ids


def random_measures(rng) -> pd.DataFrame:
    """Measures of some people with gaps; ids that look like numbers among them."""
    n = int(rng.integers(3, 30))
    ids = [f"{i:03d}" if rng.random() < 0.5 else f"sub-{i}" for i in rng.permutation(99)[:n]]
    values = rng.normal(size=(n, int(rng.integers(1, 6)))) * 10.0 ** rng.integers(-6, 6)
    table = pd.DataFrame(values).add_prefix("m").mask(rng.random(values.shape) < 0.2)
    table.insert(0, "subject", ids)
    return table


@pytest.mark.parametrize("seed", range(30))
def test_both_readers_see_the_same_numbers(tmp_path, seed):
    rng = np.random.default_rng(seed)
    table = random_measures(rng)
    separator = str(rng.choice(["\t", ";", ","]))
    text = table.to_csv(sep=separator, index=False, na_rep=str(rng.choice(["", "NA", "n/a"])))
    if rng.random() < 0.5:
        text = text.replace(separator, f" {separator} ")
    content = text.encode()
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(content) if rng.random() < 0.3 else content)
    measures = read_measures(path)
    people = decode_columns(read_text_table(path), ["subject"])
    assert measures["subject"].tolist() == people["subject"].tolist() == table["subject"].tolist()
    for name in table.columns[1:]:
        numbers = measures[name].to_numpy(dtype=float)
        np.testing.assert_array_equal(numbers, table[name].to_numpy())
        np.testing.assert_array_equal(numbers, people[name].to_numpy(dtype=float))


@pytest.mark.parametrize("seed", range(20))
def test_damage_is_damage_in_both(tmp_path, seed):
    rng = np.random.default_rng(seed)
    text = random_measures(rng).to_csv(sep="\t", index=False, na_rep="n/a")
    lines = text.splitlines()
    row = int(rng.integers(1, len(lines)))
    damage = rng.integers(4)
    if damage == 0:
        lines[row] += "\t2.5"
    elif damage == 1:
        lines[row] = lines[row].rsplit("\t", 1)[0]
    elif damage == 2:
        lines[row] = '"' + lines[row]
    else:
        lines[0] = lines[0] + "\tm0"
        lines[1:] = [f"{line}\t1" for line in lines[1:]]
    path = tmp_path / "t.tsv"
    path.write_text("\n".join(lines) + "\n")
    for read in (read_measures, read_text_table):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value).startswith(str(path))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "write", ['"id" "x y" "z"\n"s 1"   2.5 "n/a"\n s2 1\t3 \n', "id 'q\ns1 1\n"]
)
def test_blanks_part_cells_and_quotes_hold_them(tmp_path, write):
    path = tmp_path / "t.txt"
    path.write_text(write)
    table = read_measures(path)
    if "'" in write:
        assert list(table) == ["id", "'q"]
        return
    assert list(table) == ["id", "x y", "z"]
    assert table["id"].tolist() == ["s 1", "s2"]
    assert table["x y"].tolist() == [2.5, 1.0]
    np.testing.assert_array_equal(table["z"], [np.nan, 3.0])


def test_a_row_in_which_nothing_stands_is_left_out_however_the_rest_is_written(tmp_path):
    path = tmp_path / "t.csv"
    for text in ("id,x\ns1,2\n,\ns2,3\n", "id, x\ns1, 2\n,\ns2, 3\n", '"id","x"\ns1,2\n,\ns2,3\n'):
        path.write_text(text)
        assert read_measures(path)["id"].tolist() == ["s1", "s2"]


def test_columns_that_count_are_measures_of_nobody():
    table = pd.DataFrame({"id": ["1", "2", "3"], "index": ["1", "2", "3"], "m": ["0", "1", "2"]})
    assert list(without_counters(table, ["id"])) == ["id", "m"]
    assert list(without_counters(table, ["id"], measures=True)) == ["id"]
    assert list(without_counters(table[:2], ["id"])) == ["id", "m"]
    assert list(without_counters(table[:2], ["id"], measures=True)) == ["id", "index", "m"]


def test_ids_and_numbers_are_taken_without_blanks():
    assert take_ids(pd.Series([" s1", "s2 "]), "t").tolist() == ["s1", "s2"]
    with pytest.raises(InputError, match="first 's1'"):
        take_ids(pd.Series(["s1", "s1\u00a0"]), "t")
    numbers = require_finite_numbers(pd.Series([" 1.5", "n/a ", None, 2]), "t", "x")
    np.testing.assert_array_equal(numbers, [1.5, np.nan, np.nan, 2.0])
    for wrong in ("1,5", "inf", True, np.inf, "1 000"):
        with pytest.raises(InputError, match="column 'x'"):
            require_finite_numbers(pd.Series(["1", wrong], dtype=object), "t", "x")
