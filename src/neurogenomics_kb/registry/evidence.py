"""Results as evidence: which ones used a card, and what they say for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from neurogenomics_kb.registry.cards import DecisionCard, Evidence, ResultCard
from neurogenomics_kb.registry.registry import Registry

# How a decision was made; the rule before the ladder left no mark.
BY_LADDER, NOT_TOLD = "nested selection over the ladder", "not_told"
OLD_RULE = (
    "Not told: made by the old rule (fusion over every single block), which cannot see what later "
    "rungs gain; run the ladder."
)
QUESTION = "Does {experiment} on {cohort} justify leaving late fusion?"


def results_using(results: Iterable[ResultCard], card_id: str) -> list[ResultCard]:
    """Results whose recipe held a card, newest first."""
    used = [r for r in results if card_id in r.cards]
    return sorted(used, key=lambda r: (r.created, r.id), reverse=True)


def verdicts_on(
    results: Iterable[ResultCard], model: str
) -> list[tuple[ResultCard, dict[str, Any]]]:
    """What results say of a model beside its rivals, newest first, a line per block."""
    return [
        (result, line)
        for result in results_using(results, model)
        for line in result.models
        if line.get("model") == model
    ]


def results_of(registry: Registry, experiment: str, cohort: str) -> list[ResultCard]:
    """Results of one experiment on one cohort, oldest first."""
    # The id begins with both, so that other results need not be read.
    own = [i for i in registry.ids("result") if i.startswith(f"{cohort}-{experiment}-")]
    cards = [registry.get(i, "result") for i in own]
    cards = [c for c in cards if (c.experiment, c.cohort) == (experiment, cohort)]
    return sorted(cards, key=lambda r: (r.created, r.id))


def decision_id(experiment: str, cohort: str) -> str:
    """Id of the decision card of an experiment on a cohort."""
    return f"escalation-{cohort}-{experiment}"


def draft_decision(results: list[ResultCard]) -> DecisionCard | None:
    """Decision card that follows from the newest result that could tell.

    Parameters
    ----------
    results : list of ResultCard
        Results of one experiment on one cohort, oldest first.

    Returns
    -------
    DecisionCard or None
        None where no result could evaluate a rule. Earlier results stand as evidence too, so that
        a reader sees when they disagree; those of the rule before the ladder are marked.
    """
    able = [r for r in results if r.decision.get("inputs")]
    if not able:
        return None
    told = [r for r in able if r.decision.get("by") == BY_LADDER]
    newest = (told or able)[-1]
    if told:
        text = newest.decision["says"]
        if len({r.decision["next_stage"] for r in told}) > 1:
            text += " The results disagree; see the evidence."
    else:
        text = f"{OLD_RULE} It said: {old_text(newest)}"
    return DecisionCard(
        id=decision_id(newest.experiment, newest.cohort),
        title=f"Stage of integration after {newest.experiment} on {newest.cohort}",
        question=QUESTION.format(experiment=newest.experiment, cohort=newest.cohort),
        rule=newest.decision["rule"],
        decision=text,
        evidence=[
            Evidence(result=r.id, says=say(r), supports=r.decision["next_stage"]) for r in able
        ],
        smallest_seen=newest.decision.get("smallest_seen"),
        needs=newest.decision.get("needs", []),
        next=newest.decision.get("next", ""),
    )


def old_text(result: ResultCard) -> str:
    """What the rule before the ladder gave."""
    if result.decision["escalate"]:
        return f"go on to {result.decision['next_stage'].replace('_', ' ')}."
    return "stay at late fusion."


def say(result: ResultCard) -> str:
    """Numbers that the rule looked at."""
    old = result.decision.get("by") != BY_LADDER
    what = "fusion" if old else "what inner folds chose"
    parts = [
        f"{what} against {i['reference']}: {i['difference']:+.3f}, p = {i['p_raw']:.2g}"
        for i in result.decision["inputs"]
    ]
    mark = "old rule: " if old else ""
    rung = "" if old else f"most often {result.decision['rung']}; "
    return (
        f"{mark}{rung}{'; '.join(parts)} ({result.decision['algorithm']}, N = {result.n_subjects})"
    )
