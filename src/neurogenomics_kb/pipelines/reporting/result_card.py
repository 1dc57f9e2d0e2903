"""The result card: aggregates of a run, checked for disclosure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.disclosure import check_disclosure, round_extremes, suppress_flow
from neurogenomics_kb.registry.recipe import Recipe

DIGITS = 6
TOP_UNITS = 10


def records(table: pd.DataFrame, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Rows as plain values: rounded floats, None for gaps."""
    rows = (table if columns is None else table[columns]).to_dict("records")
    return [{key: plain(value) for key, value in row.items()} for row in rows]


def plain(value: Any) -> Any:
    """A scalar that YAML and JSON can hold."""
    if pd.isna(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def build_result_card(
    recipe: Recipe,
    subjects: pd.Index,
    *,
    flow: pd.DataFrame,
    folds: dict[str, Any],
    dimensions: pd.DataFrame,
    cca: pd.DataFrame,
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    attribution: pd.DataFrame,
    associations: pd.DataFrame,
    decision: dict[str, Any],
    tests: pd.DataFrame,
    audit: pd.DataFrame,
    audit_verdict: list[dict[str, str]],
    warnings: list[str],
    fingerprints: dict[str, str],
    run_id: str | None,
    version: str,
    minimum_cell: int,
) -> dict[str, Any]:
    """Result card of a run.

    Parameters
    ----------
    recipe : Recipe
    subjects : Index
        Identifiers of the cohort, which must not occur on the card.
    flow, dimensions, cca, metrics, comparisons, attribution, associations : DataFrame
        Tables of the run; `cca` with held-out columns.
    folds, decision : dict
    tests, audit : DataFrame
    audit_verdict : list of dict
    warnings : list of str
    fingerprints : dict
        Hash of every raw input.
    run_id : str or None
        MLflow run.
    version : str
        Code version.
    minimum_cell : int
        Smallest count of subjects that may be shown.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If the card would disclose subjects.
    """
    created = datetime.now(UTC)
    stamp = created.strftime("%Y%m%dT%H%M%S")
    # The run's id keeps two runs that end in the same second apart.
    suffix = run_id[:8] if run_id else created.strftime("%f")
    experiment = recipe.experiment
    average = dimensions.groupby(["block", "variant"], sort=False)
    sizes = average[["features", "kept", "asked", "dim", "variance"]].mean().reset_index()
    shown = audit["p_value"].notna() | audit["check"].eq("harmonization")
    card = {
        "id": f"{recipe.cohort}-{experiment.id}-{stamp}-{suffix}",
        "title": f"{experiment.id} on {recipe.cohort}: "
        + ", ".join(f"{name} {s.id}" for name, s in recipe.blocks.items()),
        "experiment": experiment.id,
        "cohort": recipe.cohort,
        "created": created.isoformat(timespec="seconds"),
        "cards": recipe.cards,
        "n_subjects": int(flow["remaining"].iloc[-1]),
        "sample_flow": suppress_flow(flow.to_dict("records"), minimum_cell),
        "folds": {k: v for k, v in folds.items() if k != "test_sizes"},
        "dimensions": records(sizes),
        "cca": records(cca),
        "metrics": records(metrics),
        "comparisons": records(comparisons),
        "attribution": records(attribution.head(TOP_UNITS)),
        "associations": records(associations),
        "tests": {
            "n_tests": len(tests),
            "adjustment": "holm over the run",
            "significant": records(tests[tests["p_run"] < experiment.alpha]),
        },
        "audit": {
            "verdict": audit_verdict,
            "checks": records(audit[shown]),
        },
        "decision": decision,
        "warnings": warnings,
        "parameters": experiment.model_dump(mode="json"),
        "data_fingerprints": fingerprints,
        "mlflow_run_id": run_id,
        "code_version": version,
    }
    card = round_extremes(card)
    check_disclosure(card, list(subjects), minimum=minimum_cell)
    return ResultCard.model_validate(card).model_dump(mode="json", exclude_defaults=True)
