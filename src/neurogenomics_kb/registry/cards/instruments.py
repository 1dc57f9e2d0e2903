"""Questionnaires and tests: how answers become scores."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.registry.cards.base import Card, PaperId, Source, Strict

Informant = Literal["self", "parent", "teacher", "clinician", "performance"]


class Item(Strict):
    """One answer; what is not said here is as the card says for all items.

    Parameters
    ----------
    range : tuple of float, optional
        Smallest and largest answer, both allowed.
    missing_codes : list of float, optional
        Numbers that stand for a gap.
    reverse : bool
        Keyed the other way round: an answer x counts as smallest + largest − x.
    """

    range: tuple[float, float] | None = None
    missing_codes: list[float] | None = None
    reverse: bool = False


class Scale(Strict):
    """A score made of items.

    Parameters
    ----------
    items : list of str, or "all"
        Items of the scale. Default all.
    score : {"sum", "mean"}
        How items become a score. Default sum.
    max_missing : float
        Largest share of unanswered items; up to it the score is prorated from the answered ones,
        above it the score is missing. 0 never prorates.
    """

    items: list[str] | Literal["all"] = "all"
    score: Literal["sum", "mean"] = "sum"
    max_missing: float = Field(0.2, ge=0, lt=1)


class NormBand(Strict):
    """Mean and standard deviation of a scale in a group of the norm sample.

    Parameters
    ----------
    age : tuple of float
        From the first age on, up to but not including the second.
    sex : {"female", "male", "any"}
        Whom the band is of. Default any.
    mean, sd : float
        Mean and standard deviation of the norm sample.
    n : int, optional
        People in the group.
    """

    age: tuple[float, float]
    sex: Literal["female", "male", "any"] = "any"
    mean: float
    sd: float = Field(gt=0)
    n: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _ages_are_ordered(self):
        if not self.age[0] < self.age[1]:
            raise ValueError(f"age {list(self.age)} is empty: the second is not included")
        return self


class NormTable(Strict):
    """Norms by age and sex.

    Parameters
    ----------
    source : str
        Where the numbers come from. Published tables are usually protected: supply your own.
    age_unit : {"years", "months"}
        Unit of the bands.
    scales : dict of str to list of NormBand
        Bands of every scale.
    """

    source: Source
    age_unit: Literal["years", "months"] = "years"
    scales: dict[str, list[NormBand]] = Field(min_length=1)


class Instrument(Card):
    """How the columns of a questionnaire or test become scores; it never holds wordings.

    Parameters
    ----------
    informant : {"self", "parent", "teacher", "clinician", "performance"}
        Who answers. Default self.
    license : str
        What may be done with the instrument, and who owns it.
    items : dict of str to Item
        By column of the table.
    range, missing_codes : optional
        Of all items that state none themselves.
    whole : bool
        Whether answers are whole numbers.
    scales : dict of str to Scale
        Scales by name.
    norms : NormTable, optional
        From raw to standard scores.
    paper : str, optional
        Paper card of the instrument.
    """

    type_name: ClassVar[str] = "instrument"
    place: ClassVar[str] = "instruments"
    heading: ClassVar[str] = "Instruments"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "informant": "parent",
        "license": "…",
        "range": [0, 3],
        "missing_codes": [9],
        "items": {"q1": {}, "q2": {"reverse": True}, "q3": {}},
        "scales": {"total": {"items": "all", "score": "sum", "max_missing": 0.2}},
    }

    informant: Informant = "self"
    license: str = ""
    items: dict[str, Item] = {}
    range: tuple[float, float] | None = None
    missing_codes: list[float] = []
    whole: bool = True
    scales: dict[str, Scale] = {}
    norms: NormTable | None = None
    paper: PaperId | None = None

    @model_validator(mode="after")
    def _is_complete(self):
        if self.status == "ready" and not (self.items and self.scales and self.license):
            raise ValueError(
                "name `items`, `scales` and the `license`, or set status: planned with the reason"
            )
        for name in [*self.items, *self.scales]:
            if not name or SEPARATOR in name:
                raise ValueError(f"'{name}' is empty or holds '{SEPARATOR}'")
        for name, item in self.items.items():
            self._check_item(name, item)
        for name, scale in self.scales.items():
            _check_scale(name, scale, self.items)
        return self

    def _check_item(self, name: str, item: Item) -> None:
        limits = item.range or self.range
        if limits is None:
            raise ValueError(f"item '{name}' has no `range`, and the card has none for all items")
        low, high = limits
        if not low < high:
            raise ValueError(f"item '{name}': range {[low, high]} is empty")
        codes = self.missing_codes if item.missing_codes is None else item.missing_codes
        inside = [code for code in codes if low <= code <= high]
        if inside:
            raise ValueError(
                f"item '{name}': missing code {inside[0]:g} is an answer within {low:g} to {high:g}"
            )

    @model_validator(mode="after")
    def _norms_fit(self):
        for scale, bands in (self.norms.scales if self.norms else {}).items():
            if scale not in self.scales:
                raise ValueError(f"norms of '{scale}', which is no scale of the card")
            for a, b in itertools.combinations(bands, 2):
                meets = a.age[0] < b.age[1] and b.age[0] < a.age[1]
                if meets and (a.sex == b.sex or "any" in (a.sex, b.sex)):
                    raise ValueError(
                        f"norms of '{scale}': bands {list(a.age)} and {list(b.age)} overlap"
                    )
        return self

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that scoring needs, defaults filled in."""
        names = list(self.items)
        return {
            "name": self.id,
            "whole": self.whole,
            "items": {
                name: {
                    "range": list(item.range or self.range),
                    "missing_codes": list(
                        self.missing_codes if item.missing_codes is None else item.missing_codes
                    ),
                    "reverse": item.reverse,
                }
                for name, item in self.items.items()
            },
            "scales": {
                name: {
                    "items": names if scale.items == "all" else list(scale.items),
                    "score": scale.score,
                    "max_missing": scale.max_missing,
                }
                for name, scale in self.scales.items()
            },
            "norms": self.norms.model_dump(mode="json") if self.norms else None,
        }


def _check_scale(name: str, scale: Scale, items: dict[str, Item]) -> None:
    if scale.items == "all":
        return
    if not scale.items:
        raise ValueError(f"scale '{name}' has no items")
    unknown = [item for item in scale.items if item not in items]
    if unknown:
        raise ValueError(f"scale '{name}' names item '{unknown[0]}', which the card lacks")
    if len(set(scale.items)) < len(scale.items):
        raise ValueError(f"scale '{name}' names an item twice")
