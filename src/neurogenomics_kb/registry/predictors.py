"""Predictor cards that an experiment names, put into it."""

from __future__ import annotations

from collections.abc import Iterable

from neurogenomics_kb.registry.cards import Experiment, PredictorCard
from neurogenomics_kb.registry.cards.predictors import PREDICTORS, PredictorOptions
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
    named = [name for name in experiment.algorithms if name not in experiment.predictors]
    options, cards = predictors_of(named, registry)
    stated = {card.id: options[card.id] for card in cards}
    known = {**experiment.predictors, **stated}
    return experiment.model_copy(update={"predictors": known}), cards


def predictors_of(
    names: Iterable[str], registry: Registry
) -> tuple[dict[str, PredictorOptions], list[PredictorCard]]:
    """Options of predictors by name, and the cards that hold them.

    Parameters
    ----------
    names : iterable of str
        Types or predictor cards; of one name the card comes first.
    registry : Registry
        Knowledge base that holds the cards.

    Raises
    ------
    InputError
        If a name is neither a type nor a predictor card, or the card is planned.
    """
    there, options, cards = registry.ids(PredictorCard.type_name), {}, []
    for name in names:
        if name in PREDICTORS and name not in there:
            options[name] = PREDICTORS.options(name)
            continue
        cards.append(registry.runnable(name, PredictorCard.type_name))
        options[name] = cards[-1].settings
    return options, cards
