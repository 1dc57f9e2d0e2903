"""Score a table of answers by an instrument's specification."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.tables import as_numbers, require_columns, require_numbers


@dataclass(frozen=True)
class Item:
    """One answer: allowed range, numbers that stand for a gap, direction of keying."""

    low: float
    high: float
    missing_codes: tuple[float, ...] = ()
    reverse: bool = False


@dataclass(frozen=True)
class Scale:
    """A score made of items, prorated up to a share of unanswered ones."""

    items: tuple[str, ...]
    score: Literal["sum", "mean"] = "sum"
    max_missing: float = 0.2

    @property
    def may_miss(self) -> int:
        """Largest number of unanswered items with which the scale is still scored."""
        # A fifth of ten items is two of them, whatever binary fractions make of 0.2 * 10.
        return math.floor(self.max_missing * len(self.items) + 1e-9)


@dataclass(frozen=True)
class NormBand:
    """Mean and standard deviation at ages from `start` up to, not including, `end`."""

    start: float
    end: float
    sex: Literal["female", "male", "any"]
    mean: float
    sd: float


@dataclass(frozen=True)
class Instrument:
    """What the columns of a questionnaire or test mean.

    Parameters
    ----------
    name : str
        Name, as the messages and tables have it.
    items : mapping of str to Item
        By column.
    scales : mapping of str to Scale
        Scales by name.
    whole : bool
        Whether answers are whole numbers.
    norms : mapping of str to tuple of NormBand
        By scale.
    age_unit : {"years", "months"}
        Unit of the bands.
    """

    name: str
    items: Mapping[str, Item]
    scales: Mapping[str, Scale]
    whole: bool = True
    norms: Mapping[str, tuple[NormBand, ...]] | None = None
    age_unit: Literal["years", "months"] = "years"

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Instrument:
        """Instrument of a card's ``spec``."""
        norms = spec.get("norms")
        return cls(
            name=spec["name"],
            whole=spec["whole"],
            items={
                name: Item(*item["range"], tuple(item["missing_codes"]), item["reverse"])
                for name, item in spec["items"].items()
            },
            scales={
                name: Scale(tuple(scale["items"]), scale["score"], scale["max_missing"])
                for name, scale in spec["scales"].items()
            },
            norms=norms
            and {
                name: tuple(NormBand(*b["age"], b["sex"], b["mean"], b["sd"]) for b in bands)
                for name, bands in norms["scales"].items()
            },
            age_unit=norms["age_unit"] if norms else "years",
        )

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"instrument '{self.name}'"


def key_items(table: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Answers as numbers, gaps in place of missing codes, all items keyed in one direction.

    Parameters
    ----------
    table : DataFrame (n, …)
        Holds a column for every item.
    instrument : Instrument
        Card of the instrument.

    Returns
    -------
    DataFrame (n, n_items)
        Columns in the order of the instrument.

    Raises
    ------
    InputError
        If a column is missing or holds no numbers, or an answer lies outside the item's range or
        is no whole number where it should be; names instrument, item and count.
    """
    require_columns(table, instrument.items, instrument.where)
    keyed = {}
    for name, item in instrument.items.items():
        require_numbers(table[name], instrument.where, name)
        answers = as_numbers(table[name])
        answers = answers.mask(answers.isin(item.missing_codes))
        outside = (answers < item.low) | (answers > item.high)
        _refuse(answers, outside, f"outside of {item.low:g} to {item.high:g}", instrument, name)
        if instrument.whole:
            _refuse(answers, answers % 1 > 0, "no whole numbers", instrument, name)
        keyed[name] = item.low + item.high - answers if item.reverse else answers
    return pd.DataFrame(keyed, index=table.index)


def _refuse(
    answers: pd.Series, wrong: pd.Series, what: str, instrument: Instrument, item: str
) -> None:
    if wrong.any():
        shown = listing((f"{v:g}" for v in sorted(answers[wrong].unique())), 3)
        raise InputError(
            f"answers are {what}: {shown}",
            file=instrument.where,
            column=item,
            subjects=int(wrong.sum()),
            of=len(answers),
            remedy="Correct them, or list codes of gaps under `missing_codes` of the item.",
        )


def score_scales(keyed: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Raw scores of every scale.

    With k of n items answered, a sum is the answered sum times n / k and a mean the mean of the
    answered ones, as long as n − k is within the scale's `max_missing`; otherwise it is missing.

    Parameters
    ----------
    keyed : DataFrame (n_subjects, n_items)
        From `key_items`.
    instrument : Instrument
        Card of the instrument.

    Returns
    -------
    DataFrame (n_subjects, n_scales)
    """
    scores = {}
    for name, scale in instrument.scales.items():
        answers = keyed[list(scale.items)]
        mean = answers.mean(axis=1).where(unanswered(keyed, scale) <= scale.may_miss)
        scores[name] = mean * len(scale.items) if scale.score == "sum" else mean
    return pd.DataFrame(scores, index=keyed.index, dtype=float)


def unanswered(keyed: pd.DataFrame, scale: Scale) -> pd.Series:
    """Number of the scale's items without an answer."""
    return keyed[list(scale.items)].isna().sum(axis=1)


def count_missing(keyed: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """What is missing on the level of items and of scales.

    Returns
    -------
    DataFrame (n_subjects, 5)
        ``n_items``, ``n_missing_items``, ``n_scales``, ``n_missing_scales`` (too many gaps) and
        ``n_prorated_scales`` (gaps within the rule).
    """
    gaps = {name: unanswered(keyed, scale) for name, scale in instrument.scales.items()}
    lost = {name: gap > instrument.scales[name].may_miss for name, gap in gaps.items()}
    prorated = {name: (gap > 0) & ~lost[name] for name, gap in gaps.items()}
    return pd.DataFrame(
        {
            "n_items": keyed.shape[1],
            "n_missing_items": keyed.isna().sum(axis=1),
            "n_scales": len(gaps),
            "n_missing_scales": _total(lost.values(), keyed.index),
            "n_prorated_scales": _total(prorated.values(), keyed.index),
        },
        index=keyed.index,
    )


def _total(flags: Iterable[pd.Series], index: pd.Index) -> np.ndarray:
    return np.sum([np.zeros(len(index), dtype=int), *(f.to_numpy() for f in flags)], axis=0)
