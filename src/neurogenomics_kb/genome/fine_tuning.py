"""Fine-tune a DNA encoder on labelled sequences so that both strands give one answer.

Reverse-complement consistency regularization (Ma 2025, arXiv:2509.18529) adds to the task's loss
the divergence between the predictions for a sequence and for its reverse complement. Low-rank
adapters (Hu et al. 2022) or the head alone are trained, so that few labelled sequences suffice.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, log_softmax

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders.base import Tokens, clean
from neurogenomics_kb.genome.encoders.neural import NeuralEncoder
from neurogenomics_kb.genome.sequences import reverse_complement


@dataclass(frozen=True)
class Disagreement:
    """How much the strands' predictions differ.

    Parameters
    ----------
    flips : float
        Share of sequences whose predicted class depends on the strand.
    probability : float
        Mean absolute difference of class probabilities.
    accuracy : float
        Of the forward strand's prediction.
    n : int
        Number of sequences compared.
    """

    flips: float
    probability: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class FineTuned:
    """A classifier on one strand, and what training did to its strands.

    Parameters
    ----------
    model : StrandClassifier
        Fitted model.
    before, after : Disagreement
        On sequences that were not trained on: before with a head on the untouched network.
    losses : list of float
        Mean loss of each epoch.
    """

    model: StrandClassifier
    before: Disagreement
    after: Disagreement
    losses: list[float]


class LowRank(nn.Module):
    """A linear layer with a trained update of low rank; the layer itself stays as it is."""

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        start = torch.randn(rank, base.in_features, generator=generator) / rank
        self.down = nn.Parameter(start.to(base.weight))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank).to(base.weight))

    @property
    def weight(self) -> torch.Tensor:
        """Effective weights, for layers that read them directly."""
        return self.base.weight + self.up @ self.down

    @property
    def bias(self) -> torch.Tensor | None:
        """Bias of the layer."""
        return self.base.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the effective weights."""
        return linear(x, self.weight, self.bias)


def add_low_rank(network: nn.Module, rank: int, seed: int) -> int:
    """Replace every linear layer by its `LowRank` form; returns how many there were."""
    generator = torch.Generator().manual_seed(seed)
    network.requires_grad_(False)
    seen: dict[int, LowRank] = {}
    for module in list(network.modules()):
        if isinstance(module, LowRank):
            continue
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                # Tied layers stay tied.
                if id(child) not in seen:
                    seen[id(child)] = LowRank(child, rank, generator)
                setattr(module, name, seen[id(child)])
    return len(seen)


