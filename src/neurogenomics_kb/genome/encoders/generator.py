"""GENERator (Wu et al. 2025): the stock Llama of transformers on non-overlapping 6-mers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaModel

from neurogenomics_kb.foundation.checkpoints import fingerprint, locate, read_config, setting
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import assign, read_tensors
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder
from neurogenomics_kb.genome.encoders.tokenizers import SIX, SixMerTokenizer


class LlamaNetwork(nn.Module):
    """Hidden states of a Llama."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.model = LlamaModel(config)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states; (batch, length, width)."""
        return self.model(input_ids=ids, use_cache=False).last_hidden_state


def rename(name: str) -> str | None:
    """Name of a published tensor in `LlamaNetwork`."""
    if name.startswith("lm_head.") or name.endswith("rotary_emb.inv_freq"):
        return None
    return name if name.startswith("model.") else f"model.{name}"


def load_generator(weights: str, revision: str | None = None, **options: Any) -> NeuralEncoder:
    """GENERator from a published checkpoint.

    Raises
    ------
    InputError
        If the checkpoint is not a Llama, or its vocabulary is not that of 6-mers.
    """
    folder = locate(weights, revision)
    config = read_config(folder)
    if setting(config, "model_type", folder) != "llama":
        raise InputError(
            f"the model is of type '{config['model_type']}', not a Llama",
            file=folder / "config.json",
            column="model_type",
            remedy="Use a checkpoint of GENERator.",
        )
    tokenizer = SixMerTokenizer()
    if setting(config, "vocab_size", folder) != tokenizer.vocabulary:
        raise InputError(
            f"the checkpoint has {config['vocab_size']} tokens, the 6-mer tokenizer "
            f"{tokenizer.vocabulary}",
            file=folder / "config.json",
            column="vocab_size",
            remedy="Use a checkpoint of GENERator.",
        )
    known = {k: v for k, v in config.items() if k not in ("auto_map", "architectures")}
    network = LlamaNetwork(LlamaConfig(**known))
    assign(network, read_tensors(folder), rename, folder)
    tokens = int(config.get("max_position_embeddings", 16_384))  # one is the start token
    return NeuralEncoder(
        network, tokenizer, dim=int(config["hidden_size"]), max_bases=(tokens - 1) * SIX,
        max_tokens=tokens,
        framing={"model": "generator"}, weights_fingerprint=fingerprint(folder), **options,
    )  # fmt: skip
