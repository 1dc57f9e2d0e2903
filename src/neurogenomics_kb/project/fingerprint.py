"""Fingerprints of what a run reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec
from kedro.io import DataCatalog
from pydantic import BaseModel

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import refuse_no_file
from neurogenomics_kb.foundation.whole_files import PART
from neurogenomics_kb.project.files import address_of, file_of
from neurogenomics_kb.registry import Experiment
from neurogenomics_kb.registry.recipe import resolve_recipe

# Files larger than this are told apart by size and time of change instead of by content.
HASHED_BYTES = 50_000_000


def run_fingerprint(pipeline, catalog: DataCatalog, only: set[str] | None = None) -> dict[str, str]:
    """Fingerprint of everything a pipeline reads.

    Parameters
    ----------
    pipeline : Pipeline
        Holds the node that resolves the recipe.
    catalog : DataCatalog
        Catalog of the run.
    only : set of str, optional
        Names to look at; all by default.

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
        if only is not None and name not in only:
            continue
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
            text = describe_files(path) if path is not None else describe_remote(dataset)
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
        refuse_no_file(file)
        stat = file.stat()
        large = stat.st_size > HASHED_BYTES
        content = f"{stat.st_size} {stat.st_mtime_ns}" if large else digest(file.read_bytes())
        lines.append(f"{file.name} {content}")
    return "\n".join(lines)


def raw_fingerprints(pipeline, catalog: DataCatalog, prints: dict[str, str]) -> list[str]:
    """Names of fingerprints that are of files: neither parameters nor cards.

    Parameters
    ----------
    pipeline : Pipeline
        Of the run.
    catalog : DataCatalog
        Of the run.
    prints : dict of str to str
        What `run_fingerprint` gave.
    """
    free = pipeline.inputs()
    return [
        name
        for name in prints
        if name in free and not name.startswith("params:") and file_of(catalog.get(name))
        and name != "kb"
    ]  # fmt: skip


# What stores of objects and web servers call the mark of a content.
MARKS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation")
BLOCK = 1 << 20


def describe_remote(dataset: Any) -> str:
    """Mark or content of everything behind a dataset on another machine; empty for the others.

    Raises
    ------
    InputError
        If the other machine does not give it.
    """
    address = address_of(dataset)
    if address is None:
        return ""
    try:
        files, path = fsspec.core.url_to_fs(address, **getattr(dataset, "_storage_options", {}))
        found = files.find(path) if files.isdir(path) else [path]
        return "\n".join(f"{file} {_mark(files, file)}" for file in sorted(found))
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"cannot be read ({error})", file=address, remedy="Check address and credentials."
        ) from None


def _mark(files: Any, file: str) -> str:
    told = files.info(file)
    for name in MARKS:
        if told.get(name):
            return f"{name} {told[name]}"
    content = hashlib.sha256()
    with files.open(file, "rb") as stream:
        while block := stream.read(BLOCK):
            content.update(block)
    return content.hexdigest()[:16]


def digest(data: bytes) -> str:
    """Short SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]
