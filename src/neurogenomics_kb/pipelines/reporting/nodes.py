"""Nodes of the reporting pipeline."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.contracts import CONTRACTS
from neurogenomics_kb.pipelines.integration.analyses import load_analyses
from neurogenomics_kb.pipelines.reporting import provenance
from neurogenomics_kb.pipelines.reporting.parameters import DisclosureParameters
from neurogenomics_kb.pipelines.reporting.report import render_report
from neurogenomics_kb.pipelines.reporting.result_card import Origin, build_result
from neurogenomics_kb.pipelines.reporting.view import ReportView, provenance_section
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.results import Result

# Tables that travel beside the result card, and figures of the report, in the order of the nodes.
CARD_TABLES = [name for name, contract in CONTRACTS.items() if contract.on_card]
FIGURES = [
    "sample_flow",
    *(drawing.name for analysis in load_analyses() for drawing in analysis.drawings),
    "brain_maps",
]


def summarize_metrics(view: ReportView) -> dict[str, float]:
    """Flat numbers for comparing runs."""
    return view.metrics


def write_result_card(
    recipe: Recipe,
    cohort: pd.DataFrame,
    view: ReportView,
    fingerprints: dict[str, str],
    disclosure: DisclosureParameters,
    *tables: pd.DataFrame,
) -> Result:
    """Result card of this run, with its tables.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Whose identifiers must not occur on the card.
    view : ReportView
        What the run says.
    fingerprints : dict of str to str
        Hash of everything that the run read.
    disclosure : DisclosureParameters
        Smallest count that may be shown.
    *tables : DataFrame
        The tables of `CARD_TABLES`, in turn.
    """
    named = dict(zip(CARD_TABLES, tables, strict=True))
    origin = Origin(
        run_id=provenance.active_run_id(),
        version=provenance.code_version(),
        code=provenance.code_digest(),
        fingerprints=fingerprints,
    )
    return build_result(recipe, cohort.index, view, named, origin, disclosure.minimum_cell)


def write_report(recipe: Recipe, view: ReportView, result: Result, *figures: bytes) -> str:
    """Self-contained HTML report.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    view : ReportView
        What the run says.
    result : Result
        Card and tables.
    *figures : bytes
        The PNG files of `FIGURES`, in turn.
    """
    more = [provenance_section(recipe.cards, result.card, recipe.dataset.attribution or "")]
    return render_report(view, dict(zip(FIGURES, figures, strict=True)), more)
