"""The plain vision transformer on parcels × time that Brain-JEPA and Brain Harmony share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import read_text

EPSILON = 1e-6


class Attention(nn.Module):
    """Self-attention of all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor, keys: torch.Tensor | None = None) -> torch.Tensor:
        """Mix tokens; `keys` (batch, length) tells the ones that may be looked at."""
        batch, length, width = x.shape
        split = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mask = None if keys is None else keys[:, None, None, :]
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, width))


class MLP(nn.Module):
    """Two layers with a GELU."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each token by itself."""
        return self.fc2(gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and feed-forward, each after a norm, added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)
        self.attn, self.mlp = Attention(width, heads), MLP(width, 4 * width)

    def forward(self, x: torch.Tensor, keys: torch.Tensor | None = None) -> torch.Tensor:
        """One block."""
        x = x + self.attn(self.norm1(x), keys)
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """Consecutive frames of one parcel to a token."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, kernel_size=(1, patch), stride=(1, patch))


class ParcelTransformer(nn.Module):
    """Transformer over tokens of parcels × time, parcel by parcel, time running fastest.

    Parameters
    ----------
    parcels, steps : int
        Parcels, and patches of time that positions are stored for.
    patch : int
        Frames of a patch at the repetition time of training.
    width, depth, heads : int
        Sizes of the network.
    """

    def __init__(
        self, parcels: int, steps: int, patch: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.parcels, self.steps, self.patch = parcels, steps, patch
        self.patch_embed = PatchEmbed(patch, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, EPSILON)

    def run(
        self, tokens: torch.Tensor, positions: torch.Tensor, keys: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Hidden states of tokens (batch, parcels × steps, width)."""
        x = tokens + positions
        for block in self.blocks:
            x = block(x, keys)
        return self.norm(x)


def to_unit_range(values: torch.Tensor) -> torch.Tensor:
    """Shift and stretch all values together to −1 … 1."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) * 2 - 1


def read_matrix(file: Path, rows: int, columns: int) -> torch.Tensor:
    """Numbers of a CSV with or without a header row and an index column.

    Raises
    ------
    InputError
        If it has another size, or holds something that is no number.
    """
    try:
        lines = [line.split(",") for line in read_text(file, "a matrix").split("\n") if line]
        if len(lines) == rows + 1:
            lines = lines[1:]
        if lines and len(lines[0]) == columns + 1:
            lines = [line[1:] for line in lines]
        values = np.array(lines, dtype=np.float32)
    except ValueError as error:
        raise InputError(
            f"not a table of numbers ({error})",
            file=file,
            remedy="Take the file from the model's repository.",
        ) from None
    if values.shape != (rows, columns) or not np.isfinite(values).all():
        raise InputError(
            f"{values.shape} finite numbers expected as ({rows}, {columns})",
            file=file,
            remedy="Take the file of the model's atlas from its repository.",
        )
    return torch.from_numpy(values)
