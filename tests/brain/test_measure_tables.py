"""Tables of measures, however they are separated, padded and gapped: the same numbers or a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.brain.region_names import DESTRIEUX, one_name
from neurogenomics_kb.datasets import (
    EnigmaTablesDataset,
    FreeSurferTablesDataset,
    TractTablesDataset,
)
from neurogenomics_kb.foundation.delimited import counts_rows
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.measures import read_measures

SEPARATORS = ("\t", ";", ",", " ")
GAPS = ("n/a", "NA", "NaN", "nan", "", "N/A")
REGIONS = ("bankssts", "cuneus", "insula", "precuneus", "frontalpole")


def one_line(error) -> str:
    message = str(error.value.__cause__ or error.value)
    assert "\n" not in message
    return message


def random_table(rng) -> pd.DataFrame:
    """Thickness of some people, with gaps."""
    ids = [f"{i:04d}" if rng.random() < 0.5 else f"sub-{i}" for i in rng.permutation(40)[:9]]
    values = np.round(rng.uniform(1.5, 4.5, (9, 5)), 3)
    values[rng.random((9, 5)) < 0.15] = np.nan
    columns = [f"lh_{region}_thickness" for region in REGIONS]
    return pd.DataFrame(values, index=pd.Index(ids, name="lh.aparc.thickness"), columns=columns)


def written(table: pd.DataFrame, rng, gaps=GAPS) -> str:
    """The table as text, with everything that programs and people add around numbers."""
    separator = str(rng.choice(SEPARATORS))
    blanks = separator != " "
    gap = str(rng.choice([g for g in gaps if g or blanks]))
    quote = blanks and rng.random() < 0.2

    def cell(text: str) -> str:
        text = f'"{text}"' if quote else text
        pad = rng.integers(0, 3, 2) if blanks and rng.random() < 0.3 else (0, 0)
        return " " * pad[0] + text + " " * pad[1]

    rows = [[table.index.name, *table.columns]]
    rows += [
        [key, *(gap if np.isnan(v) else f"{v:g}" for v in row)]
        for key, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    end = separator * int(blanks and rng.random() < 0.3)
    lines = [separator.join(map(cell, row)) + end for row in rows]
    if rng.random() < 0.2:
        lines.insert(int(rng.integers(1, len(lines))), "")
    text = str(rng.choice(["\n", "\r\n"])).join(lines)
    mark = "\ufeff" if rng.random() < 0.2 else ""
    return mark + text + ("\n" if rng.random() < 0.8 else "")


@pytest.mark.parametrize("seed", range(60))
def test_freesurfer_tables_are_the_same_however_they_are_written(tmp_path, seed):
    rng = np.random.default_rng(seed)
    table = random_table(rng)
    (tmp_path / "lh.tsv").write_text(written(table, rng), encoding="utf-8", newline="")
    found = FreeSurferTablesDataset(filepath=str(tmp_path), tables={"thickness": ["lh.tsv"]}).load()
    wanted = table.sort_index()
    assert found.index.tolist() == wanted.index.tolist()
    assert found.columns.tolist() == [f"thickness__lh_{region}" for region in REGIONS]
    np.testing.assert_array_equal(found.to_numpy(), wanted.to_numpy())


@pytest.mark.parametrize("seed", range(20))
def test_enigma_and_tract_tables_likewise(tmp_path, seed):
    rng = np.random.default_rng(seed)
    table = random_table(rng)
    cortical = table.rename_axis("SubjID").set_axis([f"L_{r}_thickavg" for r in REGIONS], axis=1)
    (tmp_path / "c.csv").write_text(written(cortical, rng, (*GAPS, "x")), encoding="utf-8")
    found = EnigmaTablesDataset(filepath=str(tmp_path), files=["c.csv"]).load()
    np.testing.assert_array_equal(found.sort_index().to_numpy(), table.sort_index().to_numpy())
    tracts = (table / 10).round(4).rename_axis("subjectID").set_axis(list("ABCDE"), axis=1)
    (tmp_path / "fa.csv").write_text(written(tracts, rng), encoding="utf-8")
    found = TractTablesDataset(filepath=str(tmp_path), tables={"FA": "fa.csv"}).load()
    assert found.columns.tolist() == [f"fa__{c}" for c in "ABCDE"]
    np.testing.assert_array_equal(found.to_numpy(), tracts.sort_index().to_numpy())


def decimal_comma(lines, rng, separator):
    return damage_cell(lines, rng, separator, lambda cell: cell.replace(".", ","))


def text_cell(lines, rng, separator):
    return damage_cell(lines, rng, separator, lambda cell: str(rng.choice(["thin", "-", "2.5mm"])))


def infinite(lines, rng, separator):
    return damage_cell(lines, rng, separator, lambda cell: str(rng.choice(["inf", "-inf"])))


def missing_code(lines, rng, separator):
    return damage_cell(lines, rng, separator, lambda cell: str(rng.choice(["-9", "-999", "999"])))


def damage_cell(lines, rng, separator, change):
    row, column = int(rng.integers(1, len(lines))), int(rng.integers(1, 6))
    cells = lines[row].split(separator)
    cells[column] = change(cells[column])
    return [*lines[:row], separator.join(cells), *lines[row + 1 :]]


def longer_row(lines, rng, separator):
    row = int(rng.integers(1, len(lines)))
    return [*lines[:row], lines[row] + separator + "2.5", *lines[row + 1 :]]


def all_rows_longer(lines, rng, separator):
    """As R's write.table gives it: row names, and a header without a name for them."""
    return [lines[0], *(f"{i}{separator}{line}" for i, line in enumerate(lines[1:], 1))]


