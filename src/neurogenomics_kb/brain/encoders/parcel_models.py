"""Transformers on parcels × time from their published files: one way for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurogenomics_kb.brain.encoders.base import NeuralBrainEncoder, check_sizes, read_order
from neurogenomics_kb.brain.encoders.scaling import make_scaling
from neurogenomics_kb.brain.encoders.vit import ParcelTransformer, read_matrix
from neurogenomics_kb.foundation.checkpoints import companion, fingerprint, locate
from neurogenomics_kb.foundation.tensors import assign, read_tensors, require_tensors


@dataclass(frozen=True)
class ParcelModel:
    """What tells one published model from another.

    Parameters
    ----------
    name : str
        For messages and the record.
    sizes : mapping of str to int
        Published sizes, ``parcels`` among them.
    network : callable
        Makes the network from sizes and one matrix per table.
    rename : callable
        Name of a published tensor to its name in the network; None where it is not needed.
    wanted : mapping of str to int
        Tensors that only this architecture has, and their dimensions.
    tables : mapping of str to str
        By the size that is its number of columns, what a table beside the weights holds; it has a
        row per parcel.
    under : str or None
        Key of the file that the tensors lie under.
    prefix : str
        Of the tensors to take, where a file holds those of several networks.
    """

    name: str
    sizes: Mapping[str, int]
    network: Callable[..., ParcelTransformer]
    rename: Callable[[str], str | None]
    wanted: Mapping[str, int]
    tables: Mapping[str, str]
    under: str | None = None
    prefix: str = ""


@dataclass(frozen=True)
class ParcelSource:
    """Where a model's files are, and how series are brought to it; see the loaders.

    Parameters
    ----------
    weights : str
        Checkpoint: a folder, or an id of the hub.
    revision : str or None
        Commit of the hub that is pinned; None for a folder.
    file : str or None
        One of several checkpoints in the folder.
    tables : mapping of str to str
        File of each of the model's tables, beside the weights or a path.
    scaling : str
        As for `make_scaling`.
    reference : str or None
        Statistics that the scaling reads.
    parcels : str or None
        File with the names of the parcels in order.
    sizes : mapping of str to int
        Sizes that differ from the published ones.
    """

    weights: str
    revision: str | None
    file: str | None
    tables: Mapping[str, str]
    scaling: str
    reference: str | None = None
    parcels: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedParcelModel:
    """A model with its weights, and what its encoder needs beside.

    Parameters
    ----------
    network : ParcelTransformer
        The network, with its weights.
    sizes : dict of str to int
        Sizes of the network by name.
    scale : callable
        Scales a run.
    order : list of str or None
        Names of the parcels in order.
    fingerprint : str
        Of the checkpoint and every file beside it that was read.
    framing : dict
        What to record.
    """

    network: ParcelTransformer
    sizes: dict[str, int]
    scale: Callable[[np.ndarray, str], np.ndarray]
    order: list[str] | None
    fingerprint: str
    framing: dict[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """Options of `ParcelEncoder` that follow from the files."""
        return {
            "scale": self.scale,
            "order": self.order,
            "dim": self.sizes["width"],
            "weights_fingerprint": self.fingerprint,
        }


class ParcelEncoder(NeuralBrainEncoder):
    """An encoder of parcel series that are scaled over the whole run.

    Parameters
    ----------
    network : ParcelTransformer
        The network, with its weights.
    scale : callable
        From `make_scaling`.
    order : list of str or None
        Names of the parcels in order, to check columns against.
    **options
        Of `NeuralBrainEncoder`.
    """

    def __init__(self, network: ParcelTransformer, *, scale, order, **options: Any) -> None:
        super().__init__(network, **options)
        self.scale, self.order = scale, order

    def arrange(self, batch: np.ndarray) -> np.ndarray:
        """Parcels by frames, one channel."""
        return batch.transpose(0, 2, 1)[:, None]


def load_parcel_model(model: ParcelModel, source: ParcelSource) -> LoadedParcelModel:
    """Assemble a network from its published files.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture, or a file of its is missing or does not fit.
    """
    folder = locate(source.weights, source.revision)
    sizes = check_sizes(dict(model.sizes), dict(source.sizes))
    tensors = read_tensors(folder, file=source.file, under=model.under)
    if any(name.startswith(model.prefix) for name in tensors):
        tensors = {n: tensor for n, tensor in tensors.items() if n.startswith(model.prefix)}
    named = {n.removeprefix(model.prefix): tensor for n, tensor in tensors.items()}
    require_tensors(named, model.wanted, model.name, folder)
    beside = {
        size: companion(folder, source.tables[size], what) for size, what in model.tables.items()
    }
    matrices = [read_matrix(file, sizes["parcels"], sizes[size]) for size, file in beside.items()]
    network = model.network(sizes, *matrices)
    assign(network, named, model.rename, folder)
    more = {}
    if source.reference is not None:
        more["reference"] = companion(folder, source.reference, "reference statistics")
    order = None
    if source.parcels is not None:
        more["parcels"] = companion(folder, source.parcels, "list of parcels")
        order = read_order(more["parcels"], sizes["parcels"])
    return LoadedParcelModel(
        network,
        sizes,
        make_scaling(source.scaling, more.get("reference"), sizes["parcels"], model.name),
        order,
        fingerprint(folder, *beside.values(), *more.values(), file=source.file),
        {
            "model": model.name,
            "scaling": source.scaling,
            "reference": source.reference,
            "parcels": sizes["parcels"],
            "order_checked": order is not None,
        },
    )
