"""Block means of a T1 volume: the baseline that an encoder has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError


class GridEncoder:
    """Mean intensity of cubes, without any weights.

    It sees position, size and contrast of the head, hardly anatomy: what a trained encoder does not
    add to this is no sign of what it learned.

    Parameters
    ----------
    block : int
        Edge of a cube in voxels; must divide every edge of `shape`.
    shape : tuple of int
        Number of blocks along each axis.
    scaling : {"volume", "nonzero"}
        Over which voxels a volume is scaled. Default volume.

    Examples
    --------
    >>> GridEncoder(block=32).embed(np.ones((1, 160, 192, 160), np.float32)).shape
    (1, 150)
    """

    weights_fingerprint = ""

    def __init__(
        self,
        *,
        block: int = 16,
        shape: tuple[int, int, int] = (160, 192, 160),
        scaling: str = "volume",
    ) -> None:
        if block < 1 or any(edge % block for edge in shape):
            raise InputError(
                f"cubes of {block} do not divide {tuple(shape)}",
                column="block",
                remedy="Choose a block that divides every edge, such as 8, 16 or 32.",
            )
        self.block, self.shape, self.scaling = block, tuple(shape), scaling
        counts = [edge // block for edge in shape]
        self.dim = int(np.prod(counts))
        self.names = ["x{}y{}z{}".format(*place) for place in np.ndindex(*counts)]
        self.framing: dict[str, Any] = {
            "block": block, "shape": list(self.shape), "scaling": scaling
        }  # fmt: skip

    def embed(self, volumes: np.ndarray) -> np.ndarray:
        """Means of the cubes; float32, shape (n, dim)."""
        n, b = len(volumes), self.block
        x, y, z = (edge // b for edge in self.shape)
        cubes = volumes.reshape(n, x, b, y, b, z, b)
        return cubes.mean(axis=(2, 4, 6), dtype=np.float64).reshape(n, -1).astype(np.float32)
