"""Group tables of FreeSurfer: spellings of regions, lists of files, names of folders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from neurogenomics_kb.brain.region_names import DESTRIEUX
from neurogenomics_kb.datasets import FreeSurferTablesDataset
from neurogenomics_kb.datasets.freesurfer import join_spellings, read_table
from neurogenomics_kb.foundation.errors import InputError


def old_spelling(rng, name):
    return name.replace("_and_S", "&S").replace("_and_", rng.choice(["&", "_and_"]))


def write(folder, name, table):
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / name, sep="\t", na_rep=table.attrs.get("gap", "NA"))


def load(folder, tables):
    """Content of the dataset; its own error instead of Kedro's around it."""
    try:
        return FreeSurferTablesDataset(filepath=str(folder), tables=tables).load()
    except DatasetError as error:
        raise error.__cause__ from None


@pytest.mark.parametrize("gap", ["NA", "0.0", ""])
def test_two_releases_in_one_table_give_one_column_each(tmp_path, gap):
    rng = np.random.default_rng(1)
    people = [f"sub-{i:02d}" for i in range(8)]
    truth = pd.DataFrame(rng.uniform(1.5, 4, (8, len(DESTRIEUX))), people, DESTRIEUX).round(3)
    old = truth.iloc[:4].rename(columns=lambda c: old_spelling(rng, c))
    both = pd.concat([old, truth.iloc[4:]])  # as pandas puts two tables together
    both.columns = [f"lh_{c}_thickness" for c in both]
    both.index.name = "lh.aparc.a2009s.thickness"
    both.attrs["gap"] = gap
    write(tmp_path, "lh.tsv", both)
    found = load(tmp_path, {"a2009s_thickness": ["lh.tsv"]})
    found.index = found.index.astype(object)
    assert found.shape == truth.shape
    expected = truth.add_prefix("a2009s_thickness__lh_").set_axis(found.index)
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_names=False)


def test_two_values_of_one_region_are_refused():
    table = pd.DataFrame({"a&b": [1.0, 2.0, np.nan], "a_and_b": [np.nan, 2.5, 3.0]})
    with pytest.raises(InputError, match=r"a&b, a_and_b are spellings .* \(1 of 3 subjects\)"):
        join_spellings(table, ["a_and_b", "a_and_b"], "t.tsv")


def test_a_file_that_is_listed_twice_hides_a_hemisphere(tmp_path):
    table = pd.DataFrame({"lh_insula_thickness": [2.5, 2.6]}, ["a", "b"])
    write(tmp_path, "lh.tsv", table)
    with pytest.raises(InputError, match=r"'thickness' lists lh.tsv twice"):
        load(tmp_path, {"thickness": ["lh.tsv", "lh.tsv"]})


@pytest.mark.parametrize("group", ["volume", "dkt_area", "meancurv"])
def test_a_table_of_another_measure_is_refused(tmp_path, group):
    table = pd.DataFrame({"lh_insula_thickness": [2.5, 2.6], "eTIV": [1.4e6, 1.5e6]}, ["a", "b"])
    write(tmp_path, "lh.tsv", table)
    with pytest.raises(InputError, match=rf"1 columns are of thickness, .* as '{group}'"):
        load(tmp_path, {group: ["lh.tsv"]})


def test_slashes_and_marks_around_ids_are_not_theirs(tmp_path):
    text = "id\tlh_insula_thickness\nsub-1/\t2.5\n\u200bsub-2\t2.6\nsub-3\t2.7\n"
    (tmp_path / "t.tsv").write_text(text, encoding="utf-8")
    assert list(read_table(tmp_path / "t.tsv").index) == ["sub-1", "sub-2", "sub-3"]
