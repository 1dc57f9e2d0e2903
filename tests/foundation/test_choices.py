from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from neurogenomics_kb.foundation.choices import Choices, Part, Parts, refuse_unknown
from neurogenomics_kb.foundation.errors import InputError


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Square(Shape):
    type: Literal["square"]
    side: int = Field(1, ge=1)


class Circle(Shape):
    type: Literal["circle"]
    radius: float = 2.0


class Dot(Shape):
    type: Literal["dot"]


def area_of_circle(options: Circle, *, pi: float) -> float:
    return pi * options.radius**2


SHAPES = Parts(
    "shape",
    "type",
    {
        "square": Part(Square, lambda options, *, pi: options.side**2),
        "circle": Part(Circle, f"{__name__}:area_of_circle"),
    },
)


class Drawing(BaseModel):
    first: Annotated[Shape, SHAPES.field]
    others: dict[str, Annotated[Shape, SHAPES.field]] = {}
    outline: Annotated[str | Shape, SHAPES.name_field] = "circle"


def test_builders_are_called_or_imported_and_called():
    assert SHAPES.build(Square(type="square", side=3), pi=3) == 9
    assert SHAPES.build(SHAPES.options("circle"), pi=3) == 12


def test_fields_keep_their_class_through_plain_data():
    drawing = Drawing(
        first={"type": "square", "side": 2},
        others={"a": Circle(type="circle", radius=1)},
        outline={"type": "square"},
    )
    assert isinstance(drawing.first, Square)
    plain = drawing.model_dump(mode="json")
    assert plain["others"] == {"a": {"type": "circle", "radius": 1.0}}
    assert Drawing.model_validate(plain) == drawing
    assert drawing.model_dump(exclude_defaults=True)["first"] == {"type": "square", "side": 2}
    assert Drawing(first=drawing.first).outline == "circle"


@pytest.mark.parametrize(
    ("drawing", "place", "words"),
    [
        ({"first": {"type": "sqare"}}, ("first",), "did you mean 'square'. Known: square, circle"),
        ({"first": {"type": "square", "radius": 1}}, ("first", "square", "radius"), "Extra inputs"),
        ({"first": {"type": "square", "side": 0}}, ("first", "square", "side"), "greater than"),
        ({"first": {}}, ("first",), "discriminator"),
        ({"first": {"type": "square"}, "outline": "cirle"}, ("outline",), "did you mean 'circle'"),
        ({"first": 3}, ("first",), "dictionary"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(drawing, place, words):
    with pytest.raises(ValidationError) as error:
        Drawing.model_validate(drawing)
    assert [e["loc"] for e in error.value.errors()] == [place]
    assert words.replace("'", "") in error.value.errors()[0]["msg"].replace("'", "").replace(
        "?", "."
    )


def test_what_is_added_later_is_known_everywhere(monkeypatch):
    with pytest.raises(InputError, match="there is no shape 'dot'"):
        SHAPES["dot"]
    assert "dot" not in str(Drawing.model_json_schema())
    monkeypatch.setitem(SHAPES, "dot", Part(Dot, lambda options, *, pi: 0))
    assert Drawing(first={"type": "dot"}, outline="dot").first == Dot(type="dot")
    assert "dot" in str(Drawing.model_json_schema())
    with pytest.raises(ValueError, match="shape 'square' is there already"):
        SHAPES["square"] = Part(Square, area_of_circle)
    monkeypatch.undo()
    with pytest.raises(ValidationError):
        Drawing(first={"type": "dot"})


def test_a_choice_never_gives_something_else():
    colours = Choices("colour", {"red": 1, "blue": 2})
    assert colours["red"] == 1
    with pytest.raises(InputError, match=r"no colour 'rde', did you mean 'red'\? Known: red, blue"):
        colours["rde"]
    with pytest.raises(InputError, match="Known: red, blue"):
        colours[None]


def test_fixed_words_are_refused_with_the_nearest():
    refuse_unknown("rotation", "none", ("varimax", "none"))
    with pytest.raises(InputError, match="rotation='varimx' is not one of varimax, none, did you"):
        refuse_unknown("rotation", "varimx", ("varimax", "none"))
