"""Symmetric InfoNCE of two or more towers, relatives left out as negatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, normalize

# Below it exp(−2 / temperature) leaves single precision.
LOWEST_TEMPERATURE = 0.025


class Tower(nn.Module):
    """A line from features to the common space, and what a hidden layer adds to it.

    Parameters
    ----------
    features : int
        Width of the block.
    dim : int
        Width of the common space.
    hidden : int or None
        Width of the hidden layer; None for the line alone.
    """

    def __init__(self, features: int, dim: int, hidden: int | None) -> None:
        super().__init__()
        self.line = nn.Linear(features, dim, bias=False)
        self.inner = self.outer = None
        if hidden is not None:
            self.inner = nn.Linear(features, hidden)
            self.outer = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embeddings (n, dim), not normalised."""
        out = self.line(x)
        return out if self.inner is None else out + self.outer(gelu(self.inner(x)))


class _SymmetricContrast(torch.autograd.Function):
    """Loss and gradient in few passes over the matrix of similarities.

    With cosines C, scale s, ``E = exp(s (C − 1))`` and E = 0 for relatives, the loss of person i is
    ``½ (ln Σ_j E_ij + ln Σ_j E_ji) + s (1 − C_ii)``; its gradient in s C is
    ``E_ij (1 / Σ_j E_ij + 1 / Σ_i E_ij) / 2 − δ_ij``.
    """

    @staticmethod
    def forward(ctx: Any, left, right, scale, kin) -> torch.Tensor:
        own = (left * right).sum(dim=1).float()
        shift = -scale.to(left.dtype).view(1, 1)
        near = torch.addmm(shift, left * scale.to(left.dtype), right.T).float().exp_()
        if kin is not None:
            near[kin] = 0
        rows, columns = near.sum(dim=1), near.sum(dim=0)
        ctx.save_for_backward(left, right, scale, near, rows, columns)
        return (0.5 * (rows.log() + columns.log()) + scale * (1 - own)).mean()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor):
        left, right, scale, near, rows, columns = ctx.saved_tensors
        n = len(near)
        pull = (0.5 / rows)[:, None] + (0.5 / columns)[None, :]
        pull = pull.mul_(near)
        pull.diagonal().sub_(1)
        pull = pull.to(left.dtype)
        share = (grad / n).to(left.dtype)
        on_left, on_right = pull @ right * share, (left.T @ pull).T * share
        by_scale = (left * on_left).sum().to(scale.dtype)
        scale = scale.to(left.dtype)
        return on_left * scale, on_right * scale, by_scale, None


def contrast(
    left: torch.Tensor, right: torch.Tensor, scale: torch.Tensor, groups: np.ndarray | None = None
) -> torch.Tensor:
    """Symmetric InfoNCE of matching rows (van den Oord et al. 2018; Radford et al. 2021).

    Parameters
    ----------
    left, right : Tensor (n, d)
        Embeddings of length 1; row i of both is one person.
    scale : Tensor
        1 / temperature.
    groups : ndarray (n,), optional
        Families; a relative is no negative, since relatives are alike in both blocks.

    Returns
    -------
    Tensor
        Mean over people and both directions.
    """
    kin = None
    if groups is not None:
        pairs = relatives(groups)
        kin = tuple(torch.from_numpy(side).to(left.device) for side in pairs) if pairs else None
    return _SymmetricContrast.apply(left, right, scale, kin)


def relatives(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions (i, j), i ≠ j, of people of one family; None where there are none.

    Parameters
    ----------
    groups : ndarray (n,)
        Families.
    """
    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for step in range(1, len(groups)):
        same = ranked[step:] == ranked[:-step]
        if not same.any():  # sorted, so nobody has a relative farther off
            break
        found.append((order[step:][same], order[:-step][same]))
    if not found:
        return None
    one, other = (np.concatenate(side) for side in zip(*found, strict=True))
    return np.concatenate([one, other]), np.concatenate([other, one])


class Towers(nn.Module):
    """One tower a block, and a temperature that is learned.

    Parameters
    ----------
    widths : dict of str to int
        Blocks and the number of their features.
    dim : int
        Width of the common space.
    hidden : int or None
        Width of the hidden layers; None for linear towers.
    temperature : float
        To begin with.
    """

    def __init__(
        self, widths: dict[str, int], dim: int, hidden: int | None, temperature: float
    ) -> None:
        super().__init__()
        # Numbered, since names of blocks may hold a dot.
        self.towers = nn.ModuleList(Tower(width, dim, hidden) for width in widths.values())
        self.names = list(widths)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    @property
    def scale(self) -> torch.Tensor:
        """1 / temperature, which stays between its lowest and 1."""
        return self.log_scale.clamp(0, -math.log(LOWEST_TEMPERATURE)).exp()

    def embed(self, blocks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Embeddings (n, dim) of blocks (n, p), not normalised."""
        pairs = zip(self.names, self.towers, strict=True)
        return {name: tower(blocks[name]) for name, tower in pairs}

    def loss(
        self,
        embeddings: dict[str, torch.Tensor],
        has: dict[str, np.ndarray],
        groups: np.ndarray | None,
        dtype: torch.dtype = torch.float32,
    ) -> torch.Tensor | None:
        """Mean of the contrast over every two blocks, of people who have both; None of nobody.

        Parameters
        ----------
        embeddings : dict of str to Tensor (n, dim)
            From `embed`.
        has : dict of str to ndarray of bool (n,)
            Who has the block; empty where everybody has all.
        groups : ndarray (n,) or None
            Families, where anybody has a relative.
        dtype : torch.dtype
            Precision of the similarities.
        """
        unit = {name: normalize(E.float(), dim=1).to(dtype) for name, E in embeddings.items()}
        scale, losses = self.scale, []
        for i, one in enumerate(self.names):
            for other in self.names[i + 1 :]:
                left, right, families = unit[one], unit[other], groups
                if has and not (both := has[one] & has[other]).all():
                    if both.sum() < 2:
                        continue
                    rows = torch.from_numpy(np.flatnonzero(both)).to(left.device)
                    left, right = left[rows], right[rows]
                    families = None if groups is None else groups[both]
                losses.append(contrast(left, right, scale, families))
        return torch.stack(losses).mean() if losses else None
