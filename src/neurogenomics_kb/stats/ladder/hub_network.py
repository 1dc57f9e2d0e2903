"""Learnable hubs that attend over the tokens of all blocks."""

from __future__ import annotations

import math

import torch
from torch import nn


class HubLayer(nn.Module):
    """Cross-attention of hubs over tokens, and a step of each hub by itself.

    Tokens are not changed, so keys and values need not be computed for each of them: queries are
    brought to the space of tokens instead, and what they gathered to that of values.

    Parameters
    ----------
    width : int
        Of tokens and hubs.
    heads : int
        That the width is divided into.
    dropout : float
        Share of attention weights and hidden values that are left out in training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.depth = heads, width // heads
        self.before = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Parameter(torch.randn(heads, self.depth, width) / math.sqrt(width))
        self.value = nn.Parameter(torch.randn(heads, width, self.depth) / math.sqrt(width))
        self.out = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)
        self.step = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(
        self, hubs: torch.Tensor, tokens: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        """Hubs (batch, H, width) after looking at tokens (batch, T, width).

        Parameters
        ----------
        hubs : Tensor, shape (batch or 1, H, width)
            One for all people before the first layer.
        tokens : Tensor, shape (batch, T, width)
            Of all blocks.
        there : Tensor of bool, shape (batch, T)
            Which tokens a person has; at least one.
        """
        n, H = len(tokens), hubs.shape[1]
        query = self.query(self.before(hubs)).unflatten(-1, (self.heads, self.depth))
        asked = torch.einsum("bhnd,ndw->bhnw", query, self.key).flatten(1, 2)
        scores = (tokens @ asked.transpose(1, 2) / math.sqrt(self.depth)).transpose(1, 2)
        scores = scores.masked_fill(~there[:, None], -torch.inf)
        gathered = self.drop(scores.softmax(dim=-1)) @ tokens
        gathered = gathered.view(n, H, self.heads, -1)
        found = torch.einsum("bhnw,nwd->bhnd", gathered, self.value).flatten(2)
        hubs = hubs + self.out(found)
        return hubs + self.step(hubs)


class HubNetwork(nn.Module):
    """Tokens of blocks to one number a person.

    A token is a line of its components, plus what its modality and its unit add; a unit's part
    begins small, so that what tokens of a modality have in common is learnt first. One more token
    is there for everybody: a person without any block still has something to look at.

    Parameters
    ----------
    shapes : list of (int, int)
        Units and components of every block.
    hubs : int
        Learnable queries.
    width, heads, layers : int
        Of the attention.
    dropout : float
        See `HubLayer`.
    """

    def __init__(
        self,
        shapes: list[tuple[int, int]],
        *,
        hubs: int,
        width: int,
        heads: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.lines = nn.ModuleList(nn.Linear(C, width, bias=False) for _, C in shapes)
        self.modality = nn.Parameter(0.1 * torch.randn(len(shapes), width))
        self.units = nn.ParameterList(0.02 * torch.randn(T, width) for T, _ in shapes)
        self.nobody = nn.Parameter(torch.zeros(width))
        self.hubs = nn.Parameter(torch.randn(1, hubs, width))
        self.layers = nn.ModuleList(HubLayer(width, heads, dropout) for _ in range(layers))
        self.read = nn.Sequential(
            nn.LayerNorm(width), nn.Flatten(), nn.Dropout(dropout), nn.Linear(hubs * width, 1)
        )

    def forward(self, blocks: list[torch.Tensor], has: torch.Tensor) -> torch.Tensor:
        """Log odds, or score (batch,).

        Parameters
        ----------
        blocks : list of Tensor, shape (batch, T, C)
            Tokens of every block.
        has : Tensor of bool, shape (batch, number of blocks)
            Which blocks a person has.
        """
        n = len(has)
        tokens = [self.nobody.expand(n, 1, -1)]
        there = [torch.ones(n, 1, dtype=torch.bool, device=has.device)]
        for i, (line, values) in enumerate(zip(self.lines, blocks, strict=True)):
            tokens.append(line(values) + self.modality[i] + self.units[i])
            there.append(has[:, i : i + 1].expand(-1, values.shape[1]))
        all_tokens, all_there = torch.cat(tokens, dim=1), torch.cat(there, dim=1)
        hubs = self.hubs
        for layer in self.layers:
            hubs = layer(hubs, all_tokens, all_there)
        return self.read(hubs).squeeze(1)
