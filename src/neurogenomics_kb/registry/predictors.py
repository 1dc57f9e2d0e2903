"""Predictor cards that an experiment names, put into it."""

from __future__ import annotations

from collections.abc import Iterable

from neurogenomics_kb.foundation.errors import InputError
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


def lacking_predictors(experiment: Experiment, *, continuous: bool) -> dict[str, str]:
    """Algorithms of an experiment that this machine cannot have, with the reason in one line.

    Parameters
    ----------
    experiment : Experiment
        Its cards put into it, see `expand_predictors`.
    continuous : bool
        Whether the outcome is a score.

    Raises
    ------
    InputError
        If the first one is among them, or one that a primary test names, since verdicts are theirs.
    """
    asked = {
        name: PREDICTORS.why_not(experiment.predictor(name), continuous=continuous)
        for name in experiment.algorithms
    }
    lacking = {name: reason for name, reason in asked.items() if reason is not None}
    named = [getattr(test, "algorithm", None) for test in experiment.primary_tests]
    for name in (experiment.algorithms[0], *named):
        if name in lacking:
            raise InputError(
                f"'{name}', on which verdicts rest, cannot be had here: {lacking[name]}",
                file=f"experiment '{experiment.id}'",
                column="algorithms",
                remedy="Or put another algorithm first and name no primary test of this one; it is "
                "then left out where it is lacking.",
            )
    return lacking
