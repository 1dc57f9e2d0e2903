"""Fingerprints of what a run reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from pydantic import BaseModel


def run_fingerprint(
    pipeline, catalog: DataCatalog, file_of: Callable[[Any], Path | None]
) -> dict[str, str]:
    """Fingerprint of every free input of a pipeline.

    Parameters
    ----------
    pipeline : Pipeline
    catalog : DataCatalog
    file_of : callable
        Gives the file or folder behind a dataset.

    Returns
    -------
    dict of str to str
        Parameters by value, card files by content, raw files by name, size and modification time.
    """
    prints = {}
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:") or name == "parameters":
            value = catalog.load(name)
            value = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            text = json.dumps(value, sort_keys=True, default=str)
        else:
            path = file_of(catalog.get(name))
            text = "" if path is None else describe_files(path)
        prints[name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return prints


def describe_files(path: Path) -> str:
    """Names, sizes and times of a file, or of all files of a folder (card files by content)."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    lines = []
    for file in files:
        if not file.exists():
            continue
        if file.suffix == ".yaml" and "results" not in file.parts:
            lines.append(f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}")
        elif "results" not in file.parts:
            stat = file.stat()
            lines.append(f"{file} {stat.st_size} {stat.st_mtime_ns}")
    return "\n".join(lines)
