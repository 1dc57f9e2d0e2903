"""What an analysis is: one object that says everything the house needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kedro.pipeline import Node
from matplotlib.figure import Figure

from neurogenomics_kb.foundation.contracts import Contract, ContractError
from neurogenomics_kb.pipelines.view import Part
from neurogenomics_kb.registry.recipe import Recipe


def _never(recipe: Recipe, row: Mapping[str, Any]) -> bool:
    return False


def _nothing(recipe: Recipe) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Claims:
    """Rows of a table that are claims of the run, each with its p-value.

    A row whose `p_adjusted` is a gap is shown and makes no claim: its test could not be made, or it
    describes what another row tests. Where the table has columns ``<p>_low`` and ``<p>_high`` of
    the p-value that enters, these are its Monte-Carlo interval.

    Parameters
    ----------
    table : str
        Table of the analysis, as in the catalog.
    source : str
        What kind of test it is, in words; experiments name primary tests by it.
    label : str
        Name of a row for a reader, a format string over the table's columns; nothing parses it.
    p_raw : str
        Column of the p-value before any adjustment; empty where only an adjusted one is valid.
    p_adjusted : str
        Column of the p-value as adjusted in its own table.
    adjustment : str
        How that was done.
    enters : str
        Column that enters the family of the run: valid for its own null hypothesis. Default
        `p_raw`.
    secondary : callable
        Recipe and row in; whether the claim, where it is not primary, is secondary. The others are
        exploratory. By default all are.
    usual : callable
        Recipe in; values by column that a primary test has where the experiment leaves them out.
    """

    table: str
    source: str
    label: str
    p_raw: str
    p_adjusted: str
    adjustment: str
    enters: str = ""
    secondary: Callable[[Recipe, Mapping[str, Any]], bool] = _never
    usual: Callable[[Recipe], dict[str, Any]] = _nothing

    @property
    def entering(self) -> str:
        """Column that enters the family of the run."""
        return self.enters or self.p_raw


@dataclass(frozen=True)
class Drawing:
    """A figure of an analysis.

    Parameters
    ----------
    name : str
        Name in the catalog without ``_figure``; the file is called so.
    draw : callable
        Recipe and tables in, matplotlib figure out.
    inputs : tuple of str
        Datasets that `draw` takes after the recipe, as in the catalog.
    """

    name: str
    draw: Callable[..., Figure]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Analysis:
    """One analysis: what it runs, writes, claims, draws, says and logs.

    Pipeline, catalog, family of tests, report, result card and tracked metrics are built from the
    list of these; what is on the list is in all of them.

    Parameters
    ----------
    name : str
        As an experiment's ``analyses`` name it.
    nodes : tuple of Node
        Inputs and outputs as in the catalog, ``integration.`` left out.
    tables : tuple of Contract
        What the nodes save, in the namespace ``integration``.
    present : callable
        Recipe and tables in, `Part` out: sentences, sections, statements and metrics.
    present_inputs : tuple of str
        Datasets that `present` takes after the recipe, as in the catalog.
    claims : tuple of Claims
        What it adds to the family of tests.
    drawings : tuple of Drawing
        Its figures.
    """

    name: str
    nodes: tuple[Node, ...]
    tables: tuple[Contract, ...]
    present: Callable[..., Part]
    present_inputs: tuple[str, ...]
    claims: tuple[Claims, ...] = ()
    drawings: tuple[Drawing, ...] = ()

    def __post_init__(self) -> None:
        made = {output for node in self.nodes for output in node.outputs}
        described = {t.name.removeprefix("integration.") for t in self.tables}
        if made != described:
            raise ContractError(
                f"analysis '{self.name}' makes {sorted(made)} and describes {sorted(described)}"
            )
        lost = [c.table for c in self.claims if c.table.removeprefix("integration.") not in made]
        if lost:
            raise ContractError(
                f"analysis '{self.name}' claims from tables it does not make: {lost}"
            )
