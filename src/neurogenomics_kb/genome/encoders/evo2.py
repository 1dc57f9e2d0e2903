"""Evo 2 (Brixi et al. 2026) through its authors' package, which needs an NVIDIA GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders.base import Tokens
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder

# Layer whose output the authors take for embeddings, and its width and context.
CHECKPOINTS = {
    "evo2_1b_base": ("blocks.20.mlp.l3", 1920, 8_192),
    "evo2_7b_base": ("blocks.26", 4096, 8_192),
    "evo2_7b": ("blocks.28.mlp.l3", 4096, 1_000_000),
}


class ByteTokenizer:
    """One token per base: the letter's byte."""

    name = "one byte per base"

    def __call__(self, sequence: str) -> Tokens:
        """Tokens of a clean sequence."""
        ids = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8).astype(np.int64)
        return Tokens(ids, np.ones(len(ids), dtype=np.int64))


def load_evo2(name: str = "evo2_7b", *, layer: str | None = None, batch_tokens: int = 8192) -> Any:
    """Evo 2 on a GPU.

    Parameters
    ----------
    name : str
        Checkpoint of the package.
    layer : str, optional
        Layer whose output is taken.
    batch_tokens : int
        Tokens at a time. Default 8192.

    Raises
    ------
    InputError
        If the package is not installed, there is no GPU, or the checkpoint is unknown.
    """
    import torch

    if name not in CHECKPOINTS:
        raise InputError(
            f"no checkpoint '{name}' of Evo 2",
            column="name",
            remedy=f"Choose one of {', '.join(CHECKPOINTS)}.",
        )
    try:
        from evo2 import Evo2
    except ImportError:
        raise InputError(
            "Evo 2 needs its authors' package",
            remedy="`pip install evo2` on a machine with an NVIDIA GPU; the 7B models need no FP8.",
        ) from None
    if not torch.cuda.is_available():
        raise InputError(
            "Evo 2 needs an NVIDIA GPU and there is none",
            remedy="Run the genomics pipeline on a machine with one, or choose another encoder.",
        )
    where, width, context = CHECKPOINTS[name]
    where = layer or where
    model = Evo2(name)

    class Network(torch.nn.Module):
        """Output of one layer."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            """Hidden states; (batch, length, width)."""
            _, found = model(ids.int(), return_embeddings=True, layer_names=[where])
            return found[where]

    return NeuralEncoder(
        Network(), ByteTokenizer(), dim=width, max_bases=context,
        framing={"model": name, "layer": where}, batch_tokens=batch_tokens, device="cuda:0",
        dtype="bfloat16",
    )  # fmt: skip
