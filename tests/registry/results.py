"""Small result cards for tests."""

from __future__ import annotations

from neurogenomics_kb.registry.results import Result, describe_tables

METRIC = {"model": "fusion", "variant": "adjusted", "algorithm": "linear", "metric": "auroc",
          "level": None, "value": 0.7, "ci_low": 0.6, "ci_high": 0.8}  # fmt: skip
TABLES = {"metrics": [METRIC]}


def whole(card_id: str, **changes) -> Result:
    """A valid result with its tables."""
    return Result(result(card_id, **changes), TABLES)


def result(card_id: str, **changes) -> dict:
    """Fields of a valid result card."""
    return {
        "id": card_id,
        "title": "first on c",
        "experiment": "first",
        "cohort": "c",
        "created": "2026-01-01T00:00:00+00:00",
        "cards": {"one_v1": "aaaa", "people": "bbbb"},
        "n_subjects": 200,
        "sample_flow": [{"step": "in the table", "excluded": 0, "remaining": 200}],
        "folds": {"scheme": "stratified", "n_splits": 5, "hash": "ffff", "subjects": "ssss"},
        "headline": ["fusion 0.70"],
        "tables": describe_tables(TABLES),
        "decision": {
            "rule": "stay", "stage": "late_fusion", "escalate": False,
            "next_stage": "late_fusion", "algorithm": "linear", "p_raw": 0.4,
            "inputs": [{"reference": "gene", "difference": 0.01, "p_raw": 0.4}],
        },
        "parameters": {"id": "first", "outcome": "ill", "folds": {"n_splits": 5}},
        "data_fingerprints": {"participants": "pppp"},
        "mlflow_run_id": "0123456789abcdef",
        "code_version": "0.1.0",
        **changes,
    }  # fmt: skip
