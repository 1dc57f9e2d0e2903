"""The decision beyond late fusion: what the ladder's choice among rungs is worth."""

from __future__ import annotations

from typing import Any

import pandas as pd

from neurogenomics_kb.pipelines.integration.design import first_algorithm
from neurogenomics_kb.pipelines.view import METRIC_NAMES, format_p, interval
from neurogenomics_kb.registry.evidence import BY_LADDER, NOT_TOLD
from neurogenomics_kb.registry.recipe import Recipe

LATE = "late fusion"
LADDER = "09_ladder_gene_brain"
RULE = (
    "In every training fold inner folds choose among late fusion and the rungs of the ladder; "
    "leave late fusion if what they choose beats it on the test folds (corrected resampled t, "
    "one-sided p < {alpha:g}: one test), is above chance itself and, where people lack "
    "a block, above knowing that alone. The rung is the one that most folds choose, late fusion "
    "left aside."
)
# Processor time of the five rungs of `09_ladder_gene_brain` on 385 people of the demo in five
# folds, one core; trees and kernels grow a little faster than the people.
MINUTES, PEOPLE, FOLDS, GROWTH = 5.0, 385, 5, 1.3


def decide_escalation(
    recipe: Recipe, cohort: pd.DataFrame, rungs: pd.DataFrame, choice: pd.DataFrame
) -> dict[str, Any]:
    """Evaluate the rule, or say what it would take to evaluate it.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    cohort : DataFrame
        Analysed people.
    rungs, choice : DataFrame
        Tables of the ladder; empty where it was not run.

    Returns
    -------
    dict
        ``escalate``, ``next_stage`` (``not_told`` without the ladder), ``says`` in a sentence, the
        rule and the numbers that it looked at.
    """
    alpha = recipe.experiment.alpha
    common = {
        "rule": RULE.format(alpha=alpha),
        "by": BY_LADDER,
        "stage": "late_fusion",
        "algorithm": first_algorithm(recipe),
    }
    if choice.empty:
        return {
            **common,
            "escalate": False,
            "next_stage": NOT_TOLD,
            "p_raw": None,
            "says": untold(rungs) or without_ladder(recipe, len(cohort)),
            "inputs": [],
        }
    line = choice.iloc[0]
    reasons = reasons_to_stay(line, alpha)
    escalate = not reasons
    own = rungs.set_index("rung")
    if escalate and line["rung"] == LATE:  # folds that chose a rung made the difference
        others = own.loc[list(own.index.intersection(recipe.rungs)), "chosen"]
        line = line.copy()
        line["rung"], line["folds"] = others.idxmax(), int(others.max())
    stage = own.loc[line["rung"], "stage"] if escalate else "late_fusion"
    return {
        **common,
        "escalate": escalate,
        "next_stage": str(stage),
        "rung": str(line["rung"]),
        "p_raw": float(line["p_raw"]),
        "says": say(recipe, line, reasons, escalate),
        "inputs": [
            {
                "reference": LATE,
                "difference": float(line["difference"]),
                "p_raw": float(line["p_raw"]),
                "p_chance": float(line["p_chance"]),
                **({} if pd.isna(line["p_masks"]) else {"p_masks": float(line["p_masks"])}),
            }
        ],
        "needs": needs_of(recipe, rungs),
        "next": next_experiment(recipe, line, escalate),
        **(
            {}
            if pd.isna(line["smallest_seen"])
            else {"smallest_seen": round(float(line["smallest_seen"]), 4)}
        ),
    }


def reasons_to_stay(line: pd.Series, alpha: float) -> list[str]:
    """Conditions of the rule that the choice does not meet, in words."""
    reasons = []
    if not (line["difference"] > 0 and line["p_raw"] < alpha):
        reasons.append(f"it does not beat late fusion ({format_p(line['p_raw'])})")
    if not line["p_chance"] < alpha:
        reasons.append(f"it is not above chance ({format_p(line['p_chance'])})")
    if line["masks"] and not line["p_masks"] < alpha:
        reasons.append(
            f"it is not above knowing who lacks which block ({format_p(line['p_masks'])})"
        )
    return reasons