def cut_row(lines, rng, separator):
    return [*lines[:-1], separator.join(lines[-1].split(separator)[:3])]


def same_subject(lines, rng, separator):
    return [*lines, lines[1]]


def same_column(lines, rng, separator):
    return [line + separator + line.split(separator)[1] for line in lines]


def blank_id(lines, rng, separator):
    return [*lines[:2], separator + separator.join(lines[2].split(separator)[1:]), *lines[3:]]


DAMAGES = [
    text_cell, infinite, missing_code, longer_row, all_rows_longer, cut_row, same_subject,
    same_column, blank_id,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_damage_is_refused_in_one_line(tmp_path, damage):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        table = random_table(rng).fillna(2.5)
        separator = SEPARATORS[seed % 3]
        lines = table.to_csv(sep=separator).splitlines()
        path = tmp_path / f"t{seed}.tsv"
        path.write_text("\n".join(damage(lines, rng, separator)) + "\n")
        dataset = FreeSurferTablesDataset(filepath=str(tmp_path), tables={"thickness": [path.name]})
        with pytest.raises(DatasetError) as error:
            dataset.load()
        assert path.name in one_line(error)


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_decimal_commas_are_named(tmp_path, separator):
    rng = np.random.default_rng(1)
    lines = random_table(rng).fillna(2.5).to_csv(sep=separator).splitlines()
    (tmp_path / "t.tsv").write_text("\n".join(line.replace(".", ",") for line in lines))
    with pytest.raises(DatasetError) as error:
        FreeSurferTablesDataset(filepath=str(tmp_path), tables={"thickness": ["t.tsv"]}).load()
    assert "decimal points instead of commas" in one_line(error)


@pytest.mark.parametrize("start", [0, 1])
def test_columns_that_count_the_rows_are_left_out(tmp_path, caplog, start):
    table = random_table(np.random.default_rng(2)).fillna(2.5)
    plain = table.reset_index()
    plain.index += start
    plain.to_csv(tmp_path / "t.tsv", sep="\t")  # a nameless first column
    named = table.assign(row=range(start, start + len(table)))
    named.to_csv(tmp_path / "u.tsv", sep="\t")
    for file in ("t.tsv", "u.tsv"):
        found = FreeSurferTablesDataset(filepath=str(tmp_path), tables={"thickness": [file]}).load()
        assert found.shape == table.shape
        assert "counts the rows" in caplog.text
        caplog.clear()


def test_a_nameless_column_is_never_guessed_at(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tx\t\n1\t2.5\t3\n2\t2.6\t7\n3\t2.7\t5\n")
    with pytest.raises(InputError, match="row 1 has 3 cells and the header 2"):
        read_measures(tmp_path / "a.tsv")
    (tmp_path / "b.tsv").write_text("id\t\tx\n1\t2.5\t3\n2\t2.6\t7\n3\t2.7\t5\n")
    with pytest.raises(InputError, match="column 2 of 3 has no name"):
        read_measures(tmp_path / "b.tsv")
    (tmp_path / "c.tsv").write_text("\tx\ty\n1\t1001\t3\n2\t1002\t7\n3\t1005\t5\n")
    with pytest.raises(InputError, match="column 1 of 3 has no name"):
        read_measures(tmp_path / "c.tsv")


def test_ids_that_count_are_ids(tmp_path):
    (tmp_path / "a.csv").write_text("SubjID,x\n01,2.5\n02,2.6\n03,2.7\n")
    table = read_measures(tmp_path / "a.csv")
    assert table["SubjID"].tolist() == ["01", "02", "03"]
    assert counts_rows(table["SubjID"])


def test_somebody_may_be_called_na(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tx\nNA\tNA\nNone\t2.6\nnan\t2.7\n")
    table = read_measures(tmp_path / "a.tsv")
    assert table["id"].tolist() == ["NA", "None", "nan"]
    assert table["x"].isna().tolist() == [True, False, False]


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.tsv").write_bytes("id\tx\n1\tµ\n".encode("latin-1"))
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_measures(tmp_path / "a.tsv")
    (tmp_path / "b.tsv").write_text("id\tx\n")
    with pytest.raises(InputError, match="no row"):
        read_measures(tmp_path / "b.tsv")
    (tmp_path / "c.tsv").write_bytes(b"id\tx\n1\t\x00\x01\n")
    with pytest.raises(InputError, match="binary"):
        read_measures(tmp_path / "c.tsv")


def test_absent_regions_are_gaps_and_absent_lesions_are_none(tmp_path, caplog):
    (tmp_path / "lh.tsv").write_text(
        "lh.aparc.thickness\tlh_insula_thickness\tlh_temporalpole_thickness\n"
        "s1\t2.5\t0.0\ns2\t2.6\t3.1\n"
    )
    (tmp_path / "aseg.tsv").write_text(
        "Measure:volume\tLeft-Hippocampus\t5th-Ventricle\tWM-hypointensities\tRight-vessel\n"
        "s1\t0\t0.0\t0\t0.0\ns2\t4000\t0.0\t1200.5\t31\n"
    )
    tables = {"thickness": ["lh.tsv"], "aseg_volume": ["aseg.tsv"]}
    found = FreeSurferTablesDataset(filepath=str(tmp_path), tables=tables).load()
    assert found["thickness__lh_temporalpole"].isna().tolist() == [True, False]
    assert found["aseg_volume__Left-Hippocampus"].isna().tolist() == [True, False]
    for kept in ("5th-Ventricle", "WM-hypointensities", "Right-vessel"):
        assert found.loc["s1", f"aseg_volume__{kept}"] == 0
    assert "2 values of 0 are taken as gaps, of regions that 1 of 2 rows lack" in caplog.text


def test_a_head_without_volume_is_a_gap(tmp_path):
    text = "Measure:volume\tLeft-Hippocampus\tEstimatedTotalIntraCranialVol\n"
    (tmp_path / "a.tsv").write_text(f"{text}s1\t4000\t0.0\ns2\t4000\t1.5e6\n")
    dataset = FreeSurferTablesDataset(filepath=str(tmp_path), tables={"aseg_volume": ["a.tsv"]})
    assert dataset.load()["etiv"].isna().tolist() == [True, False]
    (tmp_path / "a.tsv").write_text(f"{text}s1\t4000\t-9\ns2\t4000\t1.5e6\n")
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert "-9 is no volume" in one_line(error)


def older(name: str) -> str:
    """As FreeSurfer 5 spells it."""
    return name.replace("_and_", "&")


@pytest.mark.parametrize("prefix", ["", "lh_", "rh_", "ctx_lh_", "ctx-rh-"])
def test_destrieux_has_one_name_per_region(prefix):
    in_r = {name: name.replace("-", ".") for name in DESTRIEUX}
    for name in DESTRIEUX:
        for spelled in (name, older(name), in_r[name], older(name).replace("&", ".")):
            assert one_name(prefix + spelled) == prefix + name, spelled
    assert len({one_name(n) for n in DESTRIEUX}) == 74


def test_cohorts_of_two_releases_have_no_half_empty_columns(tmp_path):
    for file, names in (("lh.tsv", DESTRIEUX), ("rh.tsv", [older(n) for n in DESTRIEUX])):
        side = file[:2]
        header = "\t".join(["id", *(f"{side}_{n}_thickness" for n in names)])
        (tmp_path / file).write_text(header + "\ns1" + "\t2.5" * 74 + "\n")
    found = FreeSurferTablesDataset(
        filepath=str(tmp_path), tables={"thickness": ["lh.tsv", "rh.tsv"]}
    ).load()
    sides = [{c.split("_", 4)[-1] for c in found if f"__{s}_" in c} for s in ("lh", "rh")]
    assert sides[0] == sides[1]
    assert found.shape == (1, 148)
