"""Look up what the bridges to language of an experiment are made of."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.registry.cards import Card, Experiment, unique
from neurogenomics_kb.registry.registry import Registry


def bridges_of(experiment: Experiment, registry: Registry) -> tuple[dict[str, Any], list[Card]]:
    """Bridges of an experiment, their texts, the specs of their encoders, and all these cards.

    The first three are fields of a `Recipe`.

    Parameters
    ----------
    experiment : Experiment
        Names the bridges.
    registry : Registry
        The knowledge base.

    Raises
    ------
    InputError
        If a card is unknown, planned or no bridge, or written for blocks of which none is here.
    """
    bridges = {name: registry.runnable(name, "alignment") for name in experiment.bridges}
    for name, card in bridges.items():
        absent = card.inputs and not set(card.inputs) & set(experiment.blocks.values())
        if card.bridge is None or absent:
            raise InputError(
                f"bridge '{name}' is written for {listing(card.inputs)}, none of which is a block "
                "here"
                if absent
                else f"'{name}' is no bridge to language",
                file=f"experiment '{experiment.id}'",
                column="bridges",
                remedy="Name one of those blocks, or an alignment card of stage language_bridge.",
            )
    texts = {
        name: registry.runnable(name, "text_set")
        for name in unique(t for card in bridges.values() for t in card.bridge.texts)
    }
    encoders = {
        name: registry.runnable(name, "model")
        for name in unique(card.bridge.encoder for card in bridges.values())
    }
    fields = {
        "bridges": bridges,
        "bridge_texts": texts,
        "bridge_encoders": {name: card.spec for name, card in encoders.items()},
    }
    return fields, [*bridges.values(), *texts.values(), *encoders.values()]
