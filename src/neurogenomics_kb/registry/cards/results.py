"""What a run found, and what was decided on it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from neurogenomics_kb.registry.cards.base import Card, ResultId, Strict


class ResultCard(Card):
    """What one run found: aggregates, with everything needed to repeat it."""

    type_name: ClassVar[str] = "result"
    place: ClassVar[str] = "results"
    heading: ClassVar[str] = "Results"

    experiment: str
    cohort: str
    created: str
    cards: dict[str, str]
    n_subjects: int
    sample_flow: list[dict[str, Any]]
    folds: dict[str, Any]
    dimensions: list[dict[str, Any]] = []
    cca: list[dict[str, Any]] = []
    metrics: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    attribution: list[dict[str, Any]] = []
    associations: list[dict[str, Any]] = []
    decision: dict[str, Any] = {}
    tests: dict[str, Any] = {}
    audit: dict[str, Any] = {}
    warnings: list[str] = []
    parameters: dict[str, Any] = {}
    data_fingerprints: dict[str, str] = {}
    mlflow_run_id: str | None = None
    code_version: str = ""


class Evidence(Strict):
    """What one result says for or against a decision.

    Parameters
    ----------
    result : str
        Result card.
    says : str
        The numbers the rule looks at, in words.
    supports : str
        Stage that the rule gives on this result.
    """

    result: ResultId
    says: str
    supports: str = ""


class DecisionCard(Card):
    """A decision and the results it rests on.

    Parameters
    ----------
    state : {"draft", "accepted", "rejected"}
        A draft is written again whenever a run brings new evidence; an accepted or rejected card
        is never touched by a run.
    question, decision, rule : str
    evidence : list of Evidence
    """

    type_name: ClassVar[str] = "decision"
    place: ClassVar[str] = "decisions"
    heading: ClassVar[str] = "Decisions"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "question": "…",
        "decision": "…",
        "state": "draft",
    }

    state: Literal["draft", "accepted", "rejected"] = "draft"
    question: str
    rule: str = ""
    decision: str
    evidence: list[Evidence] = []
    decided_by: str = ""
    decided_on: str = ""
