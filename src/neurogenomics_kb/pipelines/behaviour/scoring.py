"""Instrument cards applied to a cohort's table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from neurogenomics_kb.behaviour.instruments import (
    Instrument,
    count_missing,
    key_items,
    score_scales,
)
from neurogenomics_kb.behaviour.norms import count_outside_norms, standardize
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.foundation.naming import feature_name
from neurogenomics_kb.foundation.tables import (
    as_numbers,
    level_text,
    require_columns,
    require_numbers,
)
from neurogenomics_kb.pipelines.behaviour.parameters import InstrumentParameters, ScoredGroup
from neurogenomics_kb.registry import Registry

COUNTS = ["n_items", "n_missing_items", "n_scales", "n_missing_scales", "n_prorated_scales"]
OUTSIDE = "n_outside_norms"


def read_cards(registry: Registry, groups: Iterable[ScoredGroup]) -> dict[str, Instrument]:
    """Instruments that the parameters name, by card.

    Raises
    ------
    InputError
        If a card is unknown, planned or of another type.
    """
    named = dict.fromkeys(card for group in groups for card in group.cards)
    return {
        card: Instrument.from_spec(registry.runnable(card, "instrument").spec) for card in named
    }


def score_groups(
    table: pd.DataFrame, cards: dict[str, Instrument], parameters: InstrumentParameters, file: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of every group of instruments, and what is missing.

    Parameters
    ----------
    table : DataFrame
        Indexed by subject.
    cards : dict of str to Instrument
        Instrument cards by id.
    parameters : InstrumentParameters
        Which columns and cards are scored.
    file : str
        For messages.

    Returns
    -------
    features : DataFrame
        ``behaviour__<group>__<card>.<scale>``, or ``behaviour__<group>__<item>``.
    missing : DataFrame
        `COUNTS` over all instruments, and the number of scores for which no norm fitted.
    """
    keyed = {card: key_items(table, instrument) for card, instrument in cards.items()}
    raw = {card: score_scales(keyed[card], instrument) for card, instrument in cards.items()}
    missing = sum(
        (count_missing(keyed[card], instrument) for card, instrument in cards.items()),
        start=pd.DataFrame(0, index=table.index, columns=COUNTS),
    )
    missing[OUTSIDE] = 0
    features = {}
    for name, group in parameters.cards.items():
        for card in group.cards:
            if group.scores == "items":
                found, prefix = keyed[card], ""
            elif group.scores == "raw":
                found, prefix = raw[card], f"{card}."
            else:
                age, sex = _people(table, parameters, file)
                found, prefix = standardize(
                    raw[card], cards[card], age=age, sex=sex,
                    age_unit=parameters.age.unit, metric=group.scores,
                ), f"{card}."  # fmt: skip
                missing[OUTSIDE] += count_outside_norms(raw[card], found)
            for unit in found:
                features[feature_name("behaviour", name, f"{prefix}{unit}")] = found[unit]
    return pd.DataFrame(features, index=table.index), missing


def _people(
    table: pd.DataFrame, parameters: InstrumentParameters, file: str
) -> tuple[pd.Series, pd.Series | None]:
    """Age, and sex as female and male, of the table's rows."""
    if parameters.age is None:
        raise InputError(
            "standard scores need ages, and no column of them is named",
            column="behaviour.instruments.age",
            remedy="Name it, as {column: age, unit: years}, or ask for raw scores.",
        )
    require_columns(table, [parameters.age.column], file)
    age = table[parameters.age.column]
    require_numbers(age, file, parameters.age.column)
    age = as_numbers(age)
    if parameters.sex is None:
        return age, None
    require_columns(table, [parameters.sex.column], file)
    sex = table[parameters.sex.column]
    return age, sex.map(lambda value: parameters.sex.levels.get(level_text(value), value))
