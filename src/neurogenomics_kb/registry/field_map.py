"""Which fields of a provider a cohort is made of, so that an extract can be ordered."""

from __future__ import annotations

import re
from typing import NamedTuple

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.registry.cards import DatasetCard
from neurogenomics_kb.registry.registry import Registry

FIELD = re.compile(r"(\d+)-(\d+)\.(\d+)")


class MappedField(NamedTuple):
    """A field, what it is, what it becomes here, and where that stands.

    Parameters
    ----------
    field : str
        Id, or a range of ids.
    instance, array : int, optional
        Visit and element; none for what is ordered whole.
    title : str
        Title for a reader.
    kind : {"column", "value", "bulk"}
        A column of a table, a value that no table maps, or files.
    name : str
        Canonical column, or pattern of the files.
    card, table : str
        Dataset card and its table.
    source : str
        Where it stands: DOI, file of a repository with its commit, or page.
    verified : bool
        Whether id and meaning were looked up there.
    note : str
        What a reader should know beside it.
    """

    field: str
    instance: int | None
    array: int | None
    title: str
    kind: str
    name: str
    card: str
    table: str
    source: str
    verified: bool
    note: str = ""


def map_fields(registry: Registry, dataset_id: str) -> list[MappedField]:
    """Fields of a dataset card and its parts, in the order of the cards.

    Parameters
    ----------
    registry : Registry
        The knowledge base.
    dataset_id : str
        Card of the cohort or of one of its parts.

    Raises
    ------
    InputError
        If there is no such card, or it maps no field.
    """
    chosen = registry.get(dataset_id, "dataset")
    cards = [chosen]
    if chosen.kind == "cohort":
        parts = (registry.get(i, "dataset") for i in registry.ids("dataset"))
        cards += [part for part in parts if part.part_of == chosen.id]
    found = [field for card in cards for field in _fields_of(card)]
    if not found:
        raise InputError(
            f"dataset card '{dataset_id}' and its parts map no field",
            remedy="Fields are columns named like 31-0.0, and entries under `fields`.",
        )
    return found


def _fields_of(card: DatasetCard) -> list[MappedField]:
    found = []
    for table_name, table in card.tables.items():
        for source, column in table.columns.items():
            match = FIELD.fullmatch(source)
            if match is None:
                continue
            found.append(
                MappedField(
                    match[1], int(match[2]), int(match[3]), column.description or column.name,
                    "column", column.name, card.id, table_name,
                    column.source or table.source or "", column.verified,
                )
            )  # fmt: skip
    for ids, field in card.fields.items():
        instances = field.instances or [None]
        found += [
            MappedField(
                ids, instance, None, field.title, field.kind, field.files, card.id, "",
                field.source, field.verified, "; ".join(filter(None, [field.use, field.note])),
            )
            for instance in instances
        ]  # fmt: skip
    return found


def runs_of(fields: list[MappedField]) -> list[list[MappedField]]:
    """Fields that follow one another by id, array or instance and are of one kind, as one run."""
    runs: list[list[MappedField]] = []
    for field in fields:
        if runs and _follows(runs[-1][-1], field):
            runs[-1].append(field)
        else:
            runs.append([field])
    return runs


def _follows(before: MappedField, field: MappedField) -> bool:
    same = ("kind", "card", "table", "source", "verified", "note")
    if any(getattr(before, name) != getattr(field, name) for name in same):
        return False
    if field.kind != "column":
        return before.field == field.field and before.title == field.title
    if _stem(before.name) != _stem(field.name) or before.instance != field.instance:
        return False
    step = int(field.field) - int(before.field), field.array - before.array
    return step in ((1, 0), (0, 1))


def _stem(name: str) -> str:
    """Group of a feature, or a name without its number."""
    return name.split(SEPARATOR)[0] if SEPARATOR in name else re.sub(r"\d+$", "", name)
