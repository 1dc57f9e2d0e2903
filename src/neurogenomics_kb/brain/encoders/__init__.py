"""Brain encoders: functional runs to vectors.

An encoder is described by a mapping with its ``type`` and its options; `load_brain_encoder` is the
one way to get one, so that a card decides which encoder runs. A laboratory's own class joins by its
place in an installed package, ``type: my_lab.encoders:TinyCNN``.
"""

from __future__ import annotations

import inspect
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
MEMBERS = ("prepare", "span", "embed")
GUIDE = "See docs/integration/modality_features/brain_encoders.md for what an encoder needs."
STATED = ("reads", "dim", "names", "framing", "weights_fingerprint")

__all__ = ["BRAIN_ENCODERS", "IMPORTED", "BrainEncoder", "PreparedRun", "load_brain_encoder"]


def load_brain_encoder(card_or_spec: Any, **more: Any) -> BrainEncoder:
    """Make the encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "brainlm", "weights": "vandijklab/brainlm"}``, or something that
        holds one under ``spec`` (an attribute or a key).
    **more
        Options beside the spec's own, such as the pooling that a strategy asks for; a class of
        one's own gets those that it takes.

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
    kind = str(spec["type"])
    options = {name: value for name, value in spec.items() if name != "type"}
    if kind in BRAIN_ENCODERS:
        module, _, name = BRAIN_ENCODERS[kind].partition(":")
        make, options = getattr(import_module(f"{__name__}.{module}"), name), options | more
    else:
        make = own_class(kind, known)
        taken = inspect.signature(make).parameters
        options |= {name: value for name, value in more.items() if name in taken}
    try:
        encoder = make(**options)
    except TypeError as error:
        raise InputError(
            f"the options {listing(sorted(options))} do not fit brain encoder type '{kind}' "
            f"({error})",
            remedy="Correct the card's spec.",
        ) from None
    absent = [name for name in STATED if not hasattr(encoder, name)]
    if absent:
        raise InputError(f"'{kind}' does not state {listing(absent)}", column="type", remedy=GUIDE)
    return encoder


def own_class(kind: str, known: str) -> type:
    """Encoder class at ``package.module:Class`` of the environment; nothing is downloaded.

    Raises
    ------
    InputError
    """
    module, _, name = kind.partition(":")
    if not name:
        raise InputError(
            f"unknown brain encoder type '{kind}'{nearest(kind, BRAIN_ENCODERS)}",
            column="type",
            remedy=known,
        )
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"there is no '{kind}' ({error})",
            column="type",
            remedy="Install the package that holds the class, or correct the model card.",
        ) from None
    # A card could name any callable; only a class that offers what an encoder does is called.
    if not inspect.isclass(found) or not all(callable(getattr(found, m, None)) for m in MEMBERS):
        raise InputError(
            f"'{kind}' is not a class with the methods {listing(MEMBERS)}",
            column="type",
            remedy=GUIDE,
        )
    return found
