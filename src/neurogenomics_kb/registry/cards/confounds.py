"""Confounds that strategies share, named once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import Field

from neurogenomics_kb.registry.cards.base import Card, ConfoundSetId, Strict, unique

# B-splines that a curve is made of.
Splines = Annotated[int, Field(ge=3)]
LISTS = ("columns", "optional", "categorical", "products")
Product = tuple[str, str]


class ConfoundSet(Card):
    """Confounds that many strategies take out: one card changes all that name it.

    Confounds are regressed out as straight lines, or as curves where `smooth` names them; columns
    that are text, and those under `categorical`, as one indicator per level.

    Parameters
    ----------
    includes : list of str
        Other sets, whose confounds come first, in this order.
    columns : list of str
        Canonical columns that a cohort must have. A set that only others include may be empty.
    optional : list of str
        Columns that are used where the cohort has them.
    categorical : list of str
        Numeric columns that hold codes.
    smooth : dict of str to int
        Numbers whose effect may bend, with the number of B-splines (3 or more).
    products : list of (str, str)
        Pairs that act through one another, such as age and sex.
    """

    type_name: ClassVar[str] = "confound_set"
    place: ClassVar[str] = "integration_cards/confound_sets.yaml"
    heading: ClassVar[str] = "Confound sets"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "includes": ["age_sex_site"],
        "optional": ["income"],
    }
    taken_in: ClassVar[dict] = {"includes": True}

    includes: list[ConfoundSetId] = []
    columns: list[str] = []
    optional: list[str] = []
    categorical: list[str] = []
    smooth: dict[str, Splines] = {}
    products: list[Product] = []

    def resolved(self, card_of: Callable[[str, str], Card]) -> ConfoundSet:
        """The set with the confounds of those that it includes."""
        parts = [*(card_of(name, self.type_name) for name in self.includes), self]
        merged = {field: unique(c for p in parts for c in getattr(p, field)) for field in LISTS}
        merged["smooth"] = {name: df for p in parts for name, df in p.smooth.items()}
        update = {field: value for field, value in merged.items() if value}
        return refuse_stray_forms(self.model_copy(update=update), merged["columns"])


class ConfoundForms(Strict):
    """Forms that confounds take in a cohort, whatever strategy regresses them out.

    A large cohort sees curves that a small one cannot estimate. Where a strategy says a form of its
    own, that one counts.

    Parameters
    ----------
    smooth : dict of str to int
        Numbers whose effect may bend, with the number of B-splines (3 or more).
    products : list of (str, str)
        Pairs that act through one another, such as age and sex.
    """

    smooth: dict[str, Splines] = {}
    products: list[Product] = []


def refuse_stray_forms(part, confounds: list[str]):
    """Return `part` if what it bends and multiplies is among its confounds.

    Parameters
    ----------
    part : model
        With `optional`, `smooth` and `products`.
    confounds : list of str
        Its required confounds.

    Raises
    ------
    ValueError
    """
    known = [*confounds, *part.optional]
    multiplied = [name for pair in part.products for name in pair]
    for field, names in (("smooth", part.smooth), ("products", multiplied)):
        stray = [c for c in names if c not in known]
        if stray:
            raise ValueError(f"'{stray[0]}' under `{field}` is not among the confounds")
    return part
