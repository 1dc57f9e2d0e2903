"""Choices by name: one dictionary per choice, whose unknown names are refused.

A choice whose ways of doing it have settings holds a `Part` for each: the options model, which has
only the fields that this way reads, and the builder. Cards hold options in fields of the type
``Annotated[Base, PARTS.field]``, which accepts what the dictionary holds when a card is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from operator import or_
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import core_schema

from neurogenomics_kb.foundation.errors import InputError, listing, nearest

T = TypeVar("T")


class Choices(dict[str, T], Generic[T]):
    """A dictionary that names what it holds when it is asked for something else.

    Parameters
    ----------
    what : str
        Name of the choice in messages, such as ``predictor``.
    known : mapping of str
        What there is, by name; more is added as to any dictionary.

    Examples
    --------
    >>> signs = Choices("sign", {"plus": 1, "minus": -1})
    >>> signs["minus"]
    -1
    >>> signs["minsu"]
    Traceback (most recent call last):
    ...
    neurogenomics_kb.foundation.errors.InputError: there is no sign 'minsu', did you mean 'minus'? \
Known: plus, minus.
    """

    def __init__(self, what: str, known: Mapping[str, T]) -> None:
        super().__init__(known)
        self.what = what

    def __missing__(self, name: str) -> T:
        raise InputError(
            f"there is no {self.what} '{name}'{nearest(str(name), self)}",
            remedy=f"Known: {listing(self, len(self))}.",
        )

    def __setitem__(self, name: str, item: T) -> None:
        if name in self and self[name] is not item:
            raise ValueError(f"{self.what} '{name}' is there already; choose another name")
        super().__setitem__(name, item)


@dataclass(frozen=True)
class Part:
    """One way of doing something that cards can choose.

    Parameters
    ----------
    options : type of BaseModel
        Its settings; the field that names the way is a Literal of one name.
    builder : str or callable
        Takes the options, and what else the choice hands to builders. ``package.module:name`` is
        imported when it is wanted, so that reading a card loads no numerical library.
    lacking : str or callable, optional
        For what a machine may lack, such as an optional package or weights: takes what the builder
        does and says in one line why it cannot be had here, or None. Named as the builder is.
    """

    options: type[BaseModel]
    builder: str | Callable[..., Any]
    lacking: str | Callable[..., str | None] | None = None

    def build(self, options: BaseModel, *args: Any, **context: Any) -> Any:
        """Call the builder with the options and the context of the choice."""
        return _imported(self.builder)(options, *args, **context)

    def why_not(self, options: BaseModel, *args: Any, **context: Any) -> str | None:
        """Why this machine cannot have it, in one line; None where it can."""
        return None if self.lacking is None else _imported(self.lacking)(options, *args, **context)


def _imported(function: str | Callable[..., Any]) -> Callable[..., Any]:
    """What ``package.module:name`` names, or the function itself."""
    if not isinstance(function, str):
        return function
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)


class Parts(Choices[Part]):
    """A choice among parts with options, for fields of cards and for those who build from them.

    Parameters
    ----------
    what : str
        Name of the choice in messages, such as ``preprocessing step``.
    tag : str
        Field of the options that holds the name, such as ``step``.
    known : mapping of str to Part
        The dictionary; a line more is one way more.
    """

    def __init__(self, what: str, tag: str, known: Mapping[str, Part]) -> None:
        super().__init__(what, known)
        self.tag = tag
        self._adapter: tuple[tuple, TypeAdapter] | None = None

    def build(self, options: BaseModel, *args: Any, **context: Any) -> Any:
        """Build what options describe.

        Parameters
        ----------
        options : BaseModel
            Options of one of the parts.
        *args, **context
            What this choice hands to every builder.

        Raises
        ------
        InputError
            If no part has the name that the options bear.
        """
        return self[getattr(options, self.tag)].build(options, *args, **context)

    def why_not(self, options: BaseModel, *args: Any, **context: Any) -> str | None:
        """Why this machine cannot have what options describe; None where it can.

        Parameters
        ----------
        options : BaseModel
            Options of one of the parts.
        *args, **context
            What this choice hands to every builder, as far as the part asks for it.
        """
        return self[getattr(options, self.tag)].why_not(options, *args, **context)

    def validate(self, value: Any) -> BaseModel:
        """Options from a mapping, or options as they are.

        Raises
        ------
        InputError
            If no part has the name.
        pydantic.ValidationError
            If a setting is wrong, below the name of the part as for any discriminated union.
        """
        name = value.get(self.tag) if isinstance(value, Mapping) else None
        if isinstance(name, str):
            self[name]  # an unknown one is refused with the nearest, which pydantic does not name
        return self._union.validate_python(value)

    @property
    def field(self) -> _OptionsField:
        """Mark of a pydantic field that holds the options of one of the parts."""
        return _OptionsField(self)

    @property
    def name_field(self) -> _NameField:
        """Mark of a field that holds a name, where its options have defaults, or the options."""
        return _NameField(self)

    def options(self, name_or_options: str | BaseModel) -> BaseModel:
        """Options as they are, or those that a name has by default.

        Raises
        ------
        InputError
            If no part has this name.
        """
        if isinstance(name_or_options, str):
            part = self[name_or_options]
            return part.options.model_validate({self.tag: name_or_options})
        return name_or_options

    @property
    def _union(self) -> TypeAdapter:
        # Rebuilt when a part was added, which is seldom; asked for at every card.
        models = tuple(part.options for part in self.values())
        if self._adapter is None or self._adapter[0] != models:
            union: Any = reduce(or_, models)
            if len(models) > 1:
                union = Annotated[union, Field(discriminator=self.tag)]
            self._adapter = models, TypeAdapter(union)
        return self._adapter[1]


class _OptionsField:
    """Lets pydantic ask the dictionary at validation, instead of a union that is closed early."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parts.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(self.parts._union.core_schema)


class _NameField(_OptionsField):
    """As `_OptionsField`, for fields in which a name alone stays a name."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def _read(self, value: Any) -> str | BaseModel:
        if isinstance(value, str):
            self.parts.validate({self.parts.tag: value})
            return value
        return self.parts.validate(value)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        options = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [{"enum": list(self.parts), "type": "string"}, options]}


def refuse_unknown(what: str, value: Any, known: Collection[Any]) -> None:
    """Refuse a setting that is none of a few fixed words.

    Parameters
    ----------
    what : str
        Name of the setting, such as ``rotation``.
    value : object
        What was given.
    known : collection
        The words.

    Raises
    ------
    InputError
        With the known ones.
    """
    if value not in known:
        near = nearest(str(value), known)
        raise InputError(
            f"{what}={value!r} is not one of {listing(known, len(known))}{near}",
            remedy="Use one of them.",
        )
