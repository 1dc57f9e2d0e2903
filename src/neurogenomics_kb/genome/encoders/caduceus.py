"""Caduceus (Schiff et al. 2024), assembled from the Mamba mixer of transformers.

The published code needs GPU kernels and does not load under transformers 5. The variant PS computes
two mirror images of one network, one per strand, that meet only in the language-model head; so one
strand of it is run at a time here, which is exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer, MambaRMSNorm

from neurogenomics_kb.foundation.checkpoints import fingerprint, locate, read_config, setting
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.tensors import assign, read_tensors
from neurogenomics_kb.genome.encoders.neural import TOLERANCE, NeuralEncoder
from neurogenomics_kb.genome.encoders.tokenizers import BaseTokenizer

CONTEXT = 131_072


class BidirectionalMixer(nn.Module):
    """Two Mamba mixers, one on the sequence and one on its reversal, that share projections."""

    def __init__(self, config: MambaConfig, layer: int) -> None:
        super().__init__()
        self.mamba_fwd = MambaMixer(config, layer)
        self.mamba_rev = MambaMixer(config, layer)
        self.mamba_rev.in_proj = self.mamba_fwd.in_proj
        self.mamba_rev.out_proj = self.mamba_fwd.out_proj

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of both directions; (batch, length, width)."""
        return self.mamba_fwd(x) + self.mamba_rev(x.flip(1)).flip(1)


class Block(nn.Module):
    """Normalise, mix, add."""

    def __init__(self, config: MambaConfig, layer: int) -> None:
        super().__init__()
        self.norm = MambaRMSNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.mixer = BidirectionalMixer(config, layer)


