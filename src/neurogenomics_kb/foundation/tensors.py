"""Read a checkpoint's tensors without executing anything, and put every one in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neurogenomics_kb.foundation.checkpoints import weight_files
from neurogenomics_kb.foundation.errors import Defect, InputError, listing
from neurogenomics_kb.foundation.limits import refuse_no_file
from neurogenomics_kb.foundation.twins import drawn_seed, keep_random


def read_checkpoint(folder: Path, file: str | None = None) -> dict[str, Any]:
    """Content of a checkpoint's files, with nested mappings and settings where there are any.

    Parameters
    ----------
    folder : Path
        Folder that holds the files.
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
        refuse_no_file(path)
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
    found = {n: value for n, value in content.items() if isinstance(value, torch.Tensor)}
    refuse_gaps(found, folder)
    return found


def refuse_gaps(tensors: Mapping[str, Any], folder: Path) -> None:
    """Refuse weights that are not numbers, which would make every output one.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Of a checkpoint.
    folder : Path
        Named in messages.

    Raises
    ------
    InputError
    """
    wide = {n: v for n, v in tensors.items() if v.is_floating_point() and v.element_size() > 1}
    gaps = {n: int(v.isnan().sum()) for n, v in wide.items() if v.isnan().any()}
    if gaps:
        name, count = next(iter(gaps.items()))
        raise InputError(
            f"{count} weights of {len(gaps)} tensors are NaN, first in '{name}'"
            if len(gaps) == 1
            else f"weights of {len(gaps)} tensors are NaN, first {count} in '{name}'",
            file=folder,
            remedy="The training diverged or the file is damaged; take another checkpoint.",
        )


def read_tensors(
    folder: Path, *, file: str | None = None, under: str | None = None
) -> dict[str, Any]:
    """All tensors of a checkpoint; pickled files are read as plain tensors only.

    Parameters
    ----------
    folder : Path
        Folder that holds the files.
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
        Tensors by their name in the checkpoint.
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
        Network that gets the tensors.
    tensors : mapping of str to Tensor
        Tensors by their name in the checkpoint.
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
    copied is compared with the file afterwards. A twin is checked against the checkpoint in the
    same way and keeps its random weights (`neurogenomics_kb.foundation.twins`).
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
    if drawn_seed() is not None:
        keep_random(module, given)
        return
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(given[name])
    for name, parameter in own.items():
        if not torch.equal(parameter, given[name].to(parameter.dtype)):
            raise Defect(f"{folder}: parameter '{name}' does not hold what the file says")
