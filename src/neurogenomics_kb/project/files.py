"""Where datasets lie."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any


def file_of(dataset: Any) -> Path | None:
    """Local file or folder behind a dataset, if it has one."""
    filepath = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if filepath is None or not isinstance(filepath, str | Path | PurePosixPath):
        return None
    if "://" in str(filepath):
        return None
    return Path(str(filepath))
