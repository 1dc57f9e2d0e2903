"""What every encoder offers, and what tokens are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from neurogenomics_kb.foundation.errors import InputError, listing

Strand = Literal["invariant", "equivariant", "averaged"]
LETTERS = set("ACGTN")


class Encoder(Protocol):
    """What every encoder offers.

    Attributes
    ----------
    dim : int
        Length of an embedding.
    names : list of str
        Names of the components, all different.
    max_bases : int or None
        Longest sequence that is seen at once; longer ones are cut into overlapping windows.
    strand : {"invariant", "equivariant", "averaged"}
        How the strands are made equal: by construction, by an architecture that was checked at
        loading, or by running both and averaging.
    framing : dict
        Tokenization and pooling, to be recorded with the embeddings.
    """

    dim: int
    names: list[str]
    max_bases: int | None
    strand: Strand
    framing: dict[str, Any]

    def embed(self, sequences: Sequence[str]) -> np.ndarray:
        """Embed each sequence; shape (n_sequences, dim)."""
        ...

    def embed_tokens(self, sequence: str) -> np.ndarray:
        """Embed each token of one sequence; shape (n_tokens, dim)."""
        ...


@dataclass(frozen=True)
class Tokens:
    """A sequence as a model sees it.

    Parameters
    ----------
    ids : ndarray of int, shape (n_tokens,)
        Numbers of the tokens.
    bases : ndarray of int, shape (n_tokens,)
        Bases that each token stands for, 0 for special tokens; they add up to the sequence's
        length, or to less where a tokenizer must leave bases out.
    skipped : int
        Bases at the beginning that no token stands for.
    """

    ids: np.ndarray
    bases: np.ndarray
    skipped: int = 0


def clean(sequence: str, number: int = 0) -> str:
    """Upper-case sequence of A, C, G, T and N.

    Raises
    ------
    InputError
        If the sequence is empty or holds another letter.
    """
    upper = sequence.upper()
    other = sorted(set(upper) - LETTERS)
    if other or not upper:
        raise InputError(
            f"sequence {number} {'holds ' + listing(other) if other else 'is empty'}",
            remedy="Sequences consist of A, C, G, T and N.",
        )
    return upper
