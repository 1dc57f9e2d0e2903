"""The result card of a run and the tables beside it, checked for disclosure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.reporting.sections import ADJUSTMENT
from neurogenomics_kb.pipelines.reporting.view import ReportView
from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.disclosure import check_disclosure, round_extremes, suppress_flow
from neurogenomics_kb.registry.identifiers import Identifiers
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.registry.results import Result, check_tables, describe_tables

DIGITS = 6
MOST_SURVIVING = 20


@dataclass(frozen=True)
class Origin:
    """Where a result comes from.

    Parameters
    ----------
    run_id : str or None
        MLflow run.
    version : str
        Version of the code.
    code : str
        Hash of the code.
    fingerprints : dict of str to str
        Hash of everything that the run read.
    """

    run_id: str | None
    version: str
    code: str
    fingerprints: dict[str, str]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values: rounded floats, None for gaps."""
    return [{key: plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def plain(value: Any) -> Any:
    """A scalar that YAML, JSON and CSV can hold."""
    if pd.isna(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def build_result(
    recipe: Recipe,
    subjects: pd.Index,
    view: ReportView,
    tables: dict[str, pd.DataFrame],
    origin: Origin,
    minimum_cell: int,
) -> Result:
    """Result card of a run and its tables.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    subjects : Index
        Identifiers of the cohort, which must not occur on the card or in a table.
    view : ReportView
        What the run says.
    tables : dict of str to DataFrame
        Tables that travel beside the card, by their name in the catalog; empty ones are left out.
    origin : Origin
        Run, code and data of the result.
    minimum_cell : int
        Smallest count of subjects that may be shown.

    Raises
    ------
    InputError
        If card or tables would disclose subjects.
    """
    rows = {
        name.removeprefix("integration."): round_extremes(records(table))
        for name, table in tables.items()
        if len(table)
    }
    known = Identifiers(subjects)
    check_tables(rows, known, minimum_cell)
    card = round_extremes(
        {
            **_head(recipe, view, origin),
            **_found(view, minimum_cell),
            "tables": describe_tables(rows),
        }
    )
    check_disclosure(card, known, minimum=minimum_cell)
    checked = ResultCard.model_validate(card).model_dump(mode="json", exclude_defaults=True)
    return Result(card=checked, tables=rows)


# What an experiment's card says to readers, and what does not change a run.
PROSE = {"title", "status", "reason", "sources", "notes"}


def identity(recipe: Recipe, origin: Origin) -> str:
    """What makes a result: recipe, data, parameters with their seeds, and code.

    Running the same again gives the same identity, and so the same evidence once.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    origin : Origin
        Code and data of the result.
    """
    made_of = [recipe.cards, origin.fingerprints, origin.code]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]


def _head(recipe: Recipe, view: ReportView, origin: Origin) -> dict[str, Any]:
    """Which run this is, of which recipe, data and code."""
    created = datetime.now(UTC)
    experiment = recipe.experiment
    return {
        "id": f"{recipe.cohort}-{experiment.id}-{identity(recipe, origin)}",
        "title": f"{experiment.id} on {recipe.cohort}: "
        + ", ".join(f"{name} {s.id}" for name, s in recipe.blocks.items()),
        "experiment": experiment.id,
        "cohort": recipe.cohort,
        "created": created.isoformat(timespec="seconds"),
        "cards": recipe.cards,
        "n_subjects": view.n_subjects,
        "parameters": experiment.model_dump(mode="json", exclude_none=True, exclude=PROSE),
        "data_fingerprints": origin.fingerprints,
        "mlflow_run_id": origin.run_id,
        "code_version": origin.version,
    }


def _found(view: ReportView, minimum_cell: int) -> dict[str, Any]:
    """What the run found, short enough to be read."""
    return {
        "headline": view.findings,
        "primary": [_statement(s) for s in view.statements],
        "surviving": {
            "n_tests": view.n_tests,
            "adjustment": ADJUSTMENT,
            "n_standing": len(view.surviving),
            "primary": [_claim(s) for s in view.primary],
            "significant": [_claim(s) for s in view.surviving if s.tier == "secondary"],
            "exploratory": [
                s.test for s in view.surviving if s.tier not in ("primary", "secondary")
            ][:MOST_SURVIVING],
        },
        "sample_flow": suppress_flow(view.flow, minimum_cell),
        "folds": {k: v for k, v in view.folds.items() if k != "test_sizes"},
        "verdict": [v.model_dump() for v in view.verdict],
        "models": [_statement(m) for m in view.models],
        "decision": view.decision,
        "warnings": view.cautions,
    }


def _claim(statement: Any) -> dict[str, Any]:
    """A claim over the run, without what is the same for all of them."""
    told = _statement(statement)
    return {k: v for k, v in told.items() if k not in ("measure", "adjustment")}


def _statement(statement: Any) -> dict[str, Any]:
    """A statement without its gaps."""
    fields = statement.model_dump()
    return {k: plain(v) for k, v in fields.items() if v is not None and v != ""}
