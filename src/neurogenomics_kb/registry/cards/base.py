"""What all cards share: strictness, sources, references to other cards, the content hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from neurogenomics_kb.registry.cards.sources import require_pinned

# Raised when a field changes its meaning; cards written for a later one are refused.
SCHEMA_VERSION = 1
# What explains a card without changing what runs.
PROSE = {"title", "notes", "sources", "status", "reason", "schema_version"}

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=120)]
Modality = Literal["genomics", "smri", "dmri", "fmri", "eeg", "behaviour", "clinical"]
Status = Literal["ready", "planned"]


@dataclass(frozen=True)
class Reference:
    """Mark of a field that holds the id of another card."""

    kind: str


class Cited:
    """Mark of a field that says where something stands."""


Source = Annotated[str, Field(min_length=3), AfterValidator(require_pinned), Cited()]

AlignmentId = Annotated[Identifier, Reference("alignment")]
ConfoundSetId = Annotated[Identifier, Reference("confound_set")]
DatasetId = Annotated[Identifier, Reference("dataset")]
GeneSetId = Annotated[Identifier, Reference("gene_set")]
FusionId = Annotated[Identifier, Reference("fusion")]
HarmonizationId = Annotated[Identifier, Reference("harmonization")]
ModelId = Annotated[Identifier, Reference("model")]
PaperId = Annotated[Identifier, Reference("paper")]
PreprocessingId = Annotated[Identifier, Reference("preprocessing")]
ResultId = Annotated[Identifier, Reference("result")]
TextSetId = Annotated[Identifier, Reference("text_set")]
StrategyId = Annotated[Identifier, Reference("embedding_strategy")]


class Strict(BaseModel):
    """Base of everything on a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(Strict):
    """A statement and where it stands.

    Parameters
    ----------
    value : str, number, bool or list
        What is stated.
    source : str
        DOI, arXiv id, documentation page, or file of a repository with its commit.
    verified : bool
        Whether it was looked up in the primary source for this card.
    note : str
        Conditions, or where sources disagree.
    """

    value: str | int | float | bool | list[str | int | float]
    source: Source
    verified: bool = False
    note: str = ""


class Card(Strict):
    """What every card has.

    Parameters
    ----------
    id : str
        Unique over the knowledge base.
    title : str
        Title for a reader.
    status : {"ready", "planned"}
        A planned card cannot run; `reason` says why.
    sources : list of str
        Where its facts come from: DOI, file of a repository with its commit, documentation page.
    schema_version : int
        Version of the card format that it was written for.

    Attributes
    ----------
    type_name : str
        Name of the type in references and commands.
    place : str
        Where the type lives below the knowledge base: a folder with a card per file, or one YAML
        file with many cards by id; empty for experiments, which are run configurations.
    heading : str
        Title of the type's page in the catalogue.
    skeleton : dict
        A card that is valid with an id, which a new card starts from.
    """

    type_name: ClassVar[str] = "card"
    place: ClassVar[str] = ""
    heading: ClassVar[str] = ""
    skeleton: ClassVar[dict[str, Any]] = {}
    # Fields whose content `resolved` takes in (as pydantic's `exclude` has it).
    taken_in: ClassVar[dict[str, Any]] = {}

    id: Identifier
    title: str = ""
    status: Status = "ready"
    reason: str = ""
    sources: list[Source] = []
    notes: str = ""
    schema_version: int = Field(SCHEMA_VERSION, ge=1)

    @field_validator("schema_version")
    @classmethod
    def _known_schema(cls, value):
        if value > SCHEMA_VERSION:
            raise ValueError(
                f"the card is written for version {value} of the format, this program knows "
                f"{SCHEMA_VERSION}; update the program"
            )
        return value

    @model_validator(mode="after")
    def _planned_says_why(self):
        if self.status == "planned" and not self.reason:
            raise ValueError("a planned card needs a `reason`")
        return self

    @property
    def content_hash(self) -> str:
        """Fingerprint of what the card says, without prose and status.

        Fields that have their default are left out, so a new optional field of the format changes
        no hash. It is taken of what a card says when all is filled in that it takes from others
        (`resolved`), not of the names of those: whether a list of confounds stands on a strategy or
        on a set that it names makes no difference, and a changed set changes the hash.
        """
        text = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def content(self) -> dict[str, Any]:
        """What the hash is taken of."""
        left_out = {**dict.fromkeys(PROSE, True), **self.taken_in}
        return self.model_dump(mode="json", exclude=left_out, exclude_defaults=True)

    def resolved(self, card_of: Callable[[str, str], Card]) -> Card:
        """The card with what it takes from other cards filled in; most cards take nothing.

        Parameters
        ----------
        card_of : callable
            Gives the resolved card of an id and a type.

        Raises
        ------
        InputError
            If there is no such card.
        ValueError
            If the parts do not fit together.
        """
        return self

    def references(self) -> Iterator[tuple[tuple, str, str]]:
        """Every id of another card: its place on this card, the kind it must be of, the id."""
        for place, mark, value in _marked_in(self, (), Reference):
            yield place, mark.kind, value

    def cited(self) -> Iterator[tuple[tuple, str]]:
        """Every source: its place on this card, and what it says."""
        for place, _, value in _marked_in(self, (), Cited):
            yield place, value


def _marked_in(model: BaseModel, place: tuple, kind: type) -> Iterator[tuple[tuple, Any, str]]:
    for name, info in type(model).model_fields.items():
        annotation = info.annotation
        for mark in info.metadata:
            if isinstance(mark, kind):
                annotation = Annotated[annotation, mark]
        yield from _walk(annotation, getattr(model, name), (*place, name), kind)


def _walk(
    annotation: Any, value: Any, place: tuple, kind: type
) -> Iterator[tuple[tuple, Any, str]]:
    origin = get_origin(annotation)
    if value is None:
        return
    if isinstance(value, BaseModel):
        yield from _marked_in(value, place, kind)
    elif origin is Annotated:
        marks = [m for m in annotation.__metadata__ if isinstance(m, kind)]
        if marks:
            yield place, marks[-1], str(value)
        else:
            yield from _walk(get_args(annotation)[0], value, place, kind)
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            if not (get_origin(option) is list) ^ isinstance(value, list):
                yield from _walk(option, value, place, kind)
    elif isinstance(value, list):
        inner = (get_args(annotation) or (Any,))[0]
        for i, item in enumerate(value):
            yield from _walk(inner, item, (*place, i), kind)
    elif isinstance(value, dict):
        inner = (get_args(annotation) or (Any, Any))[1]
        for key, item in value.items():
            yield from _walk(inner, item, (*place, key), kind)


def unique(items) -> list:
    """Items in order of first appearance."""
    return list(dict.fromkeys(items))


def is_versioned(card_id: str) -> bool:
    """Whether an id ends in ``_v<number>``, so that its card may not change once published."""
    return re.search(r"_v\d+$", card_id) is not None
