"""What a run knows people by, and parameters without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kedro.io import DataCatalog
from pydantic import BaseModel

from neurogenomics_kb.datasets import PeopleTableDataset
from neurogenomics_kb.registry.disclosure import FLOOR, MINIMUM_CELL
from neurogenomics_kb.registry.identifiers import Identifiers

COHORT, PEOPLE = "integration.cohort", "participants"
# Lists of people that parameters leave out.
LISTED = ("exclude", "excluded", "withdrawn")
WITHHELD = "withheld: it names people"


def identifiers_of(catalog: DataCatalog) -> Identifiers:
    """Everybody whom a run may name: analysed, excluded, or only in the participants' table.

    Parameters
    ----------
    catalog : DataCatalog
        Of the run.
    """
    known = set(_listed(catalog))
    cohort = catalog.get(COHORT)
    if cohort is not None and cohort.exists():
        known.update(map(str, cohort.load().index))
    people = catalog.get(PEOPLE)
    if isinstance(people, PeopleTableDataset) and people.exists():
        known.update(people.load().iloc[:, 0].dropna().astype(str))
    return Identifiers(known)


def _listed(catalog: DataCatalog) -> Iterator[str]:
    """People in parameters that name those to leave out."""
    for name in sorted(catalog.keys()):
        if name.startswith("params:"):
            for key, value in flatten(catalog.load(name), name).items():
                if key.rpartition(".")[2] in LISTED and isinstance(value, list):
                    yield from map(str, value)


def smallest_cell(catalog: DataCatalog) -> int:
    """Smallest count that the run may show, never below what any run may."""
    parameters = catalog.get("params:disclosure")
    told = parameters.load() if parameters is not None else {}
    told = told.model_dump() if isinstance(told, BaseModel) else told
    return max(int(told.get("minimum_cell", MINIMUM_CELL)), FLOOR)


def without_people(parameters: Mapping[str, Any], ids: Identifiers) -> dict[str, str]:
    """Parameters as texts for a tracking server; those that name people say only that.

    Parameters
    ----------
    parameters : mapping of str to object
        Flat or nested; nested ones are withheld whole.
    ids : Identifiers
        Of everybody.
    """
    return {
        key: WITHHELD
        if (key.rpartition(".")[2] in LISTED and isinstance(value, list) and value)
        or ids.in_text(str(value))
        else str(value)
        for key, value in parameters.items()
    }


def flatten(value: Any, prefix: str) -> dict[str, Any]:
    """Nested parameters as dotted names."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, item in value.items():
            out.update(flatten(item, f"{prefix}.{key}"))
        return out
    return {prefix: value}
