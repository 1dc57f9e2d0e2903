"""Sequence encoders: DNA to vectors.

An encoder is described by a mapping with its ``type`` and its options; `load_encoder` is the one
way to get one, so that a card decides which encoder runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from neurogenomics_kb.errors import InputError, listing, nearest
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
    spec = getattr(card_or_spec, "spec", card_or_spec)
    if isinstance(spec, Mapping) and "spec" in spec:
        spec = spec["spec"]
    known = f"Known types: {listing(sorted(ENCODERS), len(ENCODERS))}."
    if not isinstance(spec, Mapping) or "type" not in spec:
        raise InputError(f"an encoder spec needs a 'type', got {spec!r}", remedy=known)
    options = {name: value for name, value in spec.items() if name != "type"}
    place = ENCODERS.get(spec["type"])
    if place is None:
        raise InputError(
            f"unknown encoder type '{spec['type']}'{nearest(str(spec['type']), ENCODERS)}",
            column="type",
            remedy=known,
        )
    module, _, name = place.partition(":")
    make = getattr(import_module(f"{__name__}.{module}"), name)
    try:
        return make(**options)
    except TypeError as error:
        raise InputError(
            f"the options {listing(sorted(options))} do not fit encoder type '{spec['type']}' "
            f"({error})",
            remedy="Correct the card's spec.",
        ) from None