class CaduceusNetwork(nn.Module):
    """One strand of Caduceus.

    Parameters
    ----------
    config : MambaConfig
        Sizes of the network.
    vocabulary : int
        Number of tokens.
    swaps : bool
        Whether even layers see the reverse complement, positions and channels flipped. That is what
        the fused kernels of the published PS code do: they exchange the strands in each block.
    """

    def __init__(self, config: MambaConfig, vocabulary: int, *, swaps: bool) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(vocabulary, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, i) for i in range(config.num_hidden_layers))
        self.norm_f = MambaRMSNorm(config.hidden_size, eps=config.layer_norm_epsilon)
        self.swaps = swaps

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states of the strand that is given; (batch, length, width)."""
        x = self.embeddings(ids)
        for number, layer in enumerate(self.layers):
            if self.swaps and number % 2 == 0:
                x = x + layer.mixer(layer.norm(x.flip(1, 2))).flip(1, 2)
            else:
                x = x + layer.mixer(layer.norm(x))
        return self.norm_f(x)


def load_caduceus(weights: str, revision: str | None = None, **options: Any) -> NeuralEncoder:
    """Caduceus-PS or -PH from a published checkpoint.

    Parameters
    ----------
    weights : str
        Folder or hub id.
    revision : str, optional
        Pinned commit, for the hub.
    **options
        Of `NeuralEncoder`: pooling, device, dtype, batch_tokens.

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture, or its complement map breaks the symmetry
        that the variant PS claims.
    """
    folder = locate(weights, revision)
    config = read_config(folder)
    rcps = bool(setting(config, "rcps", folder))
    network = build_network(config, folder)
    assign(network, read_tensors(folder), rename, folder)
    encoder = NeuralEncoder(
        network,
        BaseTokenizer(),
        dim=network.norm_f.weight.shape[0],
        max_bases=CONTEXT,
        strand="equivariant" if rcps else "averaged",
        framing={"model": "caduceus-ps" if rcps else "caduceus-ph", "swaps": network.swaps},
        weights_fingerprint=fingerprint(folder),
        **options,
    )
    if rcps:
        check_equivariance(encoder, complement_of(config, folder), folder)
    return encoder


def build_network(config: dict[str, Any], folder: Path) -> CaduceusNetwork:
    """Network of a checkpoint's configuration, with random weights."""
    width = int(setting(config, "d_model", folder))
    ssm = config.get("ssm_cfg") or {}
    mamba = MambaConfig(
        hidden_size=width,
        num_hidden_layers=int(setting(config, "n_layer", folder)),
        state_size=int(ssm.get("d_state", 16)),
        conv_kernel=int(ssm.get("d_conv", 4)),
        expand=int(ssm.get("expand", 2)),
        use_conv_bias=bool(ssm.get("conv_bias", True)),
        use_bias=bool(ssm.get("bias", False)),
        layer_norm_epsilon=float(config.get("norm_epsilon", 1e-5)),
    )
    unsupported = {
        "rms_norm": config.get("rms_norm", True) is not True,
        "bidirectional": config.get("bidirectional", True) is not True,
        "bidirectional_strategy": config.get("bidirectional_strategy", "add") != "add",
        "bidirectional_weight_tie": config.get("bidirectional_weight_tie", True) is not True,
    }
    wrong = [name for name, differs in unsupported.items() if differs]
    if wrong:
        raise InputError(
            "this variant of Caduceus is not supported",
            file=folder / "config.json",
            column=wrong[0],
            remedy="The published checkpoints add two tied directions under RMS norm.",
        )
    multiple = int(config.get("pad_vocab_size_multiple", 8))
    vocabulary = -(-int(setting(config, "vocab_size", folder)) // multiple) * multiple
    swaps = bool(config.get("rcps")) and bool(config.get("fused_add_norm", True))
    return CaduceusNetwork(mamba, vocabulary, swaps=swaps)


def rename(name: str) -> str | None:
    """Name of a published tensor in `CaduceusNetwork`."""
    if name.endswith("complement_map") or name.startswith("lm_head."):
        return None
    for prefix in ("caduceus.", "backbone."):
        name = name.removeprefix(prefix)
    name = name.replace("mixer.submodule.", "mixer.").replace("norm.submodule.", "norm.")
    name = name.replace("norm_f.submodule.", "norm_f.")
    if name.startswith("embeddings."):
        return "embeddings.weight"
    return name


def complement_of(config: dict[str, Any], folder: Path) -> dict[int, int]:
    """Complement of every token id; JSON turned the keys into text."""
    return {int(k): int(v) for k, v in setting(config, "complement_map", folder).items()}


def check_equivariance(
    encoder: NeuralEncoder, complement: dict[int, int], folder: Path
) -> float:  # fmt: skip
    """Refuse a model that claims to treat the strands alike and does not.

    The hidden states of both strands, as the published model stacks them, must be flipped in
    positions and channels when the sequence is replaced by its reverse complement as the
    checkpoint's own map defines it.

    Returns
    -------
    float
        Largest difference relative to the largest hidden state.

    Raises
    ------
    InputError
    """
    rng = np.random.default_rng(0)
    bases = np.array(sorted(BaseTokenizer.ids.values()))
    ids = rng.choice(bases[bases != BaseTokenizer.ids["N"]], 64)
    mirrored = np.array([complement.get(int(i), int(i)) for i in ids])[::-1].copy()
    text = {number: base for base, number in BaseTokenizer.ids.items()}
    from neurogenomics_kb.genome.sequences import reverse_complement

    expected = reverse_complement("".join(text[int(i)] for i in ids))
    found = "".join(text.get(int(i), "?") for i in mirrored)
    if found != expected:
        raise InputError(
            "the complement map of the checkpoint does not pair A with T and C with G as this "
            "tokenizer numbers them",
            file=folder / "config.json",
            column="complement_map",
            remedy="Take config.json and weights from one published checkpoint.",
        )
    one, other = both_strands(encoder, ids, mirrored), both_strands(encoder, mirrored, ids)
    difference = float((one - other.flip(0, 1)).abs().max() / one.abs().max())
    limit = TOLERANCE[encoder.dtype]
    if not difference <= limit:
        raise InputError(
            f"the strands differ by {difference:.2g} of the largest hidden state, more than "
            f"{limit:g} in {encoder.dtype}",
            file=folder,
            remedy="Use float32, or another device; the model claims to treat strands alike.",
        )
    return difference


def both_strands(encoder: NeuralEncoder, ids: np.ndarray, mirrored: np.ndarray) -> torch.Tensor:
    """Hidden states as the published PS model stacks them, shape (length, 2 width)."""
    batch = torch.from_numpy(np.stack([ids, mirrored])).to(encoder.device)
    with torch.inference_mode():
        own, reverse = encoder.network(batch).double()
    return torch.cat([own, reverse.flip(0, 1)], dim=-1)
