"""Parameters of the behaviour pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from neurogenomics_kb.foundation.errors import listing
from neurogenomics_kb.foundation.naming import SEPARATOR
from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters


class ScoredGroup(Parameters):
    """A feature group made by instrument cards.

    Attributes
    ----------
    cards : list of str
        Instrument cards.
    scores : {"raw", "z", "t", "standard", "items"}
        Raw scores of the scales, scores by the cards' norms (mean 0 and standard deviation 1, 50
        and 10, 100 and 15), or the items, keyed in one direction.
    """

    cards: list[str] = Field(min_length=1)
    scores: Literal["raw", "z", "t", "standard", "items"] = "raw"


class AgeColumn(Parameters):
    """Where the age at the assessment stands.

    Attributes
    ----------
    column : str
    unit : {"years", "months"}
    """

    column: str
    unit: Literal["years", "months"]


class SexColumn(Parameters):
    """Where sex stands, and what its values mean.

    Attributes
    ----------
    column : str
    levels : dict of str to str
        Value to ``female`` or ``male``.
    """

    column: str
    levels: dict[str, Literal["female", "male"]] = Field(default_factory=dict)


class InstrumentParameters(Parameters):
    """``params:behaviour.instruments``.

    Attributes
    ----------
    id_column : str
        Column, or name of the index, with the subject ids. Tables that were validated against the
        dataset card, such as those of `FieldTablesDataset`, have the index ``subject_id``.
    groups : dict of str to list of str
        Feature group to columns that are features as they are; columns in no group are left out.
    cards : dict of str to ScoredGroup
        Feature group to the instrument cards that score it.
    age : AgeColumn, optional
    sex : SexColumn, optional
        What norms are by; needed for ``z``, ``t`` and ``standard``.
    """

    id_column: str = "participant_id"
    groups: dict[str, list[str]] = Field(default_factory=dict)
    cards: dict[str, ScoredGroup] = Field(default_factory=dict)
    age: AgeColumn | None = None
    sex: SexColumn | None = None

    @field_validator("groups")
    @classmethod
    def _check_groups(cls, groups: dict[str, list[str]]) -> dict[str, list[str]]:
        for name in groups:
            if not name or SEPARATOR in name:
                raise ValueError(f"instrument '{name}' is empty or holds '{SEPARATOR}'")
        items = [item for group in groups.values() for item in group]
        twice = sorted({item for item in items if items.count(item) > 1})
        if twice:
            raise ValueError(f"columns named more than once: {listing(twice)}")
        return groups

    @model_validator(mode="after")
    def _check_cards(self) -> InstrumentParameters:
        for name, group in self.cards.items():
            if not name or SEPARATOR in name:
                raise ValueError(f"group '{name}' is empty or holds '{SEPARATOR}'")
            if name in self.groups:
                raise ValueError(f"group '{name}' is both of columns and of cards")
            if len(set(group.cards)) < len(group.cards):
                raise ValueError(f"group '{name}' names a card twice")
        return self


class BehaviourQuality(QualityParameters):
    """``params:behaviour.quality``.

    Attributes
    ----------
    max_missing_items : int or None
        Largest number of values that may be missing over all groups; None sets no limit, for
        instruments that are prorated or strategies that take gaps.
    max_missing_share : float or None
        Largest share of them.
    """

    max_missing_items: int | None = Field(0, ge=0)
    max_missing_share: float | None = Field(None, ge=0, lt=1)
