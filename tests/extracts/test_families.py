from __future__ import annotations

import pandas as pd
import pytest

from neurogenomics_kb.extracts.families import read_families
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.registry.cards import Kinship

IDS = pd.Index(["1", "2", "3", "4", "5"])


def write(path, rows):
    lines = ["ID1 ID2 HetHet IBS0 Kinship", *(f"{a} {b} 0.1 0.01 {k}" for a, b, k in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_relatives_of_relatives_are_one_family(tmp_path):
    # 1-2-3 by chains; 4 and 5 are too distant; 9 is not in the extract.
    rows = [(1, 2, 0.25), (2, 3, 0.05), (4, 5, 0.044), (9, 4, 0.25)]
    families = read_families(write(tmp_path / "rel.dat", rows), IDS, Kinship())["family_id"]
    assert families["1"] == families["2"] == families["3"]
    assert families.nunique() == 3
    assert families.index.equals(IDS)


def test_a_missing_file_or_column(tmp_path):
    with pytest.raises(InputError, match=r"table of related pairs is missing"):
        read_families(tmp_path / "rel.dat", IDS, Kinship())
    path = write(tmp_path / "rel.dat", [(1, 2, 0.25)])
    with pytest.raises(InputError, match=r"column 'kinship'.*did you mean 'Kinship'"):
        read_families(path, IDS, Kinship(coefficient="kinship"))


def test_ids_of_another_application(tmp_path):
    path = write(tmp_path / "rel.dat", [(11, 12, 0.25)])
    with pytest.raises(InputError, match=r"none of its 1 pairs.*differ between applications"):
        read_families(path, IDS, Kinship())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 2 0.1 0.01 0.25 7", r"line 3 has 6 cells, and the header 5"),
        ("1 2 0.1 0.01", r"line 3 has 4 cells"),
        ("1 2 0.1 0.01 0,25", r"column 'Kinship': expected numbers, found '0,25'"),
        ("1 2 0.1 0.01 0.98", r"column 'Kinship': kinship goes up to 0.98"),
    ],
)
def test_pairs_are_read_whole_or_refused(tmp_path, line, words):
    path = write(tmp_path / "rel.dat", [(1, 2, 0.25)])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=words):
        read_families(path, IDS, Kinship())


def test_a_pair_without_a_coefficient_is_no_family(tmp_path):
    families = read_families(
        write(tmp_path / "rel.dat", [(1, 2, "NA"), (3, 4, 0.3)]), IDS, Kinship()
    )["family_id"]
    assert families["1"] != families["2"]
    assert families["3"] == families["4"]


def test_close_relatives_are_sibships_inside_families(tmp_path):
    rows = [(1, 2, 0.25), (2, 3, 0.06), (3, 4, 0.19)]
    card = Kinship(close=0.177)
    found = read_families(write(tmp_path / "rel.dat", rows), IDS, card)
    assert list(found.columns) == ["family_id", "sibship_id"]
    assert len(set(found["family_id"].iloc[:4])) == 1
    sibships = found["sibship_id"]
    assert sibships["1"] == sibships["2"] != sibships["3"] == sibships["4"]
    assert found.groupby("sibship_id")["family_id"].nunique().max() == 1


def test_close_is_closer_than_related():
    with pytest.raises(ValueError, match="closer than `minimum`"):
        Kinship(close=0.04)
