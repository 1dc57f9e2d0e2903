"""HyenaDNA (Nguyen et al. 2023): causal long convolutions whose filters are small networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu

from neurogenomics_kb.foundation.checkpoints import fingerprint, locate, read_config, setting
from neurogenomics_kb.foundation.tensors import assign, read_tensors
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder
from neurogenomics_kb.genome.encoders.tokenizers import BaseTokenizer

SHIFT = 0.05  # what the exponential window of a filter decays to


def long_convolution(u: torch.Tensor, kernel: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
    """Causal convolution of each channel by Fourier transform, plus a weighted identity.

    Parameters
    ----------
    u : Tensor, shape (batch, width, length)
        Input.
    kernel : Tensor, shape (width, length)
        Filter over positions.
    skip : Tensor, shape (width,)
        Weight of the input itself.
    """
    length = u.shape[-1]
    # Twice the length, so that the end does not wrap around to the beginning.
    spectrum = torch.fft.rfft(u.float(), n=2 * length) * torch.fft.rfft(
        kernel.float(), n=2 * length
    )
    y = torch.fft.irfft(spectrum, n=2 * length)[..., :length]
    return (y + u * skip[:, None]).to(u.dtype)


class Sine(nn.Module):
    """Sine with a frequency per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.freq = nn.Parameter(torch.ones(1, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Elementwise."""
        return torch.sin(self.freq * x)


class Positions(nn.Module):
    """Stored features and times of positions."""

    formulas = ("z",)  # no weights: a twin has them too

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.z = nn.Parameter(torch.zeros(1, length, features))
        self.register_buffer("t", torch.zeros(1, length, 1))


class Modulation(nn.Module):
    """Stored decay rates of the exponential window."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("deltas", torch.zeros(1, 1, width))


class Filter(nn.Module):
    """A filter as a function of position: a small network under a decaying window."""

    def __init__(self, width: int, hidden: int, length: int, features: int, inner: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(width))
        self.pos_emb = Positions(length, features)
        sine = Sine(hidden)  # one set of frequencies for all layers
        layers: list[nn.Module] = [nn.Linear(features, hidden), sine]
        for _ in range(inner):
            layers += [nn.Linear(hidden, hidden), sine]
        self.implicit_filter = nn.Sequential(*layers, nn.Linear(hidden, width, bias=False))
        self.modulation = Modulation(width)

    def forward(self, length: int) -> torch.Tensor:
        """Filter for the first `length` positions; (width, length)."""
        z, t = self.pos_emb.z[:, :length], self.pos_emb.t[:, :length]
        window = torch.exp(-t * self.modulation.deltas.abs()) + SHIFT
        return (self.implicit_filter(z) * window)[0].T


class Operator(nn.Module):
    """Gated long convolution (order 2)."""

    def __init__(self, width: int, hidden: int, length: int, features: int, inner: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.short_filter = nn.Conv1d(3 * width, 3 * width, 3, padding=2, groups=3 * width)
        self.filter_fn = Filter(width, hidden, length, features, inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix positions, each with those before it; (batch, length, width)."""
        length = x.shape[1]
        short = self.short_filter(self.in_proj(x).transpose(1, 2))[..., :length]
        gate, inner, value = short.chunk(3, dim=1)
        mixed = long_convolution(value * inner, self.filter_fn(length), self.filter_fn.bias)
        return self.out_proj((mixed * gate).transpose(1, 2))


class MLP(nn.Module):
    """Two layers with a GELU (tanh form)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each position by itself."""
        return self.fc2(gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    """Operator and feed-forward, each after a norm, added to what came in."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width = config["d_model"]
        self.mixer = Operator(
            width, config.get("filter_order", 64), config["max_seq_len"],
            config.get("emb_dim", 5), config.get("num_inner_mlps", 2),
        )  # fmt: skip
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = MLP(width, config["d_inner"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One block."""
        x = x + self.mixer(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class HyenaNetwork(nn.Module):
    """Encoder without the language-model head."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        multiple = config.get("pad_vocab_size_multiple", 8)
        vocabulary = -(-config["vocab_size"] // multiple) * multiple
        self.embeddings = nn.Embedding(vocabulary, config["d_model"])
        self.layers = nn.ModuleList(Block(config) for _ in range(config["n_layer"]))
        self.ln_f = nn.LayerNorm(config["d_model"], eps=config.get("layer_norm_epsilon", 1e-5))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Hidden states; (batch, length, width)."""
        x = self.embeddings(ids)
        for layer in self.layers:
            x = layer(x)
        return self.ln_f(x)


def rename(name: str) -> str | None:
    """Name of a published tensor in `HyenaNetwork`."""
    if name.startswith(("lm_head.", "score.")):
        return None
    name = name.removeprefix("hyena.").removeprefix("backbone.")
    return name.replace("embeddings.word_embeddings.", "embeddings.")


def load_hyenadna(weights: str, revision: str | None = None, **options: Any) -> NeuralEncoder:
    """HyenaDNA from a published checkpoint in the layout of transformers (``…-hf``).

    Raises
    ------
    InputError
        If the checkpoint is not of this architecture.
    """
    folder = locate(weights, revision)
    config = read_config(folder)
    for name in ("d_model", "n_layer", "d_inner", "max_seq_len", "vocab_size"):
        setting(config, name, folder)
    network = HyenaNetwork(config)
    tensors = read_tensors(folder)
    assign(network, share_frequencies(tensors, network), rename, folder)
    return NeuralEncoder(
        network, BaseTokenizer(), dim=config["d_model"], max_bases=config["max_seq_len"],
        framing={"model": "hyenadna"}, weights_fingerprint=fingerprint(folder), **options,
    )  # fmt: skip


def share_frequencies(tensors: dict[str, Any], network: HyenaNetwork) -> dict[str, Any]:
    """Frequencies that a file stores once for all layers of a filter, under every name."""
    out = dict(tensors)
    for name in tensors:
        if name.endswith("implicit_filter.1.freq"):
            stem = name.removesuffix("1.freq")
            own = network.layers[0].mixer.filter_fn.implicit_filter
            for number, layer in enumerate(own):
                if isinstance(layer, Sine):
                    out.setdefault(f"{stem}{number}.freq", tensors[name])
    return out
