"""Fingerprints of what a run reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from pydantic import BaseModel

from neurogenomics_kb.foundation.whole_files import PART
from neurogenomics_kb.registry import Experiment
from neurogenomics_kb.registry.recipe import resolve_recipe

# Files larger than this are told apart by size and time of change instead of by content.
HASHED_BYTES = 50_000_000


def run_fingerprint(
    pipeline, catalog: DataCatalog, file_of: Callable[[Any], Path | None]
) -> dict[str, str]:
    """Fingerprint of everything a pipeline reads.

    Parameters
    ----------
    pipeline : Pipeline
        Holds the node that resolves the recipe.
    catalog : DataCatalog
        Catalog of the run.
    file_of : callable
        Gives the file or folder behind a dataset.

    Returns
    -------
    dict of str to str
        Parameters by value, the experiment's cards by hash, raw files by content.

    Raises
    ------
    InputError
        If the experiment does not resolve, so that a run with a misspelt card ends at once.
    """
    prints = {}
    for name in sorted(pipeline.inputs() - {"fingerprints"}):
        if name.startswith("params:"):
            value = catalog.load(name)
            value = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            text = json.dumps(value, sort_keys=True, default=str)
        elif name == "kb":
            experiment = Experiment.model_validate(catalog.load("params:experiment"))
            recipe = resolve_recipe(experiment, catalog.load(name), catalog.load("params:cohort"))
            text = json.dumps(recipe.cards, sort_keys=True)
            scored = instrument_hashes(pipeline, catalog)
            if scored:
                prints["instruments"] = digest(json.dumps(scored, sort_keys=True).encode())
            prints["encoders"] = digest(json.dumps(recipe.encoders, sort_keys=True).encode())
        else:
            dataset = catalog.get(name)
            path = file_of(dataset)
            text = "" if path is None else describe_files(path)
            # What a dataset takes from its files may hang on more than the files.
            text += getattr(dataset, "choices", "")
        prints[name] = digest(text.encode())
    return prints


def instrument_hashes(pipeline, catalog: DataCatalog) -> dict[str, str]:
    """Hash of every instrument card that the parameters name.

    Features of a cohort hang on these cards, whatever the experiment.
    """
    name = "params:behaviour.instruments"
    if name not in pipeline.inputs():
        return {}
    value = catalog.load(name)
    value = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    registry = catalog.load("kb")
    named = {card for group in value.get("cards", {}).values() for card in group["cards"]}
    return {card: registry.runnable(card, "instrument").content_hash for card in sorted(named)}


def describe_files(path: Path) -> str:
    """Names and contents of a file, or of all files of a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    lines = []
    for file in files:
        if not file.exists() or file.suffix in (".fai", ".saving", PART):
            continue
        stat = file.stat()
        large = stat.st_size > HASHED_BYTES
        content = f"{stat.st_size} {stat.st_mtime_ns}" if large else digest(file.read_bytes())
        lines.append(f"{file.name} {content}")
    return "\n".join(lines)


def digest(data: bytes) -> str:
    """Short SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]
