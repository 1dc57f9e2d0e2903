"""Brain encoders: functional runs to vectors.

An encoder is described by a mapping with its ``type`` and its options; `load_brain_encoder` is the
one way to get one, so that a card decides which encoder runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from neurogenomics_kb.brain.encoders.base import BrainEncoder, PreparedRun
from neurogenomics_kb.errors import InputError, listing, nearest

# Where each type is made; all import PyTorch, so they are looked up when they are wanted.
BRAIN_ENCODERS = {
    "brainlm": "brainlm:load_brainlm",
    "brain_jepa": "brain_jepa:load_brain_jepa",
    "brain_harmony": "brain_harmony:load_brain_harmony",
    "swift": "swift:load_swift",
}
# Models that cannot be assembled here; what they gave elsewhere is read instead.
IMPORTED = "imported"

__all__ = ["BRAIN_ENCODERS", "IMPORTED", "BrainEncoder", "PreparedRun", "load_brain_encoder"]


def load_brain_encoder(card_or_spec: Any, **more: Any) -> BrainEncoder:
    """Make the encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "brainlm", "weights": "vandijklab/brainlm"}``, or something that
        holds one under ``spec`` (an attribute or a key).
    **more
        Options beside the spec's own, such as the pooling that a strategy asks for.

    Raises
    ------
    InputError
        If there is no type, the type is unknown or only imported, it has no such option, or its
        weights are not to be had.
    """
    spec = getattr(card_or_spec, "spec", card_or_spec)
    if isinstance(spec, Mapping) and "spec" in spec:
        spec = spec["spec"]
    known = f"Known types: {listing(sorted(BRAIN_ENCODERS), len(BRAIN_ENCODERS))}."
    if not isinstance(spec, Mapping) or "type" not in spec:
        raise InputError(f"a brain encoder's spec needs a 'type', got {spec!r}", remedy=known)
    if spec["type"] == IMPORTED:
        raise InputError(
            "the embeddings of this model are imported and not computed",
            column="type",
            remedy="Put them below the folder of fmri.embeddings, named after the model card.",
        )
    place = BRAIN_ENCODERS.get(spec["type"])
    if place is None:
        raise InputError(
            f"unknown brain encoder type '{spec['type']}'"
            f"{nearest(str(spec['type']), BRAIN_ENCODERS)}",
            column="type",
            remedy=known,
        )
    options = {name: value for name, value in spec.items() if name != "type"} | more
    module, _, name = place.partition(":")
    make = getattr(import_module(f"{__name__}.{module}"), name)
    try:
        return make(**options)
    except TypeError as error:
        raise InputError(
            f"the options {listing(sorted(options))} do not fit brain encoder type "
            f"'{spec['type']}' ({error})",
            remedy="Correct the card's spec.",
        ) from None
