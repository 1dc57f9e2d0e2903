"""Parameters of the behaviour pipeline."""

from __future__ import annotations

from pydantic import Field, field_validator

from neurogenomics_kb.errors import listing
from neurogenomics_kb.naming import SEPARATOR
from neurogenomics_kb.pipelines.quality import Parameters, QualityParameters


class InstrumentParameters(Parameters):
    """``params:behaviour.instruments``.

    Attributes
    ----------
    id_column : str
        Column with the subject ids.
    groups : dict of str to list of str
        Instrument to its columns; columns in no group are left out.
    """

    id_column: str = "participant_id"
    groups: dict[str, list[str]] = Field(default_factory=dict)

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


class BehaviourQuality(QualityParameters):
    """``params:behaviour.quality``.

    Attributes
    ----------
    max_missing_items : int
        Largest number of values that may be missing over all groups.
    """

    max_missing_items: int = Field(0, ge=0)
