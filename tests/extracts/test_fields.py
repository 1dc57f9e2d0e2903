from __future__ import annotations

import pytest

from neurogenomics_kb.extracts.fields import (
    FieldName,
    find_id_column,
    parse_field,
    spell_field,
)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("31-0.0", (31, 0, 0)),
        ("21003-2.0", (21003, 2, 0)),
        ("22009-0.10", (22009, 0, 10)),
        ("p31", (31, 0, 0)),
        ("p21003_i2", (21003, 2, 0)),
        ("p22009_a10", (22009, 0, 10)),
        ("p20216_i2_a0", (20216, 2, 0)),
        ("participant.p54_i3", (54, 3, 0)),
        ("f.21003.2.0", (21003, 2, 0)),
        (" p31 ", (31, 0, 0)),
        ("eid", None),
        ("31", None),
        ("p31_i", None),
        ("p31_a1_i2", None),
        ("31-0", None),
        ("Sex", None),
        ("xp31", None),
    ],
)
def test_names_of_fields(column, field):
    assert parse_field(column) == (field and FieldName(*field))


@pytest.mark.parametrize("name", [FieldName(31), FieldName(54, 2), FieldName(22009, 0, 10)])
@pytest.mark.parametrize("spelling", ["showcase", "platform"])
def test_spelling_round_trip(name, spelling):
    assert parse_field(spell_field(name, spelling)) == name


def test_platform_leaves_out_what_a_field_does_not_have():
    assert spell_field(FieldName(31), "platform", instances=False, arrays=False) == "p31"
    assert spell_field(FieldName(22009, 0, 1), "platform", instances=False) == "p22009_a1"


def test_id_column_with_and_without_its_entity():
    assert find_id_column(["eid", "p31"], "eid") == "eid"
    assert find_id_column(["participant.eid"], "eid") == "participant.eid"
    assert find_id_column(["id"], "eid") is None
