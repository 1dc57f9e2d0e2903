"""Cards as they stand in their files, before they are understood, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurogenomics_kb.registry.yaml_file import Lines

# Experiments are Kedro run configurations, outside the knowledge base's folder.
EXPERIMENTS = "conf/experiments"
IN_RUN_CONFIG = ("run", "params", "experiment")


@dataclass(frozen=True)
class Problem:
    """Something wrong with a card."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


@dataclass(frozen=True)
class Raw:
    """A card before validation: its content, and where each field stands in its file."""

    card_id: str
    type_name: str
    body: dict
    file: Path
    lines: Lines
    prefix: tuple


def problem_at(raw: Raw, location: tuple, message: str) -> Problem:
    """A problem with the line of the deepest field that the file has."""
    path = (*raw.prefix, *location)
    while path and path not in raw.lines:
        path = path[:-1]
    # Readers know the card, not the run configuration around an experiment.
    shown = location if raw.prefix == IN_RUN_CONFIG else (*raw.prefix, *location)
    field = ".".join(str(part) for part in shown)
    return Problem(str(raw.file), raw.lines.get(path, 1), field, message)
