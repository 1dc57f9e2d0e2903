"""Which tests of a run are its primary ones, as an experiment names them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.foundation.errors import listing
from neurogenomics_kb.registry.cards.base import Strict


class PrimaryTest(Strict):
    """One test; what is left out is filled by the analysis, or is the first in its table."""

    test: str

    @property
    def analysis(self) -> str:
        """Analysis whose test it is."""
        return ANALYSIS_OF[self.test]

    @property
    def columns(self) -> dict[str, Any]:
        """Values that tell the test from others of its table, by column."""
        return self.model_dump(exclude={"test"}, exclude_none=True)

    def check(
        self, blocks: Sequence[str], algorithms: Collection[str], outcomes: Collection[str]
    ) -> None:
        """Refuse names that the experiment does not have.

        Parameters
        ----------
        blocks, algorithms, outcomes : collection of str
            What the experiment names, blocks in their order.

        Raises
        ------
        ValueError
        """
        named = self.columns
        for field, known in (("x", blocks), ("y", blocks), ("block", blocks),
                             ("algorithm", algorithms), ("outcome", outcomes)):  # fmt: skip
            if field in named and named[field] not in known:
                raise ValueError(
                    f"primary test '{self.test}': there is no {field} {named[field]!r}; known are "
                    f"{listing(known, len(known))}"
                )
        if "x" in named and "y" in named:
            order = [list(blocks).index(named[side]) for side in ("x", "y")]
            if order[0] >= order[1]:
                raise ValueError(
                    f"primary test '{self.test}': of a pair, x is the block that the experiment "
                    f"names first ({listing(blocks, len(blocks))})"
                )


class PrimaryCorrelation(PrimaryTest):
    """A canonical component of two blocks, in sample or in held-out people.

    Parameters
    ----------
    test : {"canonical correlation", "held-out correlation"}
        In sample, or in test folds with weights from training folds.
    x, y : str, optional
        The two blocks; by default those of the first pair.
    component : int
        Number of the component, from 1.
    """

    test: Literal["canonical correlation", "held-out correlation"]
    x: str | None = None
    y: str | None = None
    component: int = Field(1, ge=1)


class PrimaryComparison(PrimaryTest):
    """One model over another.

    Parameters
    ----------
    test : {"model comparison"}
        Whether the model beats the reference.
    model : str, optional
        By default all blocks with the covariates.
    reference : str, optional
        By default the covariates.
    algorithm : str, optional
        By default the first of the experiment.
    """

    test: Literal["model comparison"]
    model: str | None = None
    reference: str | None = None
    algorithm: str | None = None


class PrimaryLadder(PrimaryTest):
    """The ladder's choice, or one of its rungs, over late fusion.

    Parameters
    ----------
    test : {"ladder over late fusion", "rung over late fusion"}
        What inner folds choose among all rungs, or one of them by itself.
    rung : str, optional
        Alignment card of the rung.
    """

    test: Literal["ladder over late fusion", "rung over late fusion"]
    rung: str | None = None

    @model_validator(mode="after")
    def _a_choice_has_no_rung(self):
        if self.test == "ladder over late fusion" and self.rung is not None:
            raise ValueError("the choice is among all rungs; name 'rung over late fusion'")
        return self


class PrimaryRival(PrimaryTest):
    """What a block adds to one of its rivals and the covariates.

    Parameters
    ----------
    test : {"adds to the rival"}
        Kind of the test.
    block : str, optional
        Block that an encoder makes; by default the first in the table.
    rival : str, optional
        Embedding strategy, or ``twins`` for the encoder with random weights; by default the first.
    algorithm : str, optional
        By default the first of the experiment.
    """

    test: Literal["adds to the rival"]
    block: str | None = None
    rival: str | None = None
    algorithm: str | None = None


class PrimaryAssociation(PrimaryTest):
    """One side of one axis with one outcome.

    Parameters
    ----------
    test : {"association"}
        Whether the axis goes with the outcome.
    x, y : str, optional
        The two blocks; by default those of the first pair.
    component : int
        Number of the component, from 1.
    block : str, optional
        Side of the axis; the first by default.
    outcome : str, optional
        By default that of the experiment.
    measure : str, optional
        By default the first that the outcome has.
    """

    test: Literal["association"]
    x: str | None = None
    y: str | None = None
    component: int = Field(1, ge=1)
    block: str | None = None
    outcome: str | None = None
    measure: str | None = None


class PrimaryUnit(PrimaryTest):
    """What a model loses without one gene, region or scale.

    Parameters
    ----------
    test : {"leave one out"}
        Whether the score falls without the unit.
    unit : str
        Gene, region or scale.
    """

    test: Literal["leave one out"]
    unit: str


class PrimaryMap(PrimaryTest):
    """A map of an axis with a reference map.

    Parameters
    ----------
    test : {"spatial correlation"}
        Kind of the test.
    map : str
        Reference map.
    block : str, optional
        Block of the map; by default the first with regions.
    group : str, optional
        Measure of the map; by default the first.
    component : int
        Number of the component, from 1.
    """

    test: Literal["spatial correlation"]
    map: str
    block: str | None = None
    group: str | None = None
    component: int = Field(1, ge=1)


class PrimaryLanguage(PrimaryTest):
    """An axis in words, or a block whose units are alike as their texts are.

    Parameters
    ----------
    test : {"axis in words", "block and texts"}
        Kind of the test.
    block : str, optional
        Block that is described; the first with texts by default.
    x, y : str, optional
        The two blocks of the axis; by default those of the first pair.
    component : int, optional
        Number of the component, from 1.
    measure : {"likeness", "retrieval"}, optional
        Of a block and its texts; the first by default.
    """

    test: Literal["axis in words", "block and texts"]
    block: str | None = None
    x: str | None = None
    y: str | None = None
    component: int | None = Field(None, ge=1)
    measure: Literal["likeness", "retrieval"] | None = None

    @model_validator(mode="after")
    def _fields_of_the_test(self):
        axis = self.test == "axis in words"
        foreign = ("measure",) if axis else ("x", "y", "component")
        given = [name for name in foreign if getattr(self, name) is not None]
        if given:
            raise ValueError(f"primary test '{self.test}' has no `{given[0]}`")
        return self


class PrimaryJoint(PrimaryTest):
    """An axis that all blocks have in common, or what one block has of it.

    Parameters
    ----------
    test : {"axis in common", "block in a common axis"}
        Kind of the test.
    component : int
        Number of the component, from 1.
    block : str, optional
        For what one block has of it; the first by default.
    """

    test: Literal["axis in common", "block in a common axis"]
    component: int = Field(1, ge=1)
    block: str | None = None

    @model_validator(mode="after")
    def _an_axis_of_all_has_no_block(self):
        if self.test == "axis in common" and self.block is not None:
            raise ValueError("an axis in common has no `block`; name 'block in a common axis'")
        return self


ANALYSIS_OF = {
    "canonical correlation": "cca",
    "held-out correlation": "cca",
    "model comparison": "prediction",
    "ladder over late fusion": "ladder",
    "rung over late fusion": "ladder",
    "adds to the rival": "rivals",
    "association": "partial_correlations",
    "leave one out": "logo",
    "spatial correlation": "reference_maps",
    "axis in words": "language",
    "block and texts": "language",
    "axis in common": "joint_axes",
    "block in a common axis": "joint_axes",
}
Primary = Annotated[
    PrimaryCorrelation
    | PrimaryComparison
    | PrimaryLadder
    | PrimaryRival
    | PrimaryAssociation
    | PrimaryUnit
    | PrimaryMap
    | PrimaryLanguage
    | PrimaryJoint,
    Field(discriminator="test"),
]
# What a run asks first unless its experiment says something else.
DEFAULT_PRIMARY: tuple[PrimaryTest, ...] = (
    PrimaryCorrelation(test="canonical correlation"),
    PrimaryComparison(test="model comparison"),
    PrimaryLadder(test="ladder over late fusion"),
)


def default_primary(analyses: Collection[str]) -> list[PrimaryTest]:
    """Primary tests of an experiment that names none: those of its analyses.

    Parameters
    ----------
    analyses : collection of str
        What the experiment runs.
    """
    return [test for test in DEFAULT_PRIMARY if test.analysis in analyses]
