"""Hashes of what a computation depends on: values, tables, files, and the code itself.

A result that is kept under such a hash can be taken for the computation: whatever would change the
one changes the other. What is not known to be told apart is refused, not guessed.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from neurogenomics_kb.foundation.errors import Defect
from neurogenomics_kb.foundation.hashes import hash_files

PACKAGE = "neurogenomics_kb"
LENGTH = 32


def fingerprint(*parts: Any) -> str:
    """Hash of values.

    Parameters
    ----------
    *parts
        Numbers, text, bytes, sequences, mappings, arrays, tables, pydantic models and dataclasses
        of these. A list and a tuple of the same are the same.

    Raises
    ------
    Defect
        For anything else: its text might not say what it is.

    Examples
    --------
    >>> fingerprint(1, "a") == fingerprint(1, "a"), fingerprint(1) == fingerprint("1")
    (True, False)
    """
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()[:LENGTH]


def _feed(digest: Any, part: Any) -> None:
    """Put a value into a hash, with its kind and its length before it."""
    if isinstance(part, np.generic):
        part = part.item()
    if part is None or isinstance(part, bool | int | float):
        _put(digest, type(part).__name__, repr(part).encode())
    elif isinstance(part, str):
        _put(digest, "str", part.encode())
    elif isinstance(part, bytes):
        _put(digest, "bytes", part)
    elif isinstance(part, np.ndarray):
        _feed_array(digest, part)
    elif isinstance(part, pd.DataFrame):
        _feed_table(digest, part)
    elif isinstance(part, BaseModel):
        _feed_items(digest, type(part).__qualname__, part.model_dump().items())
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        named = [(field.name, getattr(part, field.name)) for field in dataclasses.fields(part)]
        _feed_items(digest, type(part).__qualname__, named)
    elif isinstance(part, Mapping):
        _feed_items(digest, "mapping", sorted(part.items(), key=lambda item: str(item[0])))
    elif isinstance(part, set | frozenset):
        _feed(digest, sorted(part))
    elif isinstance(part, list | tuple):
        _put(digest, "sequence", str(len(part)).encode())
        for each in part:
            _feed(digest, each)
    else:
        raise Defect(f"a {type(part).__module__}.{type(part).__qualname__} has no fingerprint")


def _put(digest: Any, kind: str, data: bytes) -> None:
    digest.update(f"{kind} {len(data)}\0".encode())
    digest.update(data)


def _feed_items(digest: Any, kind: str, items: Iterable[tuple[Any, Any]]) -> None:
    items = list(items)
    _put(digest, kind, str(len(items)).encode())
    for name, value in items:
        _feed(digest, name)
        _feed(digest, value)


def _feed_array(digest: Any, values: np.ndarray) -> None:
    if values.dtype.hasobject:
        _put(digest, "array", repr(values.shape).encode())
        _feed(digest, values.ravel().tolist())
        return
    _put(digest, "array", f"{values.dtype.str} {values.shape}".encode())
    digest.update(np.ascontiguousarray(values).tobytes())


def _feed_table(digest: Any, table: pd.DataFrame) -> None:
    """Names, kinds, values, row names and what is said about the table."""
    kinds = [str(kind) for kind in table.dtypes]
    _feed(digest, ["table", [str(c) for c in table.columns], kinds])
    _feed(digest, json.dumps(table.attrs, sort_keys=True, default=str))
    plain = pd.RangeIndex(len(table))
    _feed(digest, len(table) if table.index.equals(plain) else table.index.to_numpy())
    if len(set(kinds)) == 1 and isinstance(table.dtypes.iloc[0], np.dtype):
        _feed(digest, table.to_numpy())
        return
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        numpy_kind = isinstance(column.dtype, np.dtype) and not column.dtype.hasobject
        _feed(digest, column.to_numpy() if numpy_kind else [_cell(v) for v in column])


def _cell(value: Any) -> Any:
    """A cell of a column of text or mixed kinds."""
    return None if value is None or value is pd.NA or value is pd.NaT else value


def fingerprint_files(files: Iterable[Path]) -> str:
    """Hash of the names and contents of files; large ones are read once, see `hashes`.

    Parameters
    ----------
    files : iterable of Path
        Existing files. Only their own names count, not where they lie.
    """
    found = hash_files(sorted(files))
    return fingerprint([[file.name, content] for file, content in found.items()])


@lru_cache(maxsize=64)
def code_version(*modules: str, libraries: tuple[str, ...] = ("numpy", "scipy", "pandas")) -> str:
    """Hash of the source of modules and of all of this package that they import, however far.

    Parameters
    ----------
    *modules : str
        Names of modules. Of one outside of this package only its own file counts.
    libraries : tuple of str
        Distributions whose versions count beside the source.
    """
    digest = hashlib.sha256()
    for name, text in sorted(_sources(modules).items()):
        digest.update(f"{name} {len(text)}\0{text}".encode())
    for name in libraries:
        digest.update(f"{name} {_version(name)}\0".encode())
    return digest.hexdigest()[:LENGTH]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"


def _sources(modules: Iterable[str]) -> dict[str, str]:
    """Text of modules and of what they import of this package."""
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        file = _file_of(name)
        if file is None:
            continue
        found[name] = file.read_text(encoding="utf-8")
        if name.split(".")[0] == PACKAGE:
            waiting += _imports(name, file, found[name])
    return found


def _file_of(module: str) -> Path | None:
    """File of a module, or nothing where the name is that of a function or class."""
    first, *rest = module.split(".")
    if first == PACKAGE:
        # Found by its place: asking the import system would import what lies above.
        place = Path(__file__).parents[1].joinpath(*rest)
        files = (place.with_suffix(".py"), place / "__init__.py")
        return next((file for file in files if file.is_file()), None)
    loaded = getattr(sys.modules.get(module), "__file__", None)
    return Path(loaded) if loaded and loaded.endswith(".py") else None


def _imports(name: str, file: Path, text: str) -> list[str]:
    """Modules of this package that a module names in its imports, at any depth of its code."""
    wanted: list[str] = []
    for node in ast.walk(ast.parse(text, filename=str(file))):
        if isinstance(node, ast.Import):
            wanted += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            wanted += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [each for each in wanted if each.split(".")[0] == PACKAGE]


def encoder_version(spec: Mapping[str, Any], encoder: Any, *modules: str) -> str:
    """Hash of what changes an encoder's vectors, or "" where that is not known.

    Parameters
    ----------
    spec : mapping
        Of the model card.
    encoder : object
        Its ``framing``, number type, device, code, and ``weights_fingerprint`` or, without that,
        the weights of its ``network``.
    *modules : str
        What the encoder's input goes through before it.

    Notes
    -----
    A class from elsewhere that states neither may hold anything, so nothing is kept of it.
    """
    weights = getattr(encoder, "weights_fingerprint", "")
    if not weights and hasattr(getattr(encoder, "network", None), "state_dict"):
        state = encoder.network.state_dict()
        weights = fingerprint({name: _numbers(tensor) for name, tensor in state.items()})
    home = inspect.getmodule(type(encoder))
    if not weights and (home is None or home.__name__.split(".")[0] != PACKAGE):
        return ""
    code = code_version(home.__name__, *modules, libraries=("numpy", "scipy", "torch"))
    device = str(getattr(encoder, "device", ""))
    return fingerprint(
        dict(spec), encoder.framing, weights, str(getattr(encoder, "dtype", "")), code,
        device_kind(device),
    )  # fmt: skip


def _numbers(tensor: Any) -> Any:
    """A tensor as an array; those of short floats as floats, which lose nothing by it."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def device_kind(device: str) -> str:
    """What a device is, not which of several: devices of one kind compute the same.

    Parameters
    ----------
    device : str
        Such as ``cpu`` or ``cuda:1``.
    """
    kind = device.partition(":")[0]
    if kind != "cuda":
        return kind
    import torch

    return f"cuda {torch.cuda.get_device_name(device)}" if torch.cuda.is_available() else kind
