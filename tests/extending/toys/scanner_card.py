"""A card type: scanners, which name the dataset that they measured."""

from __future__ import annotations

from typing import Any, ClassVar

from neurogenomics_kb.registry.cards.base import Card, DatasetId


class Scanner(Card):
    type_name: ClassVar[str] = "scanner"
    place: ClassVar[str] = "scanners.yaml"
    heading: ClassVar[str] = "Scanners"
    skeleton: ClassVar[dict[str, Any]] = {"title": "…", "tesla": 3.0}

    tesla: float
    measured: DatasetId | None = None
