"""Checkpoints of a training: tensors beside a JSON that names them, replaced as one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import read_tensors
from neurogenomics_kb.foundation.whole_files import write_json_whole

STATE = "checkpoint.json"


@dataclass
class Progress:
    """How far a training is.

    Attributes
    ----------
    epoch : int
        Epochs that are done.
    best : float or None
        Smallest held-out loss so far; None before the first.
    stale : int
        Epochs since then.
    finished : bool
        Whether nothing remains to be done.
    history : list of dict
        One row an epoch.
    """

    epoch: int = 0
    best: float | None = None
    stale: int = 0
    finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Name of settings and of the shapes, columns and values that they are for.

    Parameters
    ----------
    settings : mapping
        Plain values.
    """
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Checkpoint:
    """One training in one folder.

    The JSON names its file of tensors and is replaced last and in one step, so that whoever is
    killed in between leaves the former pair. There is no pickle.

    Parameters
    ----------
    folder : Path
        Made when the first state is saved.
    own : str
        From `settings_hash`.
    """

    def __init__(self, folder: Path, own: str) -> None:
        self.folder = folder
        self.own = own

    def load(self) -> tuple[Progress, dict[str, torch.Tensor]] | None:
        """State that was saved last, or None.

        Raises
        ------
        InputError
            If it was saved by other settings or for other data, or cannot be read.
        """
        file = self.folder / STATE
        if not file.exists():
            return None
        try:
            state = json.loads(file.read_text(encoding="utf-8"))
            found, tensors = state["hash"], state["tensors"]
            progress = Progress(**state["progress"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"the state of the training cannot be read ({error})",
                file=file,
                remedy="Remove the folder; the training then starts afresh.",
            ) from None
        if found != self.own:
            raise InputError(
                f"the checkpoint is of the settings and data {found}, this training is {self.own}",
                file=file,
                remedy="Give this training a folder of its own, or remove this one.",
            )
        return progress, read_tensors(self.folder, file=tensors)

    def save(self, progress: Progress, tensors: Mapping[str, torch.Tensor]) -> None:
        """Replace what was saved before.

        Parameters
        ----------
        progress : Progress
            How far the training is.
        tensors : mapping of str to Tensor
            Weights, the best ones, and the optimiser's moments.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"epoch_{progress.epoch:06d}.safetensors"
        kept = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        # A finished training and its last epoch have one name, hence by way of another file.
        save_file(kept, self.folder / "unfinished.tmp")
        os.replace(self.folder / "unfinished.tmp", self.folder / name)
        state = {"hash": self.own, "tensors": name, "progress": vars(progress)}
        write_json_whole(self.folder / STATE, state)
        for old in self.folder.glob("epoch_*.safetensors"):
            if old.name != name:
                old.unlink()


def pack(
    module: torch.nn.Module, best: Mapping[str, torch.Tensor], optimiser: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Everything that the next epoch depends on, by name.

    Parameters
    ----------
    module : Module
        As the last epoch left it.
    best : mapping of str to Tensor
        Its state with the smallest held-out loss; empty before there is one.
    optimiser : Optimizer
        Moments by parameter.
    """
    tensors = {f"now.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    # Copies, since safetensors refuses tensors that share memory.
    return {name: value.detach().clone() for name, value in tensors.items()}


def unpack(
    tensors: Mapping[str, torch.Tensor], module: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Put everything back; returns the best state.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        From `pack`.
    module : Module
        Gets its weights.
    optimiser : Optimizer
        Gets its moments.
    """
    parts: dict[str, dict[str, torch.Tensor]] = {"now": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        parts[kind][rest] = value
    module.load_state_dict(parts["now"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in parts["optimiser"].items():
        number, _, rest = name.partition(".")
        state.setdefault(int(number), {})[rest] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    device = next(module.parameters()).device
    return {name: value.to(device) for name, value in parts["best"].items()}
