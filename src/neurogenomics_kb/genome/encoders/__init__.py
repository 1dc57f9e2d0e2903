"""Sequence encoders: DNA to vectors.

An encoder is described by a mapping with its ``type`` and its options; `load_encoder` is the one
way to get one, so that a card decides which encoder runs.
"""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.foundation.encoder_specs import EncoderFamily
from neurogenomics_kb.genome.encoders.base import Encoder
from neurogenomics_kb.genome.encoders.kmer import KmerEncoder

# Where each type is made; neural ones import PyTorch, so they are looked up when they are wanted.
ENCODERS = {
    "kmer": "kmer:KmerEncoder",
    "caduceus": "caduceus:load_caduceus",
    "dnabert2": "dnabert2:load_dnabert2",
    "hyenadna": "hyenadna:load_hyenadna",
    "generator": "generator:load_generator",
    "nucleotide_transformer": "nucleotide_transformer:load_nucleotide_transformer",
    "evo2": "evo2:load_evo2",
}
FAMILY = EncoderFamily(
    "encoder",
    ENCODERS,
    __name__,
    members=("embed", "embed_tokens"),
    guide="docs/integration/modality_features/genomics.md",
)

__all__ = ["ENCODERS", "Encoder", "KmerEncoder", "load_encoder"]


def load_encoder(card_or_spec: Any) -> Encoder:
    """Make the encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "kmer", "k": 4}``, or something that holds one under ``spec``
        (an attribute or a key).

    Raises
    ------
    InputError
        If there is no type, the type is unknown, it has no such option, or its weights are not
        to be had.

    Examples
    --------
    >>> load_encoder({"type": "kmer", "k": 1}).embed(["AACG"])
    array([[0.5, 0.5]])
    """
    return FAMILY.make(card_or_spec)
