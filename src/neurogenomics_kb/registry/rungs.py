"""Rungs of the ladder that an experiment names, and what they are made of."""

from __future__ import annotations

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.registry.cards import AlignmentStrategy, Card, Experiment, unique
from neurogenomics_kb.registry.cards.predictors import Predictor
from neurogenomics_kb.registry.predictors import predictors_of
from neurogenomics_kb.registry.registry import Registry


def rungs_of(
    experiment: Experiment, registry: Registry
) -> tuple[dict[str, AlignmentStrategy], dict[str, Predictor], list[Card]]:
    """Rungs of the ladder, options of the predictors that they are made of, and their cards.

    Parameters
    ----------
    experiment : Experiment
        Its blocks and the cards under `ladder`.
    registry : Registry
        Knowledge base that holds the cards.

    Raises
    ------
    InputError
        If a card is unknown, planned or no rung, or written for blocks that are not here.
    """
    rungs = {name: registry.runnable(name, "alignment") for name in experiment.ladder}
    for name, card in rungs.items():
        absent = [s for s in card.inputs if s not in experiment.blocks.values()]
        if card.rung is None or absent:
            raise InputError(
                f"rung '{name}' is written for {listing(absent)}, which is no block here"
                if absent
                else f"'{name}' is no rung of the ladder",
                file=f"experiment '{experiment.id}'",
                column="ladder",
                remedy="Name those blocks, or another alignment card.",
            )
    names = unique(n for card in rungs.values() for n in card.rung.predictors)
    options, cards = predictors_of(names, registry)
    return rungs, options, [*rungs.values(), *cards]
