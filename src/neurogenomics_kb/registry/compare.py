"""What differs between two results, and whether they may be compared."""

from __future__ import annotations

from typing import Any

from neurogenomics_kb.registry.cards import ResultCard

MISSING = "–"


def compare_results(a: ResultCard, b: ResultCard) -> dict[str, Any]:
    """Differences of two runs.

    Parameters
    ----------
    a, b : ResultCard

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
        "metrics": compare_metrics(a, b),
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


def compare_metrics(a: ResultCard, b: ResultCard) -> list[dict[str, Any]]:
    """Values of metrics that both runs report for the same model."""
    rows = []
    first, second = metric_values(a), metric_values(b)
    for name in (n for n in first if n in second):
        rows.append(
            {"name": name, "a": first[name], "b": second[name],
             "difference": round(second[name] - first[name], 6)}
        )  # fmt: skip
    return rows


def metric_values(card: ResultCard) -> dict[str, float]:
    """Metrics and canonical correlations by a name."""
    out: dict[str, float] = {}
    for row in card.metrics:
        if row.get("value") is not None:
            variant = "" if row.get("variant") == "adjusted" else f".{row.get('variant')}"
            out[f"{row['metric']}.{row['model']}.{row['algorithm']}{variant}"] = row["value"]
    for row in card.cca:
        if row.get("held_out") is not None:
            out[f"cca.{row['pair']}.{row['component']}.held_out"] = row["held_out"]
    return out
