"""Find a checkpoint, read it without executing anything, and put every tensor in its place."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import Defect, InputError, listing

MODELS = "NGKB_MODEL_DIR"
ENDS = 1 << 20
PATTERNS = ["*.json", "*.txt", "*.safetensors", "*.bin"]
# What a trainer leaves beside the weights.
LEFT_OVER = ("training_args.bin", "optimizer.bin", "scheduler.bin")
# Files that hold all tensors of a model, below a key or not; unlike *.bin they are not shards.
SINGLE = ("*.pth.tar", "*.ckpt", "*.pt", "*.pth")


def locate(weights: str, revision: str | None = None, subfolder: str = "") -> Path:
    """Folder of a checkpoint.

    Parameters
    ----------
    weights : str
        A local folder, or an id such as ``kuleshov-group/caduceus-…``, looked for below the folder
        that the environment variable NGKB_MODEL_DIR names (``owner/name`` or ``name``), and else
        on the hub.
    revision : str, optional
        Commit of the hub's repository (40 hexadecimal digits); needed for the hub.
    subfolder : str
        Folder of the repository that holds one of several checkpoints.

    Raises
    ------
    InputError
        If the folder does not exist, no revision is pinned, or the hub cannot be reached.
    """
    local = Path(weights).expanduser()
    models = os.environ.get(MODELS)
    places = [local]
    if models:
        places += [Path(models) / weights, Path(models) / weights.split("/")[-1]]
    for place in places:
        if (place / subfolder).is_dir():
            return place / subfolder
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

    patterns = [f"{subfolder}/{p}" if subfolder else p for p in PATTERNS]
    try:
        whole = snapshot_download(weights, revision=revision, allow_patterns=patterns)
        return Path(whole) / subfolder
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


def weight_files(folder: Path, file: str | None = None) -> list[Path]:
    """Files that hold a checkpoint's tensors: shards, or one file with everything.

    Raises
    ------
    InputError
        If there is none, or there are several whole checkpoints and none was named.
    """
    if file is not None:
        if not (folder / file).is_file():
            raise InputError(
                f"there is no weight file '{file}'",
                file=folder,
                remedy="Correct `file` in the spec.",
            )
        return [folder / file]
    shards = sorted(folder.glob("*.safetensors")) or sorted(
        each for each in folder.glob("*.bin") if each.name not in LEFT_OVER
    )
    if shards:
        return shards
    whole = sorted(each for pattern in SINGLE for each in folder.glob(pattern))
    if not whole:
        raise InputError(
            f"there is no weight file (*.safetensors, *.bin, {', '.join(SINGLE)})",
            file=folder,
            remedy="Download the whole checkpoint.",
        )
    if len(whole) > 1:
        raise InputError(
            f"there are {len(whole)} checkpoints ({listing([each.name for each in whole])})",
            file=folder,
            remedy="Name one of them as `file` in the spec.",
        )
    return whole


def read_checkpoint(folder: Path, file: str | None = None) -> dict[str, Any]:
    """Content of a checkpoint's files, with nested mappings and settings where there are any.

    Parameters
    ----------
    folder : Path
    file : str, optional
        One of several checkpoints in the folder.

    Raises
    ------
    InputError
        If there is no weight file, it is damaged, or it holds more than tensors and plain values.
    """
    import torch
    from safetensors.torch import load_file

    content: dict[str, Any] = {}
    for path in weight_files(folder, file):
        try:
            if path.suffix == ".safetensors":
                content.update(load_file(path))
            else:
                content.update(torch.load(path, map_location="cpu", weights_only=True))
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"the weights cannot be read ({reason})",
                file=path,
                remedy="Download the file again; only plain tensors are accepted, so save others "
                "as safetensors where you trust their origin.",
            ) from None
    return content


def tensors_of(
    content: Mapping[str, Any], folder: Path, under: str | None = None
) -> dict[str, Any]:
    """Tensors of a checkpoint's content.

    Parameters
    ----------
    content : mapping
        From `read_checkpoint`.
    folder : Path
        Named in messages.
    under : str, optional
        Key of a nested mapping that holds them, if the file nests at all (``state_dict``,
        ``target_encoder``).

    Raises
    ------
    InputError
        If a file nests its tensors under other keys.
    """
    import torch

    nested = [name for name, value in content.items() if isinstance(value, Mapping)]
    if under is not None and under in nested:
        content = content[under]
    elif not any(isinstance(value, torch.Tensor) for value in content.values()):
        raise InputError(
            f"the checkpoint has no tensors under '{under}', its keys are {listing(content)}"
            if under
            else f"the checkpoint holds no tensors, its keys are {listing(content)}",
            file=folder,
            remedy="Use the checkpoint of the model that the card names.",
        )
    return {n: value for n, value in content.items() if isinstance(value, torch.Tensor)}


def read_tensors(
    folder: Path, *, file: str | None = None, under: str | None = None
) -> dict[str, Any]:
    """All tensors of a checkpoint; pickled files are read as plain tensors only.

    Parameters
    ----------
    folder : Path
    file, under : str, optional
        As for `read_checkpoint` and `tensors_of`.

    Raises
    ------
    InputError
        If there is no weight file, or it is damaged.
    """
    return tensors_of(read_checkpoint(folder, file), folder, under)


def require_tensors(
    tensors: Mapping[str, Any], wanted: Mapping[str, int], model: str, folder: Path
) -> None:
    """Refuse a checkpoint of another architecture by the names that only this one has.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    wanted : mapping of str to int
        Tensor names and their number of dimensions.
    model : str
        What to call the architecture.
    folder : Path
        Named in messages.

    Raises
    ------
    InputError
    """
    for name, dimensions in wanted.items():
        if name in tensors and tensors[name].ndim == dimensions:
            continue
        what = (
            f"its tensor '{name}' has {tensors[name].ndim} dimensions instead of {dimensions}"
            if name in tensors
            else f"it has no tensor '{name}' but {listing(tensors, 3)}"
        )
        raise InputError(
            f"the checkpoint is not of the architecture of {model}: {what}",
            file=folder,
            remedy="Use the checkpoint of the model that the card names.",
        )


def companion(folder: Path, name: str, what: str) -> Path:
    """A file that belongs to a checkpoint: in its folder, or a path of its own.

    Raises
    ------
    InputError
        If it is in neither place.
    """
    for path in (folder / name, Path(name).expanduser()):
        if path.is_file():
            return path
    raise InputError(
        f"the {what} is missing",
        file=folder / name,
        remedy="Put it beside the weights, or give its path in the spec.",
    )


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
            raise Defect(f"{folder}: parameter '{name}' does not hold what the file says")
