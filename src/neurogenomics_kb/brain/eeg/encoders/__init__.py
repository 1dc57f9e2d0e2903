"""Segment encoders: seconds of EEG to vectors.

An encoder is described by a mapping with its ``type`` and its options, as on a model card;
`load_segment_encoder` is the one way to get one. A foundation model joins as a function that takes
the spec's options and returns a `NetworkEncoder` (or anything with the same members), entered in
`SEGMENT_ENCODERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from neurogenomics_kb.brain.eeg.encoders.base import SegmentEncoder, embed_segments
from neurogenomics_kb.errors import InputError, listing, nearest

# Where each type is made, "module:name" below this package, or the function itself.
SEGMENT_ENCODERS: dict[str, str | Callable[..., SegmentEncoder]] = {
    "eeg_bandpower": "bandpower:BandPowerEncoder",
}

__all__ = ["SEGMENT_ENCODERS", "SegmentEncoder", "embed_segments", "load_segment_encoder"]


def load_segment_encoder(card_or_spec: Any) -> SegmentEncoder:
    """Make the encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "eeg_bandpower"}``, or something that holds one under ``spec``.

    Raises
    ------
    InputError
        If there is no type, the type is unknown, or it has no such option.

    Examples
    --------
    >>> load_segment_encoder({"type": "eeg_bandpower"}).dim
    65
    """
    spec = getattr(card_or_spec, "spec", card_or_spec)
    known = f"Known types: {listing(sorted(SEGMENT_ENCODERS), len(SEGMENT_ENCODERS))}."
    if not isinstance(spec, Mapping) or "type" not in spec:
        raise InputError(f"an encoder spec needs a 'type', got {spec!r}", remedy=known)
    options = {name: value for name, value in spec.items() if name != "type"}
    make = SEGMENT_ENCODERS.get(spec["type"])
    if make is None:
        raise InputError(
            f"unknown encoder type '{spec['type']}'{nearest(str(spec['type']), SEGMENT_ENCODERS)}",
            column="type",
            remedy=known,
        )
    if isinstance(make, str):
        module, _, name = make.partition(":")
        make = getattr(import_module(f"{__name__}.{module}"), name)
    try:
        return make(**options)
    except TypeError as error:
        raise InputError(
            f"the options {listing(sorted(options))} do not fit encoder type '{spec['type']}' "
            f"({error})",
            remedy="Correct the card's spec.",
        ) from None
