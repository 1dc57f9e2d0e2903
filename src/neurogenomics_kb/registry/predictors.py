"""Predictor cards that an experiment names, put into it."""

from __future__ import annotations

from neurogenomics_kb.registry.cards import Card, Experiment, PredictorCard
from neurogenomics_kb.registry.cards.predictors import PREDICTORS
from neurogenomics_kb.registry.registry import Registry


def expand_predictors(
    experiment: Experiment, registry: Registry
) -> tuple[Experiment, list[PredictorCard]]:
    """Experiment with the options of the predictor cards that it names, and these cards.

    A card that is called as a type, such as ``linear``, holds the settings of that type for the
    whole knowledge base; without such a card the type has its defaults.

    Parameters
    ----------
    experiment : Experiment
        Its inline predictors stay as they are.
    registry : Registry
        Knowledge base that holds the cards.

    Raises
    ------
    InputError
        If a name is neither a type nor a predictor card, or the card is planned.
    """
    there = registry.ids(PredictorCard.type_name)
    wanted = [
        name
        for name in experiment.algorithms
        if name not in experiment.predictors and (name in there or name not in PREDICTORS)
    ]
    cards: list[Card] = [registry.runnable(name, PredictorCard.type_name) for name in wanted]
    options = {card.id: card.settings for card in cards}
    known = {**experiment.predictors, **options}
    return experiment.model_copy(update={"predictors": known}), cards
