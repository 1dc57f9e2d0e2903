"""Embeddings that were made elsewhere, from HDF5, Parquet or PyTorch files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import refuse_no_file, refuse_swelling
from neurogenomics_kb.foundation.tables import require_finite_numbers
from neurogenomics_kb.foundation.wide import read_outside

KEYS = ["subject", "run", "segment"]
# What may be said of a segment: its displacement (mm), and its frames (half-open).
OPTIONAL = ["fd", "start", "stop"]
VECTORS = "embeddings"
COMPONENTS = "d"
FORMATS = (".parquet", ".h5", ".hdf5", ".pt")


@dataclass(frozen=True)
class ImportedEmbeddings:
    """Vectors of segments, with their keys.

    Parameters
    ----------
    keys : DataFrame
        ``subject``, ``run``, ``segment`` as text, and ``fd``, ``start``, ``stop`` where the file
        has them; one row per vector.
    vectors : ndarray of float32, shape (n_segments, dim)
        One vector per segment.
    source : str
        Names of the files.
    """

    keys: pd.DataFrame
    vectors: np.ndarray
    source: str

    @property
    def names(self) -> list[str]:
        """Names of the components."""
        return [f"{COMPONENTS}{i}" for i in range(self.vectors.shape[1])]


def read_embeddings(path: str | Path) -> ImportedEmbeddings:
    """Read embeddings with their keys.

    Parameters
    ----------
    path : str or Path
        A ``.parquet`` file with columns ``subject``, ``run``, ``segment`` (and ``fd``, ``start``,
        ``stop``) beside one column per component (``d0``, ``d1``, …); an ``.h5`` file with a
        dataset ``embeddings`` (n, dim) and one dataset per key; a ``.pt`` file with a mapping of
        the same names (lists or tensors); or a folder of such files of one kind (shards).

    Raises
    ------
    InputError
        If a file is damaged, a key is missing, segments repeat, shards differ in width, or a
        number is missing.
    """
    path = Path(path)
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix in FORMATS)
    kinds = {f.suffix.replace(".hdf5", ".h5") for f in files}
    if not files or len(kinds) > 1 or not kinds <= set(FORMATS):
        raise InputError(
            f"{len(files)} files of {len(kinds)} kinds" if path.is_dir() else "an unknown format",
            file=path,
            remedy=f"Give files of one kind of {', '.join(FORMATS)}.",
        )
    parts = [_read(file) for file in files]
    widths = {vectors.shape[1] for _, vectors in parts}
    if len(widths) > 1:
        raise InputError(
            f"the files hold vectors of {listing(sorted(widths))} numbers",
            file=path,
            remedy="Give embeddings of one encoder.",
        )
    keys = pd.concat([keys for keys, _ in parts], ignore_index=True)
    repeated = keys.duplicated(subset=KEYS)
    if repeated.any():
        first = keys.loc[repeated.idxmax(), KEYS]
        raise InputError(
            f"{int(repeated.sum())} segments come twice, first segment {first['segment']} of run "
            f"{first['run']}",
            file=path,
            subjects=int(keys.loc[repeated, "subject"].nunique()),
            of=int(keys["subject"].nunique()),
            remedy="Keep one vector per subject, run and segment.",
        )
    return ImportedEmbeddings(keys, np.concatenate([v for _, v in parts]), path.name)


def _read(file: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Keys and vectors of one file."""
    refuse_no_file(file)
    try:
        content = {".parquet": _parquet, ".pt": _torch}.get(file.suffix, _hdf5)(file)
    except InputError:
        raise
    except Exception as error:  # each library has its own
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the embeddings cannot be read ({reason})",
            file=file,
            remedy="Write the file again; pickled objects are not accepted.",
        ) from None
    missing = [name for name in [*KEYS, VECTORS] if name not in content]
    if missing:
        raise InputError(
            f"there is no {listing(missing)}",
            file=file,
            column=missing[0],
            remedy=f"Each vector needs {listing(KEYS)}; the file has {listing(content)}.",
        )
    vectors = np.asarray(content[VECTORS], dtype=np.float32)
    columns = {name: list(content[name]) for name in [*KEYS, *OPTIONAL] if name in content}
    lengths = {len(values) for values in columns.values()}
    if vectors.ndim != 2 or not vectors.size or lengths != {len(vectors)}:
        raise InputError(
            f"vectors of shape {vectors.shape} for {listing(sorted(lengths))} keys",
            file=file,
            column=VECTORS,
            remedy="Give one vector per subject, run and segment.",
        )
    keys = pd.DataFrame(columns)
    for name in KEYS:
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in keys[name]]
        keys[name] = [text.strip() for text in texts]
    for name in set(OPTIONAL) & set(keys):
        keys[name] = require_finite_numbers(keys[name], file, name)
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} vectors hold a value that is no finite number",
            file=file,
            subjects=int(keys.loc[bad, "subject"].nunique()),
            of=int(keys["subject"].nunique()),
            remedy="Leave these segments out, or compute them again.",
        )
    return keys, vectors


def _parquet(file: Path) -> dict[str, Any]:
    table = read_outside(file)
    known = [name for name in [*KEYS, *OPTIONAL] if name in table]
    components = [c for c in table if c not in known]
    # d2 before d10, in whatever order the columns stand.
    components.sort(key=lambda c: (len(str(c)), str(c)))
    wrong = [c for c in components if not pd.api.types.is_numeric_dtype(table[c])]
    if wrong:
        raise InputError(
            "neither a key nor a number",
            file=file,
            column=str(wrong[0]),
            remedy=f"Beside {listing(KEYS + OPTIONAL, 6)}, every column is a component.",
        )
    return {**{name: table[name] for name in known}, VECTORS: table[components].to_numpy()}


def _hdf5(file: Path) -> dict[str, Any]:
    import h5py

    with h5py.File(file, "r") as stored:
        names = [name for name in [*KEYS, *OPTIONAL, VECTORS] if name in stored]
        for name in names:
            refuse_outside(stored, name, file)
        return {name: stored[name][()] for name in names}


def refuse_outside(stored: Any, name: str, file: Path) -> None:
    """Refuse what an HDF5 file takes from other files, or what is no array, or swells."""
    import h5py

    link = stored.get(name, getlink=True)
    array = stored[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
        raise InputError(
            "it lies in another file, or is no array",
            file=file,
            column=name,
            remedy="Write everything into one file.",
        )
    refuse_swelling(file, array.nbytes, packed=array.compression is not None)


def _torch(file: Path) -> dict[str, Any]:
    import torch

    content = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise InputError(
            f"holds a {type(content).__name__} without keys",
            file=file,
            remedy=f"Save a mapping with {VECTORS}, {listing(KEYS)}.",
        )
    plain = {}
    for name, value in content.items():
        plain[name] = value.float().numpy() if name == VECTORS else value
        if name != VECTORS and isinstance(value, torch.Tensor):
            plain[name] = value.tolist()
    return plain
