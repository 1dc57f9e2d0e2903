"""Cohorts and their tables: what raw columns mean."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from neurogenomics_kb.registry.cards.base import Card, DatasetId, Fact, Identifier, Modality, Strict

# Covariates that a modality's quality control yields; everything else is in the dataset card.
QUALITY_COVARIATES = {
    "missing_call_rate": "genomics",
    "euler_number": "smri",
    "etiv": "smri",
    "mean_fd": "fmri",
    "n_frames": "fmri",
    "n_missing_items": "behaviour",
}


class Column(Strict):
    """A source column: what it is called here, what it may hold.

    Parameters
    ----------
    name : str
        Canonical name.
    type : {"number", "category", "binary", "text"}
    unit : str
    range : tuple of float
        Inclusive; values outside are an error.
    levels : mapping
        Source value to canonical value. For ``binary`` the canonical values are 0 and 1.
    """

    name: str
    type: Literal["number", "category", "binary", "text"] = "number"
    unit: str = ""
    range: tuple[float, float] | None = None
    levels: dict[str, str | int] = {}
    role: Literal["id", "confound", "outcome", "group", "site", "batch", "feature", "other"] = (
        "other"
    )
    description: str = ""

    @field_validator("levels", mode="before")
    @classmethod
    def _text_keys(cls, value):
        if not isinstance(value, dict):
            return value
        for key in value:
            if isinstance(key, bool):
                raise ValueError("quote level names such as 'yes', 'no', 'on', 'off'")
        return {str(k): v for k, v in value.items()}


class Table(Strict):
    """A raw table of a dataset and the columns taken from it."""

    file: str
    id_column: str = "participant_id"
    columns: dict[str, Column] = {}


class DatasetCard(Card):
    """A cohort, a part of one, or a catalogue: licence, size, and what raw columns mean.

    Parameters
    ----------
    kind : {"cohort", "part", "catalogue"}
        A cohort can run; a part describes one source of a cohort (`part_of`); a catalogue lists
        things that are not subjects.
    cohort : str, optional
        Id that environments use; catalogues have none.
    part_of : str, optional
        Dataset card of the cohort. The cohort's run sees the tables of its parts.
    facts : dict of str to Fact
    """

    type_name: ClassVar[str] = "dataset"

    kind: Literal["cohort", "part", "catalogue"] = "cohort"
    cohort: Identifier | None = None
    part_of: DatasetId | None = None
    license: str = ""
    attribution: str = ""
    access: str = ""
    n_subjects: int | None = Field(None, ge=0)
    modalities: list[Modality] = []
    tables: dict[str, Table] = {}
    facts: dict[str, Fact] = {}

    @model_validator(mode="after")
    def _kind_fits(self):
        if (self.kind == "catalogue") != (self.cohort is None):
            raise ValueError("a `cohort` id belongs to every dataset that is not a catalogue")
        if (self.kind == "part") != (self.part_of is not None):
            raise ValueError("kind 'part' and `part_of` belong together")
        return self
