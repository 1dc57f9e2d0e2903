"""Where datasets lie."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

LOCAL = (None, "", "file", "local")

# What to do about a file that may not be written.
NO_RIGHT = (
    "Check whose it is. In a folder that a group shares, everybody works under umask 002, and "
    "`chmod -R g+rwX` gives the group what is there."
)


def file_of(dataset: Any) -> Path | None:
    """Local file or folder behind a dataset, if it has one.

    Of a dataset with versions, the folder that holds all of them.
    """
    # Kedro's datasets keep the path of s3://bucket/key as bucket/key, and the rest apart.
    path = _path_of(dataset)
    return None if path is None or address_of(dataset) is not None else Path(path)


def address_of(dataset: Any) -> str | None:
    """Address of a dataset that lies on another machine, else None."""
    path = _path_of(dataset)
    if path is None or "://" in path:
        return path
    protocol = getattr(dataset, "_protocol", None)
    return None if protocol in LOCAL else f"{protocol}://{path}"


def _path_of(dataset: Any) -> str | None:
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    return str(path) if isinstance(path, str | Path | PurePosixPath) else None


def has_versions(dataset: Any) -> bool:
    """Whether a user made a catalog entry ``versioned``: earlier versions are then theirs."""
    return getattr(dataset, "_version", None) is not None
