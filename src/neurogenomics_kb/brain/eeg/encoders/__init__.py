"""Segment encoders: seconds of EEG to vectors.

An encoder is described by a mapping with its ``type`` and its options, as on a model card;
`load_segment_encoder` is the one way to get one. A foundation model joins as a function that takes
the spec's options and returns a `NetworkEncoder` (or anything with the same members), entered in
`SEGMENT_ENCODERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurogenomics_kb.brain.eeg.encoders.base import SegmentEncoder, embed_segments
from neurogenomics_kb.foundation.encoder_specs import EncoderFamily

# Where each type is made, "module:name" below this package, or the function itself.
SEGMENT_ENCODERS: dict[str, str | Callable[..., SegmentEncoder]] = {
    "eeg_bandpower": "bandpower:BandPowerEncoder",
}
FAMILY = EncoderFamily(
    "encoder",
    SEGMENT_ENCODERS,
    __name__,
    members=("embed",),
    guide="docs/integration/modality_features/eeg.md",
)

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
    return FAMILY.make(card_or_spec)