def say(recipe: Recipe, line: pd.Series, reasons: list[str], escalate: bool) -> str:
    """What to do and why, in a sentence."""
    metric = METRIC_NAMES[recipe.primary_metric]
    bounds = interval(line["ci_low"], line["ci_high"], signed=True)
    gain = f"{line['difference']:+.3f} {metric} {bounds}, {format_p(line['p_raw'])}"
    chosen = f"{line['folds']} of {line['of']} training folds"
    if escalate:
        return (
            f"Use {line['rung']}: inner folds chose it in {chosen}, and what they chose gains "
            f"{gain} over late fusion on people whom neither saw."
        )
    seen = line["smallest_seen"]
    power = (
        "; what could have been seen is not known"
        if pd.isna(seen)
        else f"; {seen:.3f} or more would have been seen in 80 of 100 such cohorts"
    )
    if line["folds"] == line["of"] and line["rung"] == LATE:
        return (
            f"Stay at late fusion: inner folds preferred it to every rung in all {line['of']} "
            f"training folds{power}."
        )
    if line["rung"] == LATE and not line["difference"] > 0:
        return (
            f"Stay at late fusion: inner folds preferred it to every rung in {chosen} (what they "
            f"chose differs by {gain}){power}."
        )
    return (
        f"Stay at late fusion: what inner folds chose ({line['rung']} in {chosen}) differs by "
        f"{gain}; {'; '.join(reasons) or 'most folds chose late fusion'}{power}."
    )


def needs_of(recipe: Recipe, rungs: pd.DataFrame) -> list[dict[str, Any]]:
    """People and minutes that every rung takes."""
    minutes = rungs.set_index("rung")["minutes"]
    return [
        {
            "rung": name,
            **({} if card.people is None else {"people": card.people}),
            **(
                {"minutes": round(float(minutes[name]), 2)}
                if name in minutes and pd.notna(minutes[name])
                else {}
            ),
        }
        for name, card in recipe.rungs.items()
    ]


def next_experiment(recipe: Recipe, line: pd.Series, escalate: bool) -> str:
    """What to run next."""
    if escalate:
        return (
            f"Confirm {line['rung']} on people whom this run did not see: the same experiment with "
            f"`ladder: [{line['rung']}]` in another cohort (--env) or on later enrolments."
        )
    few = [f"{n} ({c.people})" for n, c in recipe.rungs.items() if (c.people or 0) > line["n"]]
    if few:
        return (
            f"Run it again with more people: N is {line['n']}, below what simulations needed for "
            f"{', '.join(few)}."
        )
    return "Add a block, or people: at this N no rung of the ladder was shown to gain."


def untold(rungs: pd.DataFrame) -> str:
    """Why a ladder that was run tells nothing; empty where it was not run."""
    reasons = rungs[rungs["reason"] != ""]
    if reasons.empty:
        return ""
    told = "; ".join(f"{r.rung}: {r.reason.rstrip('.')}" for r in reasons.itertuples())
    return f"Beyond late fusion: not told, since no rung could be fitted and chosen ({told})."


def without_ladder(recipe: Recipe, n: int) -> str:
    """What it takes to know."""
    if "ladder" in recipe.experiment.analyses:
        return "Beyond late fusion: not told, since fewer than two blocks are there."
    if len(recipe.blocks) < 2:
        return "Beyond late fusion: not told, since there is one block."
    if recipe.multiclass:
        return (
            "Beyond late fusion: not told, since the ladder has no form for an outcome of several "
            "classes."
        )
    folds = recipe.experiment.folds.n_splits
    minutes = MINUTES * (n / PEOPLE) ** GROWTH * folds / FOLDS
    about = f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.0f} hours"
    return (
        f"Beyond late fusion: not told, since the ladder was not run; run {LADDER} (kedro run "
        f"--config conf/experiments/{LADDER}.yml; about {about} on one core for this N)."
    )
