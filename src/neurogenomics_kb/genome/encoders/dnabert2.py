"""DNABERT-2 (Zhou et al. 2024): BERT with linear attention biases and gated feed-forward layers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from neurogenomics_kb.foundation.checkpoints import fingerprint, locate, read_config, setting
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import assign, read_tensors
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder
from neurogenomics_kb.genome.encoders.tokenizers import BytePairTokenizer

# Attention with linear biases has no hard limit; longer windows than in training lose accuracy.
MAX_BASES = 2_048
# What the published configuration states; usual sequences of MAX_BASES have fewer.
MAX_TOKENS = 512


def alibi_slopes(heads: int) -> list[float]:
    """Slopes of the linear biases (Press et al. 2022).

    For a number of heads that is no power of two: those of the next smaller power, then every
    second one of twice that power.
    """
    power = 2 ** math.floor(math.log2(heads))
    first = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    between = [2 ** (-8 * (i + 1) / (2 * power)) for i in range(0, 2 * power, 2)]
    return first + between[: heads - power]


class Attention(nn.Module):
    """Self-attention with fused projections."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.Wqkv = nn.Linear(width, 3 * width)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Attend with an additive bias (heads, length, length)."""
        n, length, width = x.shape
        q, k, v = self.Wqkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return mixed.transpose(1, 2).reshape(n, length, width)


class Layer(nn.Module):
    """Attention and gated feed-forward, each followed by addition and norm."""

    def __init__(self, width: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.dense = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=eps)
        self.gated_layers = nn.Linear(width, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, width)
        self.layernorm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """One layer; (batch, length, width)."""
        x = self.attention_norm(self.dense(self.attention(x, bias)) + x)
        gate, value = self.gated_layers(x).chunk(2, dim=-1)
        return self.layernorm(self.wo(gelu(gate) * value) + x)


class DNABERT2Network(nn.Module):
    """Encoder without the pooler and the language-model head."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, eps = config["hidden_size"], config.get("layer_norm_eps", 1e-12)
        heads = config["num_attention_heads"]
        self.word_embeddings = nn.Embedding(config["vocab_size"], width)
        self.token_type_embeddings = nn.Embedding(config.get("type_vocab_size", 2), width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)
        self.layers = nn.ModuleList(
            Layer(width, heads, config["intermediate_size"], eps)
            for _ in range(config["num_hidden_layers"])
        )
        self.slopes = alibi_slopes(heads)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states; (batch, length, width)."""
        x = self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings.weight[0])
        place = torch.arange(ids.shape[1], device=ids.device)
        distance = (place[:, None] - place[None, :]).abs().to(x.dtype)
        bias = (
            -torch.tensor(self.slopes, device=ids.device, dtype=x.dtype)[:, None, None] * distance
        )
        for layer in self.layers:
            x = layer(x, bias)
        return x


def rename(name: str) -> str | None:
    """Name of a published tensor in `DNABERT2Network`."""
    name = name.removeprefix("bert.")
    if name.startswith(("cls.", "pooler.", "classifier.")):
        return None
    name = name.removeprefix("embeddings.")
    name = name.replace("encoder.layer.", "layers.")
    name = name.replace("attention.self.", "attention.")
    name = name.replace("attention.output.dense", "dense")
    name = name.replace("attention.output.LayerNorm", "attention_norm")
    return name.replace(".mlp.", ".")


def load_dnabert2(weights: str, revision: str | None = None, **options: Any) -> NeuralEncoder:
    """DNABERT-2 from a published checkpoint.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture, or the tokenizer does not belong to it.
    """
    folder = locate(weights, revision)
    config = read_config(folder)
    for name in ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size",
                 "vocab_size"):  # fmt: skip
        setting(config, name, folder)
    tokenizer = BytePairTokenizer(folder / "tokenizer.json")
    if tokenizer.vocabulary != config["vocab_size"]:
        raise InputError(
            f"the tokenizer has {tokenizer.vocabulary} tokens, the checkpoint "
            f"{config['vocab_size']}",
            file=folder / "tokenizer.json",
            remedy="Take both from one checkpoint.",
        )
    network = DNABERT2Network(config)
    assign(network, read_tensors(folder), rename, folder)
    return NeuralEncoder(
        network, tokenizer, dim=config["hidden_size"], max_bases=MAX_BASES,
        max_tokens=int(config.get("max_position_embeddings", MAX_TOKENS)),
        framing={"model": "dnabert-2"}, weights_fingerprint=fingerprint(folder), **options,
    )  # fmt: skip
