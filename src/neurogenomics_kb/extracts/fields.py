"""Names of UK Biobank fields, in every spelling that exports use.

A value belongs to a field, an instance (the visit) and an array index. ``21003-2.0`` (ukbconv),
``p21003_i2`` (Research Analysis Platform) and ``f.21003.2.0`` (ukbconv for R) are one column; the
platform leaves out an index that a field does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

SPELLINGS = (
    re.compile(r"(\d+)-(\d+)\.(\d+)"),
    re.compile(r"(?:participant\.)?p(\d+)(?:_i(\d+))?(?:_a(\d+))?"),
    re.compile(r"f\.(\d+)\.(\d+)\.(\d+)"),
)
ID_PREFIXES = ("", "participant.", "f.")
IMAGING = {2: "first imaging visit", 3: "repeat imaging visit"}
Spelling = Literal["showcase", "platform"]


class FieldName(NamedTuple):
    """Field id, instance and array index of a column; an index that is not written is 0."""

    field: int
    instance: int = 0
    array: int = 0

    def __str__(self) -> str:
        return f"{self.field}-{self.instance}.{self.array}"


def parse_field(column: str) -> FieldName | None:
    """Field that a column holds, or None where the name is no field's."""
    for spelling in SPELLINGS:
        match = spelling.fullmatch(column.strip())
        if match:
            return FieldName(*(int(part or 0) for part in match.groups()))
    return None


def spell_field(
    name: FieldName, spelling: Spelling, *, instances: bool = True, arrays: bool = True
) -> str:
    """Column name of a field.

    Parameters
    ----------
    name : FieldName
        Field with instance and array.
    spelling : {"showcase", "platform"}
        How the extract spells field names.
    instances, arrays : bool
        Whether the field has such an index; only the platform's spelling cares.
    """
    if spelling == "showcase":
        return str(name)
    instance = f"_i{name.instance}" if instances else ""
    return f"p{name.field}{instance}{f'_a{name.array}' if arrays else ''}"


def find_id_column(columns: Iterable[str], id_column: str) -> str | None:
    """Column of the ids, which exports may prefix by the entity."""
    columns = set(columns)
    return next((p + id_column for p in ID_PREFIXES if p + id_column in columns), None)
