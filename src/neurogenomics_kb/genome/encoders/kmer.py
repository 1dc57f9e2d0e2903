"""The default encoder: frequencies of k-mers that do not tell the strands apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.genome.sequences import reverse_complement


class KmerEncoder:
    """Reverse-complement-invariant k-mer frequencies.

    Each k-mer is counted together with its reverse complement under the alphabetically first of
    the two (the canonical k-mer), so that a sequence and its reverse complement embed identically.
    k-mers with a base other than A, C, G or T are skipped; frequencies sum to one over the rest.
    Sequences without any k-mer embed as zeros.

    Parameters
    ----------
    k : int
        Length of the k-mers, 1 to 8.

    Attributes
    ----------
    dim : int
        Number of canonical k-mers: 136 for k = 4.
    names : list of str
        Canonical k-mers in alphabetical order.
    """

    _chunk = 1 << 22  # bases at a time: bounds memory, does not change results

    def __init__(self, k: int = 4) -> None:
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= 8:
            raise InputError(
                f"k = {k!r} is not a k-mer length", column="k", remedy="Choose a number 1 to 8."
            )
        self.k = k
        kmers = ["".join(letters) for letters in product("ACGT", repeat=k)]
        canonical = [min(kmer, reverse_complement(kmer)) for kmer in kmers]
        self.names = sorted(set(canonical))
        self.dim = len(self.names)
        column = {name: number for number, name in enumerate(self.names)}
        self.max_bases = None
        self.strand = "invariant"
        self.framing = {"tokens": f"every {k}-mer", "strands": "canonical k-mer"}
        self._canonical = np.array([column[name] for name in canonical], dtype=np.int64)

    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        """k-mer frequencies of each sequence; float64, shape (n_sequences, dim)."""
        counts = np.zeros((len(sequences), self.dim))
        for first, batch in self._batches(sequences):
            rows, columns = self._kmers(batch)
            cells = rows * self.dim + columns
            counts[first : first + len(batch)] = np.bincount(
                cells, minlength=len(batch) * self.dim
            ).reshape(len(batch), self.dim)
        totals = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, totals, out=counts, where=totals > 0)

    def embed_tokens(self, sequence: str) -> np.ndarray:
        """Indicator of the canonical k-mer at each start, shape (length - k + 1, dim).

        A skipped k-mer has a row of zeros.
        """
        columns = self._columns(_encode_bases(sequence))
        tokens = np.zeros((len(columns), self.dim))
        known = np.flatnonzero(columns >= 0)
        tokens[known, columns[known]] = 1.0
        return tokens

    def _batches(self, sequences: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
        first, bases = 0, 0
        for number, sequence in enumerate(sequences):
            if bases and bases + len(sequence) > self._chunk:
                yield first, sequences[first:number]
                first, bases = number, 0
            bases += len(sequence)
        if first < len(sequences):
            yield first, sequences[first:]

    def _kmers(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Row (sequence) and column (canonical k-mer) of every k-mer that counts."""
        # A separator that is no base keeps k-mers from spanning two sequences.
        columns = self._columns(_encode_bases("-".join(sequences)))
        lengths = np.array([len(sequence) + 1 for sequence in sequences])
        rows = np.repeat(np.arange(len(sequences)), lengths)[: len(columns)]
        known = columns >= 0
        return rows[known], columns[known]

    def _columns(self, codes: np.ndarray) -> np.ndarray:
        """Canonical k-mer starting at each base, -1 where it holds something unknown."""
        n = max(len(codes) - self.k + 1, 0)
        kmer = np.zeros(n, dtype=np.int64)
        known = np.ones(n, dtype=bool)
        for offset in range(self.k):
            base = codes[offset : offset + n]
            kmer = kmer * 4 + np.maximum(base, 0)
            known &= base >= 0
        return np.where(known, self._canonical[kmer], -1)


_CODE = np.full(256, -1, dtype=np.int8)
for _number, _base in enumerate("ACGT"):
    _CODE[ord(_base)] = _CODE[ord(_base.lower())] = _number


def _encode_bases(text: str) -> np.ndarray:
    return _CODE[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)]
