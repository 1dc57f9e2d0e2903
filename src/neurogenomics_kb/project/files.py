"""Where datasets lie."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

LOCAL = (None, "", "file", "local")


def file_of(dataset: Any) -> Path | None:
    """Local file or folder behind a dataset, if it has one.

    Of a dataset with versions, the folder that holds all of them.
    """
    filepath = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if filepath is None or not isinstance(filepath, str | Path | PurePosixPath):
        return None
    # Kedro's datasets keep the path of s3://bucket/key as bucket/key, and the rest apart.
    if address_of(dataset) is not None:
        return None
    return Path(str(filepath))


def address_of(dataset: Any) -> str | None:
    """Address of a dataset that lies on another machine, else None."""
    filepath = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if filepath is None or not isinstance(filepath, str | Path | PurePosixPath):
        return None
    if "://" in str(filepath):
        return str(filepath)
    protocol = getattr(dataset, "_protocol", None)
    return None if protocol in LOCAL else f"{protocol}://{filepath}"


def has_versions(dataset: Any) -> bool:
    """Whether a user made a catalog entry ``versioned``: earlier versions are then theirs."""
    return getattr(dataset, "_version", None) is not None
