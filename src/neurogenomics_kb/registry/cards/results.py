"""What a run found, and what was decided on it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from neurogenomics_kb.registry.cards.base import Card, ResultId, Strict


class ResultCard(Card):
    """What one run found, short enough to be read; whole tables travel beside the card.

    Parameters
    ----------
    experiment, cohort, created : str
        What ran, on whom, and when (UTC).
    cards : dict of str to str
        Hash of every card that the run used.
    n_subjects : int
        People analysed.
    headline : list of str
        What the run says, in sentences.
    primary : list of dict
        Main result of every analysis in numbers.
    surviving : dict
        Claims that stand over the run, of how many, adjusted how, and the primary claims.
    sample_flow : list of dict
        Who was left out; small counts are hidden.
    folds : dict
        Scheme and hash of the folds.
    verdict : list of dict
        Sentences of the audit, with a level.
    models : list of dict
        Whether the model of each block from an encoder adds to its rivals.
    decision : dict
        What the escalation rule gives.
    warnings : list of str
        What must be read with it.
    tables : dict of str to dict
        ``rows`` and ``sha256`` of every table, which lies as ``<table>.csv`` in the folder that is
        called like the card.
    inline : dict of str to list
        Tables of cards that were written before they had files of their own.
    parameters : dict
        The experiment.
    data_fingerprints : dict of str to str
        Hash of everything that the run read.
    mlflow_run_id, code_version : str
        Tracked run, and version of the code.
    """

    type_name: ClassVar[str] = "result"
    place: ClassVar[str] = "results"
    heading: ClassVar[str] = "Results"

    experiment: str
    cohort: str
    created: str
    cards: dict[str, str]
    n_subjects: int
    headline: list[str] = []
    primary: list[dict[str, Any]] = []
    surviving: dict[str, Any] = {}
    sample_flow: list[dict[str, Any]]
    folds: dict[str, Any]
    verdict: list[dict[str, str]] = []
    models: list[dict[str, Any]] = []
    decision: dict[str, Any] = {}
    warnings: list[str] = []
    tables: dict[str, dict[str, Any]] = {}
    inline: dict[str, list[dict[str, Any]]] = {}
    parameters: dict[str, Any] = {}
    data_fingerprints: dict[str, str] = {}
    mlflow_run_id: str | None = None
    code_version: str = ""

    @model_validator(mode="before")
    @classmethod
    def _whole_tables(cls, data: Any) -> Any:
        return move_tables(data) if isinstance(data, dict) else data


# Fields of a card that held whole tables itself.
TABLES = ("cca", "metrics", "comparisons", "attribution", "associations", "dimensions")
NAMES = {"p_value": "p_raw"}


def move_tables(data: dict[str, Any]) -> dict[str, Any]:
    """A card with tables of its own as one of today; any other as it is.

    Parameters
    ----------
    data : dict
        Fields of a result card.
    """
    if not any(isinstance(data.get(n), list | dict) for n in (*TABLES, "audit", "tests")):
        return data
    if not set(data.get("audit") or {}) <= {"verdict", "checks"}:
        return data  # no card of ours; its unknown fields are refused
    out = {k: v for k, v in data.items() if k not in (*TABLES, "audit", "tests")}
    inline = {n: data[n] for n in TABLES if data.get(n)}
    audit, tests = data.get("audit") or {}, data.get("tests") or {}
    if audit.get("checks"):
        inline["audit"] = audit["checks"]
    out["inline"] = {name: [_renamed(row) for row in rows] for name, rows in inline.items()}
    out["verdict"] = audit.get("verdict") or []
    out["surviving"] = {
        **tests, "significant": [_renamed(row) for row in tests.get("significant", [])]
    }  # fmt: skip
    decision = data.get("decision") or {}
    if decision.get("inputs"):
        inputs = [_renamed(row) for row in decision["inputs"]]
        out["decision"] = {**_renamed(decision), "inputs": inputs}
    return out


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the names that p-values have today."""
    return {NAMES.get(key, key): value for key, value in row.items()}


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


class Need(Strict):
    """What a rung of the ladder takes.

    Parameters
    ----------
    rung : str
        Alignment card.
    people : int, optional
        People below which a gain was not seen in simulations.
    minutes : float, optional
        Processor time on the folds of the newest result.
    """

    rung: str
    people: int | None = None
    minutes: float | None = None


class DecisionCard(Card):
    """A decision and the results it rests on.

    Parameters
    ----------
    state : {"draft", "accepted", "rejected"}
        A draft is written again whenever a run brings new evidence; an accepted or rejected card
        is never touched by a run.
    question, decision, rule : str
        What was asked, what was decided, and by which rule.
    evidence : list of Evidence
        Results that it rests on.
    smallest_seen : float, optional
        True gain that 80 of 100 cohorts like the newest would show.
    needs : list of Need
        What each rung takes.
    next : str
        What to run next.
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
    smallest_seen: float | None = None
    needs: list[Need] = []
    next: str = ""
    decided_by: str = ""
    decided_on: str = ""
