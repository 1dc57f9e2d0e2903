"""Brain encoders: functional runs to vectors.

An encoder is described by a mapping with its ``type`` and its options; `load_brain_encoder` is the
one way to get one, so that a card decides which encoder runs. A laboratory's own class joins by its
place in an installed package, ``type: my_lab.encoders:TinyCNN``.
"""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.brain.encoders.base import BrainEncoder, PreparedRun
from neurogenomics_kb.foundation.encoder_specs import EncoderFamily, read_spec
from neurogenomics_kb.foundation.errors import InputError, listing

# Where each type is made; all import PyTorch, so they are looked up when they are wanted.
BRAIN_ENCODERS = {
    "brainlm": "brainlm:load_brainlm",
    "brain_jepa": "brain_jepa:load_brain_jepa",
    "brain_harmony": "brain_harmony:load_brain_harmony",
    "swift": "swift:load_swift",
}
# Models that cannot be assembled here; what they gave elsewhere is read instead.
IMPORTED = "imported"
GUIDE = "docs/integration/modality_features/brain_encoders.md"
STATED = ("reads", "dim", "names", "framing", "weights_fingerprint")
FAMILY = EncoderFamily(
    "brain encoder",
    BRAIN_ENCODERS,
    __name__,
    members=("prepare", "span", "embed"),
    guide=GUIDE,
)

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
    if read_spec(card_or_spec).get("type") == IMPORTED:
        raise InputError(
            "the embeddings of this model are imported and not computed",
            column="type",
            remedy="Put them below the folder of fmri.embeddings, named after the model card.",
        )
    encoder = FAMILY.make(card_or_spec, **more)
    absent = [name for name in STATED if not hasattr(encoder, name)]
    if absent:
        kind = read_spec(card_or_spec)["type"]
        raise InputError(
            f"'{kind}' does not state {listing(absent)}", column="type", remedy=f"See {GUIDE}."
        )
    return encoder
