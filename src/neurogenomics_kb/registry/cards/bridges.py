"""What a bridge to language is made of."""

from __future__ import annotations

from pydantic import Field

from neurogenomics_kb.registry.cards.base import ModelId, Strict, TextSetId


class Bridge(Strict):
    """A frozen text encoder and the texts that it reads.

    Parameters
    ----------
    encoder : str
        Model card of a text encoder, whose spec says where its weights lie.
    texts : list of str
        Text sets; a block is described by those of its modality.
    """

    encoder: ModelId
    texts: list[TextSetId] = Field(min_length=1)
