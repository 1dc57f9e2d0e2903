"""Weights of a pretrained tabular model: a file that is here, or one line that says what to do.

Both packages fetch weights where they find none. Nothing here ever does: a file is named and read
as plain tensors before a package sees it. Messages have the file's name without its folder, since
they go into reports and result cards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import read_checkpoint


@dataclass(frozen=True)
class Source:
    """Where package and weights of a model come from, for those who lack them.

    Parameters
    ----------
    package : str
        Name under which Python imports it, and of this project's extra.
    environment : str
        Variable that names the file where no path is given.
    weights : str
        What to fetch, and its licence.
    suffixes : tuple of str
        How names of files end that the package reads.
    """

    package: str
    environment: str
    weights: str
    suffixes: tuple[str, ...]


def find_weights(source: Source, path: str | None) -> Path:
    """The file with the weights.

    Parameters
    ----------
    source : Source
        Whose weights.
    path : str, optional
        The file; otherwise the one that the variable of `source` names.

    Raises
    ------
    InputError
        If the package is not installed, or no file is named or there.
    """
    if find_spec(source.package) is None:
        raise InputError(
            f"the package of {source.package} is not installed",
            remedy=f"Install the extra: pip install 'neurogenomics-kb[{source.package}]', and name "
            f"a file of weights as `path` or in {source.environment}. {source.weights}",
        )
    named = path or os.environ.get(source.environment)
    if not named:
        raise InputError(
            f"no weights of {source.package} are named, and none are ever downloaded",
            remedy=f"Fetch them yourself and name the file as `path` of the predictor or in "
            f"{source.environment}. {source.weights}",
        )
    file = Path(named).expanduser().absolute()
    if not file.is_file() or file.suffix not in source.suffixes:
        there = "is no file of weights" if file.exists() else "is not there"
        raise InputError(
            f"the weights of {source.package} are wanted, and this {there}",
            file=file.name,
            remedy=f"Name a file (*{', *'.join(source.suffixes)}) as `path` of the predictor or in "
            f"{source.environment}. {source.weights}",
        )
    return file


def read_settings(file: Path) -> dict[str, Any]:
    """Architecture of a checkpoint, after all of it was read as tensors and plain values.

    Parameters
    ----------
    file : Path
        Checkpoint with ``state_dict`` and ``config``, or safetensors, whose settings are its
        package's business.

    Raises
    ------
    InputError
        If it holds anything that would have to be executed, is damaged, or is another thing.
    """
    state = file.stat()
    return _read_once(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read_once(file: Path, changed: int, size: int) -> dict[str, Any]:
    try:
        content = read_checkpoint(file.parent, file.name)
    except InputError:
        raise InputError(
            "the weights are damaged, or hold more than tensors and plain values",
            file=file.name,
            remedy="Use the file as the model's authors publish it; nothing in it is executed.",
        ) from None
    if file.suffix == ".safetensors":
        return {}
    if not {"config", "state_dict"} <= set(content):
        raise InputError(
            f"a checkpoint has `config` and `state_dict`, and this has {sorted(content)[:5]}",
            file=file.name,
            remedy="Use the file as the model's authors publish it.",
        )
    return dict(content["config"])


def refuse_device(device: str) -> None:
    """Refuse a device that this machine has not.

    Parameters
    ----------
    device : str
        Such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises
    ------
    InputError
    """
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):  # torch without CUDA asserts
        raise InputError(
            f"torch cannot compute on '{device}' here",
            column="device",
            remedy="Set `device` of the predictor to cpu, or to a device of this machine.",
        ) from None
