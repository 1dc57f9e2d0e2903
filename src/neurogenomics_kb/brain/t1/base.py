"""What every encoder of T1-weighted volumes offers."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neurogenomics_kb.foundation.errors import InputError

BATCH = 4


class T1Encoder(Protocol):
    """What every encoder of T1-weighted volumes offers.

    Attributes
    ----------
    dim : int
        Length of an embedding.
    names : list of str
        Names of the components, all different, without ``__``.
    shape : tuple of int
        Voxels of a volume that it reads.
    scaling : {"volume", "nonzero"}
        How volumes are standardised, see `neurogenomics_kb.brain.t1.volumes.prepare_t1`.
    framing : dict
        What should be recorded with the embeddings.
    weights_fingerprint : str
        Name of the weights' content; "" if there are none.
    """

    dim: int
    names: list[str]
    shape: tuple[int, int, int]
    scaling: str
    framing: dict[str, Any]
    weights_fingerprint: str

    def embed(self, volumes: np.ndarray) -> np.ndarray:
        """Embed volumes (n, *shape), float32; shape (n, dim)."""
        ...


class NeuralT1Encoder:
    """A network on volumes as an encoder.

    Parameters
    ----------
    network : torch.nn.Module
        Takes (batch, 1, *shape), gives (batch, dim); it is put into evaluation mode.
    dim : int
        Length of a vector.
    shape : tuple of int
        Voxels of a volume; 160 × 192 × 160 holds a head at 1 mm.
    scaling : {"volume", "nonzero"}
        Over which voxels a volume is scaled. Default volume.
    batch : int
        Volumes that go through the network together.
    device : str
        Where the network runs: cpu, cuda or cuda:<number>. Default cpu.
    framing : dict
        What was fixed before the network: shape, scaling.
    weights_fingerprint : str
        Hash of the checkpoint.
    """

    def __init__(
        self,
        network: Any,
        *,
        dim: int,
        shape: tuple[int, int, int] = (160, 192, 160),
        scaling: str = "volume",
        batch: int = BATCH,
        device: str = "cpu",
        framing: dict[str, Any] | None = None,
        weights_fingerprint: str = "",
    ) -> None:
        self.network = network.to(device).eval()
        self.network.requires_grad_(False)
        self.dim, self.shape, self.scaling = dim, tuple(shape), scaling
        self.batch, self.device = batch, device
        self.names = [f"d{i}" for i in range(dim)]
        self.framing = {**(framing or {}), "shape": list(self.shape), "scaling": scaling}
        self.weights_fingerprint = weights_fingerprint

    def embed(self, volumes: np.ndarray) -> np.ndarray:
        """Embed volumes; float32, shape (n, dim).

        Raises
        ------
        InputError
            If volumes have another shape, or the network gives another width.
        """
        import torch

        if volumes.shape[1:] != self.shape:
            raise InputError(
                f"the encoder reads volumes of {self.shape}, got {volumes.shape[1:]}",
                remedy="Prepare volumes with the encoder's own shape.",
            )
        out = np.empty((len(volumes), self.dim), dtype=np.float32)
        for first in range(0, len(volumes), self.batch):
            some = np.ascontiguousarray(volumes[first : first + self.batch, None], dtype=np.float32)
            with torch.inference_mode():
                vectors = self.network(torch.from_numpy(some).to(self.device))
            if tuple(vectors.shape) != (len(some), self.dim):
                raise InputError(
                    f"the network gives {tuple(vectors.shape)} for {len(some)} volumes, the "
                    f"encoder promises {self.dim} numbers each",
                    column="dim",
                    remedy="Pool to one vector per volume, and set `dim` to its length.",
                )
            out[first : first + self.batch] = vectors.float().cpu().numpy()
        return out
