"""Find a checkpoint, read it without executing anything, and put every tensor in its place."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neurogenomics_kb.errors import InputError, listing

MODELS = "NGKB_MODEL_DIR"
ENDS = 1 << 20
PATTERNS = ["*.json", "*.txt", "*.safetensors", "*.bin"]


def locate(weights: str, revision: str | None = None) -> Path:
    """Folder of a checkpoint.

    Parameters
    ----------
    weights : str
        A local folder, or an id such as ``kuleshov-group/caduceus-…``, looked for below the folder
        that the environment variable NGKB_MODEL_DIR names (``owner/name`` or ``name``), and else
        on the hub.
    revision : str, optional
        Commit of the hub's repository (40 hexadecimal digits); needed for the hub.

    Raises
    ------
    InputError
        If the folder does not exist, no revision is pinned, or the hub cannot be reached.
    """
    local = Path(weights).expanduser()
    if local.is_dir():
        return local
    models = os.environ.get(MODELS)
    if models:
        for place in (Path(models) / weights, Path(models) / weights.split("/")[-1]):
            if place.is_dir():
                return place
    looked = f" nor below {MODELS}={models}" if models else ""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", weights) is None:
        raise InputError(
            f"there is no checkpoint folder '{weights}'{looked}",
            remedy=f"Give a folder, or an id of the hub, or set {MODELS}.",
        )
    if revision is None or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise InputError(
            f"'{weights}' is not here{looked}, and the card pins no revision of it",
            column="revision",
            remedy=f"Put the checkpoint below {MODELS}, or name the commit (40 hexadecimal digits) "
            "on the model card.",
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(weights, revision=revision, allow_patterns=PATTERNS))
    except Exception as error:  # the hub raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"'{weights}' at {revision[:10]} could not be fetched ({reason})",
            remedy=f"Check the connection, or put the checkpoint below {MODELS}.",
        ) from None


def fingerprint(folder: Path) -> str:
    """Name of a checkpoint's content: configuration and tokenizer whole, weights by their ends.

    Reading gigabytes at every start would cost more than it tells; the size and the first and last
    megabyte of a weight file tell any two checkpoints apart that training made.
    """
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.iterdir() if p.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}".encode())
        with open(file, "rb") as stream:
            digest.update(stream.read(ENDS))
            if size > ENDS:
                stream.seek(max(size - ENDS, ENDS))
                digest.update(stream.read(ENDS))
    return digest.hexdigest()[:16]


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of a checkpoint.

    Raises
    ------
    InputError
        If it is missing or not JSON.
    """
    file = folder / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the checkpoint's configuration cannot be read ({error})",
            file=file,
            remedy="Download the whole checkpoint.",
        ) from None


def setting(config: Mapping[str, Any], name: str, file: Path) -> Any:
    """A field that the configuration must have.

    Raises
    ------
    InputError
        If it has not.
    """
    if name not in config:
        raise InputError(
            "the configuration lacks this field",
            file=file / "config.json",
            column=name,
            remedy="Use the checkpoint of the model that the card names.",
        )
    return config[name]


def read_tensors(folder: Path) -> dict[str, Any]:
    """All tensors of a checkpoint; pickled files are read as plain tensors only.

    Raises
    ------
    InputError
        If there is no weight file, or it is damaged.
    """
    import torch
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not files:
        raise InputError(
            "there is no weight file (*.safetensors, *.bin)",
            file=folder,
            remedy="Download the whole checkpoint.",
        )
    tensors: dict[str, Any] = {}
    for file in files:
        try:
            if file.suffix == ".safetensors":
                tensors.update(load_file(file))
            else:
                tensors.update(torch.load(file, map_location="cpu", weights_only=True))
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"the weights cannot be read ({reason})",
                file=file,
                remedy="Download the file again; only plain tensors are accepted.",
            ) from None
    return tensors


def assign(
    module: Any,
    tensors: Mapping[str, Any],
    rename: Callable[[str], str | None],
    folder: Path,
    *,
    computed: tuple[str, ...] = (),
) -> None:
    """Copy tensors into a module; every parameter must get one, every tensor must have a place.

    Parameters
    ----------
    module : torch.nn.Module
    tensors : mapping of str to Tensor
    rename : callable
        Name in the checkpoint to name in the module; None for a tensor that embeddings do not
        need (the head of a language model).
    folder : Path
        Named in messages.
    computed : tuple of str
        Endings of buffers that the module makes itself from its configuration.

    Raises
    ------
    InputError
        If names or shapes disagree, or a tensor comes twice with different values.

    Notes
    -----
    Libraries have reported that all weights were loaded while a model stayed random, so what was
    copied is compared with the file afterwards.
    """
    import torch

    own = {
        name: value
        for name, value in module.state_dict(keep_vars=True).items()
        if not (computed and name.endswith(computed))
    }
    given: dict[str, Any] = {}
    strange = []
    for name, tensor in tensors.items():
        target = rename(name)
        if target is None:
            continue
        if target not in own:
            strange.append(name)
        elif target in given and not torch.equal(given[target], tensor):
            raise InputError(
                f"tensor '{name}' should be tied to another and differs from it",
                file=folder,
                remedy="The checkpoint is not of this architecture.",
            )
        elif own[target].shape != tensor.shape:
            raise InputError(
                f"tensor '{name}' has shape {tuple(tensor.shape)}, the configuration asks for "
                f"{tuple(own[target].shape)}",
                file=folder,
                remedy="Weights and config.json must be of one checkpoint.",
            )
        else:
            given[target] = tensor
    missing = sorted(set(own) - set(given))
    if missing or strange:
        what = []
        if missing:
            what.append(f"{len(missing)} parameters have no weights ({listing(missing, 3)})")
        if strange:
            what.append(f"{len(strange)} tensors have no place ({listing(strange, 3)})")
        raise InputError(
            "; ".join(what),
            file=folder,
            remedy="Use the checkpoint of the model that the card names.",
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(given[name])
    for name, parameter in own.items():
        if not torch.equal(parameter, given[name].to(parameter.dtype)):
            raise InputError(
                f"parameter '{name}' does not hold what the file says",
                file=folder,
                remedy="This is a defect of the program; please report it.",
            )
