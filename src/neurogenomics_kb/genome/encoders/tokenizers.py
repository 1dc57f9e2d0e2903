"""Tokenizers of the DNA models: one base, six bases, or byte pairs per token, without padding."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.limits import LARGEST_TEXT, read_text, refuse_large
from neurogenomics_kb.genome.encoders.base import Tokens

SIX = 6


class BaseTokenizer:
    """One token per base, with the ids that Caduceus and HyenaDNA share.

    Neither model has an attention mask, so no separator is appended and nothing is padded: a
    separator would also break the symmetry of the strands.
    """

    ids: ClassVar[dict[str, int]] = {"A": 7, "C": 8, "G": 9, "T": 10, "N": 11}
    name = "one base"

    def __call__(self, sequence: str) -> Tokens:
        """Tokens of a clean sequence."""
        ids = np.fromiter((self.ids[base] for base in sequence), np.int64, len(sequence))
        return Tokens(ids, np.ones(len(ids), dtype=np.int64))


class SixMerTokenizer:
    """Non-overlapping 6-mers of GENERator; the first ``length % 6`` bases are left out.

    The model gives an unknown token to whatever does not fill a 6-mer, so its authors trim on the
    left. A 6-mer with N is unknown.
    """

    specials = 32
    unknown, start = 0, 1
    name = "non-overlapping 6-mers, trimmed on the left"

    def __init__(self) -> None:
        kmers = ("".join(letters) for letters in product("ATCG", repeat=SIX))
        self._ids = {kmer: self.specials + i for i, kmer in enumerate(kmers)}
        self.vocabulary = self.specials + len(self._ids)

    def __call__(self, sequence: str) -> Tokens:
        """Tokens of a clean sequence, after a start token."""
        skipped = len(sequence) % SIX
        kmers = [sequence[i : i + SIX] for i in range(skipped, len(sequence), SIX)]
        ids = [self.start, *(self._ids.get(kmer, self.unknown) for kmer in kmers)]
        bases = [0, *[SIX] * len(kmers)]
        return Tokens(np.array(ids), np.array(bases), skipped)


class VocabularyTokenizer:
    """6-mers from the left and single bases for the rest, as in Nucleotide Transformer v2.

    Parameters
    ----------
    file : Path
        ``vocab.txt`` of the checkpoint: one token a line, the id is the line.
    """

    name = "6-mers from the left, single bases for the rest and around N"

    def __init__(self, file: Path) -> None:
        words = read_text(file, "a vocabulary").split()
        self._ids = {word: number for number, word in enumerate(words)}
        self.vocabulary = len(words)
        missing = [w for w in ("<cls>", "A", "C", "G", "T", "N", "AAAAAA") if w not in self._ids]
        if missing:
            raise InputError(
                f"the vocabulary lacks {', '.join(missing)}",
                file=file,
                remedy="Take vocab.txt from the same checkpoint as the weights.",
            )

    def __call__(self, sequence: str) -> Tokens:
        """Tokens of a clean sequence, after the class token."""
        words, position = ["<cls>"], 0
        while position < len(sequence):
            kmer = sequence[position : position + SIX]
            words.append(kmer if len(kmer) == SIX and kmer in self._ids else sequence[position])
            position += len(words[-1])
        bases = [0, *(len(word) for word in words[1:])]
        return Tokens(np.array([self._ids[word] for word in words]), np.array(bases))


class BytePairTokenizer:
    """Byte pairs of DNABERT-2, read from the checkpoint's ``tokenizer.json``."""

    name = "byte pairs"

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        refuse_large(file, LARGEST_TEXT, "a tokenizer")
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise InputError(
                f"the tokenizer cannot be read ({error})",
                file=file,
                remedy="Take tokenizer.json from the same checkpoint as the weights.",
            ) from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.vocabulary = self._tokenizer.get_vocab_size()

    def __call__(self, sequence: str) -> Tokens:
        """Tokens of a clean sequence with the model's special tokens."""
        coded = self._tokenizer.encode(sequence)
        bases = [
            0 if special else end - start
            for (start, end), special in zip(coded.offsets, coded.special_tokens_mask, strict=True)
        ]
        return Tokens(np.array(coded.ids), np.array(bases))
