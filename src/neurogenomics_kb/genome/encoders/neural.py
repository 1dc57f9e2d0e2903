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
        Tokens of the window.
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

    Its many parameters are what the families of models differ in.

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
    max_tokens : int, optional
        Most tokens of one window, special ones included, where tokens are not bases: windows of
        `max_bases` that have more are cut further. Default: no limit but `max_bases`.
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
        max_tokens: int | None = None,
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
        self.tokenizer, self.dim, self.strand = tokenizer, dim, strand
        self.max_bases, self.max_tokens = max_bases, max_tokens
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
        if max_tokens is not None:
            self.framing["window_tokens"] = max_tokens

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
                tokens = self.tokenizer(strand[start:end])
                if self.max_tokens is None or len(tokens.ids) <= self.max_tokens:
                    yield Window(number, reverse, start, core, tokens)
                    continue
                # An N among 6-mers, or repeats among byte pairs, make many tokens of few bases.
                for inner, pieces, tile in cut_tokens(
                    strand[start:end], self.tokenizer, self.max_tokens
                ):
                    own = (max(start + tile[0], core[0]), min(start + tile[1], core[1]))
                    if own[0] < own[1]:
                        yield Window(number, reverse, start + inner, own, pieces)

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


def cut_tokens(
    text: str, tokenizer: Callable[[str], Tokens], most: int
) -> Iterator[tuple[int, Tokens, tuple[int, int]]]:
    """Windows of at most so many tokens that cover a text, each with the core it speaks for.

    Windows overlap by the same share as those of bases, here of their tokens; the last one reaches
    as far back as fits.

    Parameters
    ----------
    text : str
        Clean sequence.
    tokenizer : callable
        Sequence to tokens.
    most : int
        Tokens of a window, special ones included.

    Yields
    ------
    start : int
        First base of the window.
    tokens : Tokens
    core : tuple of int
        The cores tile the text.

    Raises
    ------
    InputError
        If special tokens alone fill a window.
    """
    windows: list[tuple[int, int, Tokens]] = []
    start = 0
    while True:
        end, tokens = _longest(text, start, tokenizer, most)
        if end == len(text):
            break
        windows.append((start, end, tokens))
        bases = tokens.bases[tokens.bases > 0]
        step = max(1, int(len(bases) * (1 - OVERLAP)))
        start += tokens.skipped + int(bases[:step].sum())
    # The last window begins in the one before, which may leave it room to begin earlier.
    first = windows[-1][0] if windows else 0
    for earlier in _beginnings(text, first, start, tokenizer, most):
        pieces = tokenizer(text[earlier:])
        if len(pieces.ids) <= most:
            start, tokens = earlier, pieces
            break
    windows.append((start, len(text), tokens))
    edges = [0, *((one[1] + two[0]) // 2 for one, two in pairwise(windows)), len(text)]
    for (begin, _, pieces), core in zip(windows, pairwise(edges), strict=True):
        yield begin, pieces, core


def _longest(
    text: str, start: int, tokenizer: Callable[[str], Tokens], most: int
) -> tuple[int, Tokens]:
    """End of the longest window from a start that has no more than so many tokens."""
    # No token stands for less than a base, so that a long text need not be cut whole.
    end = len(text)
    while True:
        tokens = tokenizer(text[start:end])
        excess = len(tokens.ids) - most
        if excess <= 0:
            return end, tokens
        kept = tokens.bases[tokens.bases > 0][:-excess]
        if not kept.sum():
            raise InputError(
                f"a window of {most} tokens has no room for bases",
                column="max_tokens",
                remedy="Use a checkpoint with a longer context.",
            )
        # Byte pairs near the new end may differ, so it is counted again.
        end = start + tokens.skipped + int(kept.sum())


def _beginnings(
    text: str, first: int, last: int, tokenizer: Callable[[str], Tokens], most: int
) -> Iterator[int]:
    """Starts between two at the borders of tokens, earliest first, that leave few enough."""
    tokens = tokenizer(text[first:])
    special = int((tokens.bases == 0).sum())
    bases = tokens.bases[tokens.bases > 0]
    borders = first + tokens.skipped + np.concatenate([[0], np.cumsum(bases)])
    drop = max(0, len(bases) + special - most)
    yield from (int(b) for b in borders[drop:] if first < b < last)
