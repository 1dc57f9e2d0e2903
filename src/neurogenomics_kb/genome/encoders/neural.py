"""Neural encoders: windows, batches of equal length, both strands, pooling over bases.

Everything that must not depend on the model is here once, so that a model is a network, a tokenizer
and a few numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.encoders.base import Strand, Tokens, clean
from neurogenomics_kb.genome.sequences import reverse_complement

# Equivariance is exact in exact arithmetic; these are a hundred units in the last place.
TOLERANCE = {"float64": 1e-12, "float32": 1e-4, "bfloat16": 0.1}
BATCH_TOKENS = 8192
# Windows of a sequence beyond the context overlap by this share of it.
OVERLAP = 0.25


@dataclass(frozen=True)
class Window:
    """A piece of a strand, and which of its bases count.

    Parameters
    ----------
    sequence : int
        Number of the sequence.
    reverse : bool
        Whether it is of the reverse complement.
    start : int
        First base of the window on its strand.
    core : tuple of int
        Bases of the strand that this window speaks for, half-open.
    tokens : Tokens
    """

    sequence: int
    reverse: bool
    start: int
    core: tuple[int, int]
    tokens: Tokens

    @property
    def weights(self) -> np.ndarray:
        """Bases of the core that each token stands for."""
        ends = self.start + self.tokens.skipped + np.cumsum(self.tokens.bases)
        starts = ends - self.tokens.bases
        inside = np.minimum(ends, self.core[1]) - np.maximum(starts, self.core[0])
        return np.clip(inside, 0, None).astype(float)


class NeuralEncoder:
    """A network on tokens as an encoder of sequences.

    Parameters
    ----------
    network : torch.nn.Module
        Maps token ids (batch, length) to hidden states (batch, length, dim).
    tokenizer : callable
        Clean sequence to `Tokens`.
    dim : int
        Width of the hidden states.
    max_bases : int
        Longest sequence in one window.
    strand : {"equivariant", "averaged"}
        What the model claims. Both strands are run and averaged either way: the hidden states of an
        equivariant model are those of one network on both strands.
    pooling : {"mean", "cls"}
        Mean over bases, or the hidden state of the first token, which must be a special one; over
        windows, weighted by the bases each speaks for.
    framing : dict
        Recorded with the embeddings; tokenization, windows and pooling are added.
    weights_fingerprint : str
        Content of the checkpoint, for caches.
    batch_tokens : int
        Tokens in a batch.
    device, dtype : str
        As PyTorch names them.

    Notes
    -----
    Batches hold windows of one length, so nothing is padded and no result depends on its
    neighbours or on the order. An embedding is the mean over the bases of a sequence: a token
    counts by the bases it stands for, special tokens do not count. Mean pooling of the average of
    two strands is the average of two means, so positions need not be aligned for it.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Callable[[str], Tokens],
        *,
        dim: int,
        max_bases: int,
        strand: Strand = "averaged",
        pooling: str = "mean",
        weights_fingerprint: str = "",
        framing: dict[str, Any] | None = None,
        batch_tokens: int = BATCH_TOKENS,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        import torch

        if pooling not in ("mean", "cls"):
            raise InputError(
                f"pooling {pooling!r} is not known", column="pooling", remedy="Choose mean or cls."
            )
        if dtype not in TOLERANCE:
            raise InputError(
                f"dtype {dtype!r} is not supported",
                column="dtype",
                remedy=f"Choose one of {', '.join(TOLERANCE)}.",
            )
        self.network = network.to(device=device, dtype=getattr(torch, dtype)).eval()
        self.tokenizer, self.dim, self.max_bases, self.strand = tokenizer, dim, max_bases, strand
        self.batch_tokens, self.device, self.dtype = batch_tokens, device, dtype
        self.pooling, self.weights_fingerprint = pooling, weights_fingerprint
        self.names = [f"d{i}" for i in range(dim)]
        self.framing = {
            **(framing or {}),
            "tokens": getattr(tokenizer, "name", "custom"),
            "window_bases": max_bases,
            "window_overlap": OVERLAP,
            "pooling": "mean over bases" if pooling == "mean" else "first token",
            "strands": "both, averaged",
            "dtype": dtype,
        }

    # --- embeddings ---------------------------------------------------------------------------

    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        """Mean over bases and strands of each sequence; float32, shape (n_sequences, dim)."""
        texts = [clean(sequence, number) for number, sequence in enumerate(sequences)]
        windows = [w for number, text in enumerate(texts) for w in self._windows(number, text)]
        sums = np.zeros((len(texts), self.dim))
        bases = np.zeros(len(texts))
        for window, hidden in self._run(windows):
            weights = window.weights
            sums[window.sequence] += self._pool(window, weights, hidden)
            bases[window.sequence] += weights.sum()
        empty = np.flatnonzero(bases == 0)
        if len(empty):
            raise InputError(
                f"sequence {empty[0]} of {len(texts[empty[0]])} bases gives no token",
                remedy="The tokenizer needs at least 6 bases; leave shorter exons out.",
            )
        return (sums / bases[:, None]).astype(np.float32)

    def _pool(self, window: Window, weights: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Sum over the core's bases, or the first token as often as the core has bases."""
        if self.pooling == "mean":
            return weights @ hidden
        if window.tokens.bases[0]:
            raise InputError(
                "this model has no special first token",
                column="pooling",
                remedy="Choose mean.",
            )
        return weights.sum() * hidden[0]

    def embed_tokens(self, sequence: str) -> np.ndarray:
        """Average of both strands at each base of the forward strand, shape (n_bases, dim).

        Tokens of the strands do not align, so both are spread over their bases first. A base that
        no token of either strand stands for is not a number.
        """
        text = clean(sequence)
        sums = np.zeros((len(text), self.dim))
        counts = np.zeros(len(text))
        for window, hidden in self._run(list(self._windows(0, text))):
            spread = np.repeat(hidden, window.tokens.bases, axis=0)
            positions = window.start + window.tokens.skipped + np.arange(len(spread))
            inside = (positions >= window.core[0]) & (positions < window.core[1])
            forward = len(text) - 1 - positions if window.reverse else positions
            np.add.at(sums, forward[inside], spread[inside])
            np.add.at(counts, forward[inside], 1)
        with np.errstate(invalid="ignore"):
            return (sums / np.where(counts, counts, np.nan)[:, None]).astype(np.float32)

    def strand_difference(self, sequence: str) -> float:
        """Largest relative difference of the two strands' own means; 0 for an invariant model."""
        text = clean(sequence)
        means = {False: np.zeros(self.dim), True: np.zeros(self.dim)}
        for window, hidden in self._run(list(self._windows(0, text))):
            means[window.reverse] += window.weights @ hidden
        forward, reverse = means[False], means[True]
        scale = max(np.abs(forward).max(), np.abs(reverse).max())
        return float(np.abs(forward - reverse).max() / scale) if scale else 0.0

    # --- windows and batches ------------------------------------------------------------------

    def _windows(self, number: int, text: str) -> Iterator[Window]:
        """Windows of both strands."""
        for reverse in (False, True):
            strand = reverse_complement(text) if reverse else text
            for start, end, core in cut(len(strand), self.max_bases):
                yield Window(number, reverse, start, core, self.tokenizer(strand[start:end]))

    def _run(self, windows: list[Window]) -> Iterator[tuple[Window, np.ndarray]]:
        """Hidden states of each window, batched by number of tokens."""
        import torch

        lengths = defaultdict(list)
        for window in windows:
            lengths[len(window.tokens.ids)].append(window)
        for length in sorted(lengths):
            size = max(1, self.batch_tokens // max(length, 1))
            group = lengths[length]
            for first in range(0, len(group), size):
                batch = group[first : first + size]
                ids = torch.from_numpy(np.stack([w.tokens.ids for w in batch])).to(self.device)
                with torch.inference_mode():
                    hidden = self.network(ids).float().cpu().numpy()
                yield from zip(batch, hidden, strict=True)


def cut(length: int, longest: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Windows that cover a strand, each with the core it speaks for.

    The cores tile the strand; a window sees half an overlap beyond its core where there is more.

    Yields
    ------
    start, end : int
    core : tuple of int
    """
    if length <= longest:
        yield 0, length, (0, length)
        return
    overlap = int(longest * OVERLAP)
    step = longest - overlap
    starts = [*range(0, length - longest, step), length - longest]
    edges = [0, *((a + longest + b) // 2 for a, b in pairwise(starts)), length]
    for number, start in enumerate(starts):
        yield start, start + longest, (edges[number], edges[number + 1])