class StrandClassifier(nn.Module):
    """A network, mean pooling over bases, and a linear head, on the strand that is given."""

    def __init__(self, encoder: NeuralEncoder, n_classes: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.network = copy.deepcopy(encoder.network)
        self.head = nn.Linear(encoder.dim, n_classes)

    def forward(self, tokens: Sequence[Tokens]) -> torch.Tensor:
        """Class scores of sequences with equally many tokens."""
        ids = torch.from_numpy(np.stack([t.ids for t in tokens]))
        bases = torch.from_numpy(np.stack([t.bases for t in tokens])).float()
        hidden = self.network(ids).float()
        pooled = (hidden * bases[..., None]).sum(1) / bases.sum(1, keepdim=True)
        return self.head(pooled)


def fine_tune(
    encoder: NeuralEncoder,
    sequences: Sequence[str],
    labels: Sequence,
    train: Sequence[bool],
    *,
    consistency: float = 1.0,
    rank: int | None = 4,
    epochs: int = 20,
    learning_rate: float = 5e-3,
    batch: int = 16,
    seed: int = 0,
) -> FineTuned:
    """Train a classifier of single strands.

    Its many parameters are the settings of one training, each with a default.

    Parameters
    ----------
    encoder : NeuralEncoder
        Stays as it is; a copy of its network is trained.
    sequences : sequence of str, length n
        Sequences to learn from.
    labels : sequence, length n
        Class of every sequence.
    train : sequence of bool, length n
        Sequences to train on; the others judge. Sequences of one person, or of homologous loci,
        belong on one side.
    consistency : float
        Weight of the divergence between strands; 0 trains without it.
    rank : int or None
        Rank of the adapters; None trains the head alone.
    epochs : int
        Times that every sequence is seen. Default 20.
    learning_rate : float
        Step size of the optimiser. Default 0.005.
    batch : int
        Sequences at a time. Default 16.
    seed : int
        Seed of the random numbers. Default 0.

    Returns
    -------
    FineTuned

    Raises
    ------
    InputError
        If the lengths differ, a class is missing on one side, or a sequence gives no token or is
        beyond the context.
    """
    texts = [clean(s, number) for number, s in enumerate(sequences)]
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    train = np.asarray(train, dtype=bool)
    check_input(encoder, texts, codes, train, classes)
    both = [(encoder.tokenizer(t), encoder.tokenizer(reverse_complement(t))) for t in texts]
    check_tokens(encoder, both)
    inside, outside = np.flatnonzero(train), np.flatnonzero(~train)
    untouched = StrandClassifier(encoder, len(classes), seed)
    untouched.network.requires_grad_(False)
    options = (both, codes, inside, epochs, learning_rate, batch, seed)
    fit(untouched, *options, consistency=0.0)
    model = StrandClassifier(encoder, len(classes), seed)
    model.network.requires_grad_(False)
    if rank is not None:
        add_low_rank(model.network, rank, seed)
    losses = fit(model, *options, consistency=consistency)
    return FineTuned(
        model,
        measure(untouched, both, codes, outside),
        measure(model, both, codes, outside),
        losses,
    )


def check_input(encoder, texts, codes, train, classes) -> None:
    """Refuse what cannot be trained or judged."""
    if not len(texts) == len(codes) == len(train):
        raise InputError(
            f"{len(texts)} sequences, {len(codes)} labels and {len(train)} marks",
            remedy="Give one label and one mark per sequence.",
        )
    for name, side in (("train on", codes[train]), ("judge by", codes[~train])):
        if len(np.unique(side)) < len(classes) or len(classes) < 2:
            raise InputError(
                f"not all of {len(classes)} classes are among the {len(side)} sequences to {name}",
                remedy="Give at least two classes, each on both sides.",
            )
    long = sum(len(text) > encoder.max_bases for text in texts)
    if long:
        raise InputError(
            f"{long} of {len(texts)} sequences are longer than {encoder.max_bases} bases",
            remedy="Cut them to the context of the model.",
        )


def check_tokens(encoder: NeuralEncoder, both: list[tuple[Tokens, Tokens]]) -> None:
    """Refuse sequences that give no token, or more than the context holds, on either strand."""
    none = sum(not t.bases.any() for pair in both for t in pair)
    if none:
        raise InputError(
            f"{none} of {2 * len(both)} strands give no token",
            remedy="The tokenizer needs at least 6 bases; leave shorter sequences out.",
        )
    most = encoder.max_tokens
    long = 0 if most is None else sum(max(len(t.ids) for t in pair) > most for pair in both)
    if long:
        raise InputError(
            f"{long} of {len(both)} sequences have more than {most} tokens",
            remedy="Cut them to the context of the model; runs of N make many tokens.",
        )


def equal_batches(
    both: list[tuple[Tokens, Tokens]], at: np.ndarray, size: int, rng: np.random.Generator | None
) -> Iterator[np.ndarray]:
    """Batches with equally many tokens on each strand, shuffled where `rng` is given."""
    order = at if rng is None else rng.permutation(at)
    groups: dict[tuple[int, int], list[int]] = {}
    for i in order:
        groups.setdefault(tuple(len(t.ids) for t in both[i]), []).append(i)
    batches = [g[k : k + size] for g in groups.values() for k in range(0, len(g), size)]
    if rng is not None:
        rng.shuffle(batches)
    yield from map(np.array, batches)


def fit(
    model, both, codes, at, epochs, learning_rate, batch, seed, *, consistency: float
) -> list[float]:  # fmt: skip
    """Gradient descent on whatever is not frozen; mean loss of each epoch.

    Its many parameters are those of `fine_tune`, without its defaults.
    """
    rng = np.random.default_rng(seed)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=learning_rate)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for chosen in equal_batches(both, at, batch, rng):
            target = torch.from_numpy(codes[chosen])
            forward = model([both[i][0] for i in chosen])
            loss = cross_entropy(forward, target)
            if consistency:
                reverse = model([both[i][1] for i in chosen])
                loss = loss + consistency * divergence(forward, reverse)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(chosen)
        losses.append(total / len(at))
    return losses


def divergence(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Symmetric Kullback-Leibler divergence of two sets of class scores, averaged."""
    p, q = log_softmax(one, -1), log_softmax(other, -1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean() / 2


def measure(model, both, codes, at) -> Disagreement:
    """Disagreement of the strands on some sequences."""
    flips, gaps, right = 0, 0.0, 0
    with torch.inference_mode():
        for chosen in equal_batches(both, at, 64, None):
            one, other = (model([both[i][strand] for i in chosen]).softmax(-1) for strand in (0, 1))
            flips += int((one.argmax(-1) != other.argmax(-1)).sum())
            gaps += float((one - other).abs().mean(-1).sum())
            right += int((one.argmax(-1).numpy() == codes[chosen]).sum())
    return Disagreement(flips / len(at), gaps / len(at), right / len(at), len(at))
