"""Where cards that runs write lie: on this machine, until somebody publishes them."""

from __future__ import annotations

from pathlib import Path

from neurogenomics_kb.registry.cards import LAYOUT

# Types that runs write, and the folder below theirs that version control does not see.
WRITTEN = ("result", "decision")
LOCAL = "local"


def published_file(kb: Path, type_name: str, card_id: str) -> Path:
    """File of a card that version control sees."""
    return kb / LAYOUT[type_name] / f"{card_id}.yaml"


def local_file(kb: Path, type_name: str, card_id: str) -> Path:
    """File of a card that a run of this machine wrote."""
    return kb / LAYOUT[type_name] / LOCAL / f"{card_id}.yaml"


def is_local(file: Path) -> bool:
    """Whether a card was written by a run of this machine, and nobody published it."""
    return file.parent.name == LOCAL
