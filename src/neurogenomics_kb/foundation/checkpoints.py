"""Find a checkpoint and say what it is: its folder, files, configuration and fingerprint."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.hashes import hash_files
from neurogenomics_kb.foundation.limits import read_json
from neurogenomics_kb.foundation.twins import drawn_seed

MODELS = "NGKB_MODEL_DIR"
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


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of a checkpoint.

    Raises
    ------
    InputError
        If it is missing or not JSON.
    """
    file = folder / "config.json"
    try:
        return read_json(file, "a configuration")
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


def fingerprint(folder: Path, *beside: Path, file: str | None = None) -> str:
    """Name of a checkpoint's content: every byte of every file counts.

    Parameters
    ----------
    folder : Path
        All its files count, not those of folders in it.
    *beside : Path
        Files that belong to the model and may lie elsewhere.
    file : str, optional
        Which of several checkpoints in the folder is meant.

    Notes
    -----
    Two checkpoints of one training differ where nobody expects it, so nothing is left out; hashes
    of large files are remembered (`neurogenomics_kb.foundation.hashes`). A twin's name also says
    its seed.
    """
    files = sorted(p for p in folder.iterdir() if p.is_file())
    more = sorted({p.absolute() for p in beside} - {p.absolute() for p in files})
    hashes = hash_files([*files, *more])
    digest = hashlib.sha256()
    for own in files:
        digest.update(f"{own.name} {hashes[own]}\n".encode())
    for content in sorted(hashes[other] for other in more):
        digest.update(f"beside {content}\n".encode())
    if file is not None:
        digest.update(f"of these {file}\n".encode())
    if drawn_seed() is not None:
        digest.update(f"random weights of seed {drawn_seed()}\n".encode())
    return digest.hexdigest()[:16]
