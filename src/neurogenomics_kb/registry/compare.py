"""What differs between two results, and whether they may be compared."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.registry.cards import ResultCard
from neurogenomics_kb.registry.results import Rows

MISSING = "–"
Tables = dict[str, Rows]


def compare_results(
    a: ResultCard, b: ResultCard, tables_a: Tables, tables_b: Tables
) -> dict[str, Any]:
    """Differences of two runs.

    Parameters
    ----------
    a, b : ResultCard
        The results.
    tables_a, tables_b : dict of str to list of dict
        Tables of the results.

    Returns
    -------
    dict
        ``cards``, ``parameters``, ``data``, ``code``: lists of ``{name, a, b}``; ``metrics`` with
        the values both have; ``fair`` and the ``reasons`` against it.

    Notes
    -----
    A comparison is fair when both runs tested the same subjects in the same folds, on the same
    outcome. Other cards, parameters and code are what one may want to compare.
    """
    fairness = {
        "cohort": (a.cohort, b.cohort),
        "outcome": (a.parameters.get("outcome"), b.parameters.get("outcome")),
        "subjects": (a.folds.get("subjects") or a.n_subjects, b.folds.get("subjects")
                     or b.n_subjects),
        "folds": (a.folds.get("hash"), b.folds.get("hash")),
    }  # fmt: skip
    against = [
        f"{name} differ: {one or MISSING} and {other or MISSING}"
        for name, (one, other) in fairness.items()
        if one != other or one is None
    ]
    return {
        "a": a.id,
        "b": b.id,
        "fair": not against,
        "reasons": against,
        "cards": differences(a.cards, b.cards),
        "parameters": differences(
            flatten(a.parameters), flatten(b.parameters), ignore={"id", "title"}
        ),
        "data": differences(a.data_fingerprints, b.data_fingerprints),
        "code": differences({"version": a.code_version}, {"version": b.code_version}),
        "metrics": compare_metrics(tables_a, tables_b),
    }


def differences(a: dict, b: dict, ignore: frozenset | set = frozenset()) -> list[dict[str, Any]]:
    """Keys whose values differ, in the order of `a`, then of `b`."""
    return [
        {"name": key, "a": a.get(key, MISSING), "b": b.get(key, MISSING)}
        for key in dict.fromkeys([*a, *b])
        if key not in ignore and a.get(key, MISSING) != b.get(key, MISSING)
    ]


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names; lists stay whole."""
    if not isinstance(value, dict):
        return {prefix: value}
    out: dict[str, Any] = {}
    for key, item in value.items():
        out.update(flatten(item, f"{prefix}.{key}" if prefix else str(key)))
    return out


def compare_metrics(a: Tables, b: Tables) -> list[dict[str, Any]]:
    """Values of metrics that both runs report for the same model."""
    rows = []
    first, second = metric_values(a), metric_values(b)
    for name in (n for n in first if n in second):
        rows.append(
            {"name": name, "a": first[name], "b": second[name],
             "difference": round(second[name] - first[name], 6)}
        )  # fmt: skip
    return rows


def metric_values(tables: Tables) -> dict[str, float]:
    """Metrics and held-out canonical correlations by a name."""
    out: dict[str, float] = {}
    for row in tables.get("metrics", []):
        if row.get("value") is not None:
            variant = [] if row.get("variant") == "adjusted" else [str(row.get("variant"))]
            level = [str(row["level"])] if row.get("level") else []
            parts = [row["metric"], *level, row["algorithm"], row["model"], *variant]
            out["/".join(parts)] = row["value"]
    folds: dict[str, list[float]] = {}
    for row in tables.get("cca_held_out", []):
        if row.get("held_out") is not None:
            name = f"cca/{row['x']}/{row['y']}/{row['component']}/held_out"
            folds.setdefault(name, []).append(row["held_out"])
    return out | {name: sum(values) / len(values) for name, values in folds.items()}
