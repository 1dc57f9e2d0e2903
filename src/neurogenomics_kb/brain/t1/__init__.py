"""T1-weighted volumes to vectors.

An encoder is described by a mapping with its ``type`` and its options, as on a model card;
`load_t1_encoder` is the one way to get one. A laboratory's own class joins by its place in an
installed package, ``type: my_lab.encoders:TinyCNN``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from neurogenomics_kb.brain.t1.base import NeuralT1Encoder, T1Encoder
from neurogenomics_kb.brain.t1.grid import GridEncoder
from neurogenomics_kb.errors import InputError, listing, nearest

T1_ENCODERS: dict[str, type] = {"t1_grid": GridEncoder}
MEMBERS = ("embed",)

__all__ = ["T1_ENCODERS", "GridEncoder", "NeuralT1Encoder", "T1Encoder", "load_t1_encoder"]


def load_t1_encoder(card_or_spec: Any, **more: Any) -> T1Encoder:
    """Make the encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "t1_grid"}``, or something that holds one under ``spec``.
    **more
        Options beside the spec's own (``device``, ``batch``), given to encoders that take them.

    Raises
    ------
    InputError
        If there is no type, the type is unknown or is not the place of an encoder class, or it has
        no such option.

    Examples
    --------
    >>> load_t1_encoder({"type": "t1_grid", "block": 32}).dim
    150
    """
    spec = getattr(card_or_spec, "spec", card_or_spec)
    known = f"Known types: {listing(sorted(T1_ENCODERS))}, or package.module:Class."
    if not isinstance(spec, Mapping) or "type" not in spec:
        raise InputError(f"an encoder spec needs a 'type', got {spec!r}", remedy=known)
    kind = str(spec["type"])
    options = {name: value for name, value in spec.items() if name != "type"}
    make = T1_ENCODERS.get(kind) or imported_class(kind, known)
    accepted = inspect.signature(make).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    options |= {name: value for name, value in more.items() if takes_all or name in accepted}
    try:
        return make(**options)
    except TypeError as error:
        raise InputError(
            f"the options {listing(sorted(options))} do not fit encoder type '{kind}' ({error})",
            remedy="Correct the card's spec.",
        ) from None


def imported_class(kind: str, known: str) -> type:
    """Encoder class at ``package.module:Class`` of the environment; nothing is downloaded.

    Raises
    ------
    InputError
    """
    module, _, name = kind.partition(":")
    if not name:
        raise InputError(
            f"unknown encoder type '{kind}'{nearest(kind, T1_ENCODERS)}",
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
            f"'{kind}' is not a class with a method embed",
            column="type",
            remedy="See docs/integration/modality_features/smri.md for what an encoder needs.",
        )
    return found
