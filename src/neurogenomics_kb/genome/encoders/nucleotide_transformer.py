"""Nucleotide Transformer v2: the ESM encoder of transformers with gated feed-forward layers.

Its licence is CC BY-NC-SA 4.0; a card that names it must say so.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import silu
from transformers import EsmConfig, EsmModel

from neurogenomics_kb.foundation.checkpoints import fingerprint, locate, read_config, setting
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import assign, read_tensors
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder
from neurogenomics_kb.genome.encoders.tokenizers import SIX, VocabularyTokenizer


class Gated(nn.Module):
    """First half of a projection, through SiLU, times the second."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 2 * inner, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each position by itself."""
        gate, value = self.dense(x).chunk(2, dim=-1)
        return silu(gate) * value


class ESMNetwork(nn.Module):
    """ESM encoder whose feed-forward layers are gated and have no biases."""

    def __init__(self, config: EsmConfig) -> None:
        super().__init__()
        esm = EsmModel(config, add_pooling_layer=False)
        del esm.contact_head
        for layer in esm.encoder.layer:
            layer.intermediate = Gated(config.hidden_size, config.intermediate_size)
            layer.output.dense = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.esm = esm

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states; (batch, length, width)."""
        mask = torch.ones_like(ids)
        return self.esm(input_ids=ids, attention_mask=mask).last_hidden_state


def rename(name: str) -> str | None:
    """Name of a published tensor in `ESMNetwork`."""
    heads = ("lm_head.", "esm.contact_head.", "esm.pooler.", "classifier.")
    stored = ("position_ids", "rotary_embeddings.inv_freq")
    if name.startswith(heads) or name.endswith(stored):
        return None
    return name if name.startswith("esm.") else f"esm.{name}"


def load_nucleotide_transformer(
    weights: str, revision: str | None = None, **options: Any
) -> NeuralEncoder:
    """Nucleotide Transformer v2 from a published checkpoint.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture, or the vocabulary does not belong to it.
    """
    folder = locate(weights, revision)
    config = read_config(folder)
    rotary = config.get("position_embedding_type", "rotary") == "rotary"
    if setting(config, "model_type", folder) != "esm" or not rotary:
        raise InputError(
            "the model is not an ESM encoder with rotary positions",
            file=folder / "config.json",
            column="model_type",
            remedy="Use a v2 checkpoint of Nucleotide Transformer.",
        )
    tokenizer = VocabularyTokenizer(folder / "vocab.txt")
    if tokenizer.vocabulary != setting(config, "vocab_size", folder):
        raise InputError(
            f"the vocabulary has {tokenizer.vocabulary} tokens, the checkpoint "
            f"{config['vocab_size']}",
            file=folder / "vocab.txt",
            remedy="Take both from one checkpoint.",
        )
    network = ESMNetwork(EsmConfig(**esm_settings(config)))
    assign(network, read_tensors(folder), rename, folder, computed=("inv_freq",))
    # Two of the positions are never used; the class token takes one more.
    tokens = int(config.get("max_position_embeddings", 2050)) - 2
    return NeuralEncoder(
        network, tokenizer, dim=int(config["hidden_size"]), max_bases=(tokens - 1) * SIX,
        max_tokens=tokens,
        framing={"model": "nucleotide-transformer-v2"},
        weights_fingerprint=fingerprint(folder), **options,
    )  # fmt: skip


def esm_settings(config: dict[str, Any]) -> dict[str, Any]:
    """Settings of the stock encoder; token dropout rescales embeddings, which is for training."""
    left_out = ("auto_map", "architectures", "add_bias_fnn")
    return {**{k: v for k, v in config.items() if k not in left_out}, "token_dropout": False}
