"""SwiFT (Kim et al., NeurIPS 2023): a four-dimensional Swin transformer on volumes.

The authors' code is licensed under Apache-2.0 (github.com/Transconnectome/SwiFT); the networks here
are written anew after it and take its tensor names.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from neurogenomics_kb.brain.encoders.base import NeuralBrainEncoder, PreparedRun, check_sizes
from neurogenomics_kb.brain.encoders.volumes import prepare_volumes
from neurogenomics_kb.foundation.checkpoints import fingerprint, locate
from neurogenomics_kb.foundation.tensors import assign, read_checkpoint, require_tensors, tensors_of

MODEL = "SwiFT"
SIZES = {
    "img_size": [96, 96, 96, 20], "in_chans": 1, "embed_dim": 36, "patch_size": [6, 6, 6, 1],
    "first_window_size": [4, 4, 4, 4], "window_size": [4, 4, 4, 4], "depths": [2, 2, 6, 2],
    "num_heads": [3, 6, 12, 24], "c_multiplier": 2, "last_layer_full_MSA": True,
}  # fmt: skip
OUTSIDE = -100.0  # what attention to another region gets added, as in the authors' code
AXES = (1, 2, 3, 4)


class WindowAttention(nn.Module):
    """Self-attention inside windows."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Mix tokens of windows (batch, windows, length, width); mask (windows, length, length)."""
        batch, windows, length, width = x.shape
        split = self.qkv(x).view(batch, windows, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(3, 0, 1, 4, 2, 5)
        bias = None if mask is None else mask[None, :, None]
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.proj(mixed.transpose(2, 3).reshape(x.shape))


class MLP(nn.Module):
    """Two layers with a GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each token by itself."""
        return self.linear2(gelu(self.linear1(x)))


class Block(nn.Module):
    """Attention in windows, shifted or not, and feed-forward."""

    def __init__(self, width: int, heads: int, window: Sequence[int], shifted: bool) -> None:
        super().__init__()
        self.window, self.shifted = tuple(window), shifted
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = WindowAttention(width, heads), MLP(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One block on (batch, x, y, z, time, width)."""
        x = x + self.mix(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def mix(self, x: torch.Tensor) -> torch.Tensor:
        """Attention; the grid is filled up with zeros to whole windows."""
        grid = x.shape[1:5]
        window = [min(w, n) for w, n in zip(self.window, grid, strict=True)]
        # An axis that one window covers is not shifted.
        shift = [
            w // 2 if self.shifted and n > w else 0 for w, n in zip(self.window, grid, strict=True)
        ]
        missing = [-n % w for w, n in zip(window, grid, strict=True)]
        if any(missing):
            x = pad(x, (0, 0, *(e for m in reversed(missing) for e in (0, m))))
        full = x.shape[1:5]
        mask = None
        if any(shift):
            x = torch.roll(x, [-s for s in shift], AXES)
            mask = region_mask(full, window, shift, x.device, x.dtype)
        x = join_windows(self.attn(split_windows(x, window), mask), window, full)
        if any(shift):
            x = torch.roll(x, shift, AXES)
        return x[:, : grid[0], : grid[1], : grid[2], : grid[3]]


def split_windows(x: torch.Tensor, window: Sequence[int]) -> torch.Tensor:
    """(batch, x, y, z, time, width) to (batch, windows, tokens, width)."""
    counts = [n // w for n, w in zip(x.shape[1:5], window, strict=True)]
    sizes = [each for pair in zip(counts, window, strict=True) for each in pair]
    cut = x.reshape(x.shape[0], *sizes, x.shape[-1]).permute(0, 1, 3, 5, 7, 2, 4, 6, 8, 9)
    return cut.flatten(5, 8).flatten(1, 4)


def join_windows(x: torch.Tensor, window: Sequence[int], grid: Sequence[int]) -> torch.Tensor:
    """Undo `split_windows`."""
    counts = [n // w for n, w in zip(grid, window, strict=True)]
    cut = x.view(x.shape[0], *counts, *window, x.shape[-1]).permute(0, 1, 5, 2, 6, 3, 7, 4, 8, 9)
    return cut.reshape(x.shape[0], *grid, x.shape[-1])


def region_mask(
    grid: Sequence[int], window: Sequence[int], shift: Sequence[int], device: Any, dtype: Any
) -> torch.Tensor:
    """What keeps regions apart that only a cyclic shift brought into one window."""
    region = torch.zeros(1, *grid, 1, device=device)
    for axis, (size, width, step) in enumerate(zip(grid, window, shift, strict=True)):
        at = torch.arange(size, device=device)
        # The last window holds what stood there, and what came around from the beginning.
        along = (at >= size - width).int() + (at >= size - step).int() if step else 0 * at
        region = 3 * region + along.view([-1 if i == axis + 1 else 1 for i in range(6)])
    own = split_windows(region, window)[0, ..., 0]
    other = own[:, None, :] != own[:, :, None]
    return torch.where(other, OUTSIDE, 0.0).to(dtype)


class Merge(nn.Module):
    """Eight neighbours in space become one token of more channels; time stays."""

    def __init__(self, width: int, multiplier: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(8 * width, multiplier * width, bias=False)
        self.norm = nn.LayerNorm(8 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, x, y, z, time, width) to half of each spatial axis."""
        corners = [x[:, i::2, j::2, k::2] for i, j, k in product(range(2), repeat=3)]
        return self.reduction(self.norm(torch.cat(corners, dim=-1)))


class Stage(nn.Module):
    """Blocks at one resolution, then merging unless it is the last."""

    def __init__(self, blocks: list[Block], downsample: Merge | None) -> None:
        super().__init__()
        self.blocks, self.downsample = nn.ModuleList(blocks), downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One stage."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class Positions(nn.Module):
    """Learnt positions in space and in time, channels first as they are stored."""

    def __init__(self, width: int, grid: Sequence[int]) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, width, *grid[:3], 1))
        self.time_embed = nn.Parameter(torch.zeros(1, width, 1, 1, 1, grid[3]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add them to (batch, x, y, z, time, width)."""
        time = self.time_embed[..., : x.shape[4]]
        return x + self.pos_embed.movedim(1, -1) + time.movedim(1, -1)


class Patches(nn.Module):
    """Cubes of voxels of one volume to tokens."""

    def __init__(self, patch: Sequence[int], channels: int, width: int) -> None:
        super().__init__()
        self.patch = tuple(patch[:3])
        self.fc = nn.Linear(channels * int(np.prod(patch)), width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 1, x, y, z, time) to (batch, x', y', z', time, width)."""
        batch, channels, *space, time = x.shape
        a, b, c = self.patch
        i, j, k = (n // p for n, p in zip(space, self.patch, strict=True))
        cut = x.view(batch, channels, i, a, j, b, k, c, time)
        return self.fc(cut.permute(0, 2, 4, 6, 8, 3, 5, 7, 1).reshape(batch, i, j, k, time, -1))


class SwiFTNetwork(nn.Module):
    """Encoder without a head; its last norm is stored with the weights and never applied."""

    def __init__(self, sizes: dict[str, Any]) -> None:
        super().__init__()
        depths, heads = sizes["depths"], sizes["num_heads"]
        width, multiplier, last = sizes["embed_dim"], sizes["c_multiplier"], len(depths) - 1
        patch, image = sizes["patch_size"], sizes["img_size"]
        grid = [n // p for n, p in zip(image, patch, strict=True)]
        self.patch_embed = Patches(patch, sizes["in_chans"], width)
        self.pos_embeds, self.layers = nn.ModuleList(), nn.ModuleList()
        for stage, depth in enumerate(depths):
            self.pos_embeds.append(Positions(width, grid))
            window = sizes["first_window_size"] if stage == 0 else sizes["window_size"]
            whole = stage == last and sizes["last_layer_full_MSA"]
            if whole:
                window = [*grid[:3], sizes["window_size"][3]]
            blocks = [
                Block(width, heads[stage], window, shifted=bool(number % 2) and not whole)
                for number in range(depth)
            ]
            self.layers.append(Stage(blocks, Merge(width, multiplier) if stage < last else None))
            if stage < last:
                width, grid = width * multiplier, [*(n // 2 for n in grid[:3]), grid[3]]
        self.norm = nn.LayerNorm(width)
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens of segments (batch, 1, x, y, z, time); (batch, n_tokens, width)."""
        x = self.patch_embed(x)
        for positions, layer in zip(self.pos_embeds, self.layers, strict=True):
            x = layer(positions(x))
        return x.flatten(1, 4)


class SwiFTEncoder(NeuralBrainEncoder):
    """SwiFT on segments of volumes; `load_swift` makes one."""

    reads: ClassVar[Literal["parcels", "volumes"]] = "volumes"

    def __init__(self, network, *, image, scaling, background, voxel_mm, **options) -> None:
        super().__init__(network, **options)
        self.image, self.scaling, self.background = tuple(image), scaling, background
        self.voxel_mm = voxel_mm

    def span(self, tr: float) -> tuple[int, int]:
        """Up to as many volumes as positions are stored for."""
        return 1, self.image[3]

    def prepare(self, run: Any, tr: float | None, *, subject: str = "") -> PreparedRun:
        """Check the image and take statistics of the run; volumes are read when they are cut."""
        return prepare_volumes(
            run, tr, self.image[:3], scaling=self.scaling, background=self.background,
            voxel_mm=self.voxel_mm, model=MODEL, subject=subject,
        )  # fmt: skip

    def arrange(self, batch: np.ndarray) -> np.ndarray:
        """One channel."""
        return batch[:, None]


def rename(name: str) -> str | None:
    """Name of a published tensor in `SwiFTNetwork`; heads are not needed."""
    if name.startswith(("output_head.", "model.output_head.", "emb_mlp.", "model.head.")):
        return None
    return name.removeprefix("model.")


def load_swift(
    weights: str,
    revision: str | None = None,
    *,
    file: str | None = None,
    scaling: str = "zscore",
    background: str = "minimum",
    voxel_mm: float | None = 2.0,
    sizes: dict[str, Any] | None = None,
    batch: int = 1,
    **options: Any,
) -> SwiFTEncoder:
    """SwiFT from a published checkpoint (``….ckpt``).

    Parameters
    ----------
    weights, revision : str
        As for `neurogenomics_kb.foundation.checkpoints.locate`.
    file : str, optional
        One of several checkpoints in the folder.
    scaling : {"zscore", "minmax"}
        By all voxels of the run that are not zero.
    background : {"minimum", "zero"}
        What voxels that are zero become after scaling.
    voxel_mm : float or None
        Size of voxels that images must have; None accepts any.
    sizes : dict, optional
        Hyper-parameters that differ from those in the checkpoint, or, where it has none, from the
        authors' sample script.
    batch : int
        Segments that go through the network together.
    **options
        Of `NeuralBrainEncoder`.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture.
    """
    folder = locate(weights, revision)
    content = read_checkpoint(folder, file)
    stored = content.get("hyper_parameters", {})
    own = {name: stored[name] for name in SIZES if name in stored}
    shape = check_sizes(SIZES | own, sizes)
    tensors = tensors_of(content, folder, "state_dict")
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    wanted = {"patch_embed.fc.weight": 2, "pos_embeds.0.pos_embed": 6, "pos_embeds.0.time_embed": 6}
    require_tensors(named, wanted, MODEL, folder)
    network = SwiFTNetwork(shape)
    assign(network, tensors, rename, folder)
    return SwiFTEncoder(
        network, image=shape["img_size"], scaling=scaling, background=background,
        voxel_mm=voxel_mm, dim=network.width, batch=batch,
        weights_fingerprint=fingerprint(folder, file=file),
        framing={
            "model": MODEL, "scaling": scaling, "background": background, "resampling": "none",
            "image": list(shape["img_size"]), "sizes": "checkpoint" if own else "sample script",
        },
        **options,
    )  # fmt: skip
