"""Where simulated cohorts may be written."""

from __future__ import annotations

from pathlib import Path

from neurogenomics_kb.foundation.errors import InputError


def refuse_used(folder: Path) -> None:
    """Refuse a folder that holds anything, since people's data are never overwritten.

    Raises
    ------
    InputError
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            "the folder is not empty", file=folder, remedy="Name a new one, or empty it yourself."
        )
