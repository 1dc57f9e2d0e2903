"""T1-weighted volumes to vectors.

An encoder is described by a mapping with its ``type`` and its options, as on a model card;
`load_t1_encoder` is the one way to get one. A laboratory's own class joins by its place in an
installed package, ``type: my_lab.encoders:TinyCNN``.
"""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.brain.t1.base import NeuralT1Encoder, T1Encoder
from neurogenomics_kb.brain.t1.grid import GridEncoder
from neurogenomics_kb.foundation.encoder_specs import EncoderFamily

T1_ENCODERS: dict[str, type] = {"t1_grid": GridEncoder}
FAMILY = EncoderFamily(
    "encoder",
    T1_ENCODERS,
    __name__,
    members=("embed",),
    guide="docs/integration/modality_features/smri.md",
)

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
    return FAMILY.make(card_or_spec, **more)
