"""The grammar of feature columns: ``<modality>__<group>__<unit>[__<component>]``.

``group`` is what a strategy card selects (``thickness``, ``pgs``, an encoder id), ``unit`` is what
a result is attributed to (a gene, a region, an edge, a questionnaire scale), ``component`` tells
several numbers of one unit apart (a k-mer, an embedding dimension).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SEPARATOR = "__"
SUBJECT, WAVE = "subject_id", "wave_id"


class FeatureName(NamedTuple):
    """Parts of a feature column's name."""

    modality: str
    group: str
    unit: str
    component: str | None = None

    def __str__(self) -> str:
        return SEPARATOR.join(part for part in self if part is not None)


def feature_name(modality: str, group: str, unit: str, component: str | None = None) -> str:
    """Compose a feature column's name.

    Raises
    ------
    ValueError
        If a part is empty or holds the separator.
    """
    parts = [modality, group, unit] + ([] if component is None else [component])
    for part in parts:
        if not part or SEPARATOR in part:
            raise ValueError(f"{part!r} cannot be part of a feature name (empty, or holds '__')")
    return SEPARATOR.join(parts)


def parse_feature_name(column: str) -> FeatureName:
    """Split a feature column's name into its parts.

    Raises
    ------
    ValueError
        If the column does not follow the grammar.
    """
    parts = column.split(SEPARATOR)
    if len(parts) not in (3, 4) or not all(parts):
        raise ValueError(f"{column!r} is not <modality>__<group>__<unit>[__<component>]")
    return FeatureName(*parts)


def units_of(columns: Iterable[str]) -> dict[str, list[int]]:
    """Positions of the columns of each unit, units in order of first appearance."""
    units: dict[str, list[int]] = {}
    for position, column in enumerate(columns):
        units.setdefault(parse_feature_name(column).unit, []).append(position)
    return units
