"""Verdict on what decoders read: sites, folds, gaps, swapped and relabelled outcomes."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit import refits
from neurogenomics_kb.pipelines.integration.analyses.audit.context import ADJUSTED, UNADJUSTED
from neurogenomics_kb.pipelines.integration.analyses.audit.saying import (
    SUCH,
    Sentence,
    listed,
    rest,
    say,
    seen_or_not,
    told,
    unknown,
    why,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import FREELY, OWN_FOLDS, WITHIN
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    EXPLAINED,
    LEVEL,
    NOT_TOLD,
    READABLE_AUC,
    READABLE_GAP,
    READABLE_R,
    STRICT,
    WORTH_AUC,
    WORTH_GAP,
    WORTH_R,
)
from neurogenomics_kb.registry.recipe import Recipe

NO_TWO_KINDS = "no test fold holds two kinds to tell apart"


def unknown_sentences(rows: pd.DataFrame, what: str) -> list[Sentence]:
    """Decoders without a number, which say nothing about what they were to read."""
    return [
        say(NOT_TOLD, f"Whether {what.format(target=r.target, block=r.block)} is not known: "
            f"{why(r.unit) if r.unit else NO_TWO_KINDS}.")
        for r in unknown(rows).itertuples()
    ]  # fmt: skip


def missingness_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Blocks whose gaps alone tell the outcome, so that filling them carries it over."""
    rows = audit[audit["check"] == "missingness alone"]
    measure, worth, readable = _outcome_measure(recipe)
    out = [
        say("caution", f"Which data of block {r.block} is missing tells {r.target} by itself "
            f"({measure} {r.value:.2f}): filled gaps carry that over to the block.")
        for r in told(rows, worth).itertuples()
    ]  # fmt: skip
    out += unknown_sentences(rows, "missing data of block {block} tells {target}")
    left = rest(rows, worth)
    if len(left):
        target = left["target"].iloc[0]
        out += seen_or_not(
            left, readable, measure=f"an {measure}",
            clean=f"Which data of block {{blocks}} is missing does not tell {target}",
            open_=f"Whether missing data of block {{blocks}} tells {target} is open",
        )  # fmt: skip
    return out


def fold_sentences(audit: pd.DataFrame) -> list[Sentence]:
    """Whether a block tells the fold."""
    rows = audit[audit["check"] == "which fold"]
    out = [
        say(
            "ok" if r.detail else "caution",
            f"Block {r.block} tells the fold a subject is in (AUC {r.value:.2f})"
            + (f"; {r.detail}." if r.detail else ": folds differ in more than chance."),
        )
        for r in told(rows, WORTH_AUC).itertuples()
    ]
    out += unknown_sentences(rows, "block {block} tells the fold")
    left = rest(rows, WORTH_AUC)
    if len(left):
        out += seen_or_not(
            left, READABLE_AUC, measure="an AUC",
            clean="Block {blocks} does not tell which fold a subject is in",
            open_="Whether block {blocks} tells the fold is open",
        )  # fmt: skip
    return out


def decodability_sentences(audit: pd.DataFrame) -> list[Sentence]:
    """Sites and batches that can still be read after the card's confounds are regressed out."""
    rows = audit[audit["check"] == "decodability"]
    after = rows[rows["detail"] == ADJUSTED]
    out = []
    for r in told(after, WORTH_AUC).itertuples():
        before = rows[(rows["block"] == r.block) & (rows["target"] == r.target)
                      & (rows["detail"] == UNADJUSTED)]["value"].iloc[0]  # fmt: skip
        out.append(
            say("caution", f"{r.target} can be read from block {r.block}: AUC {r.value:.2f} after "
                f"its confounds are regressed out, {before:.2f} before{_folds_of(r.scheme)}.")
        )  # fmt: skip
    out += unknown_sentences(after, "{target} can be read from block {block}")
    for (target, scheme), left in rest(after, WORTH_AUC).groupby(["target", "scheme"], sort=False):
        out += seen_or_not(
            left, READABLE_AUC, measure="an AUC",
            clean=f"{target} cannot be read from block {{blocks}} once its confounds are regressed "
            f"out{_folds_of(scheme)}",
            open_=f"Whether {target} can be read from block {{blocks}} is open",
        )  # fmt: skip
    return out


def _folds_of(scheme: str) -> str:
    """Which folds were used, where not the run's."""
    return ", on folds of its own since those of the run do not mix it" * (scheme == OWN_FOLDS)


def swap_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Performance that does not need the individual label, only its site or batch."""
    rows = audit[audit["check"] == "outcome, labels swapped"]
    outcome, chance = recipe.experiment.outcome, 0.0 if recipe.continuous else 0.5
    out, clean = [], []
    for (block, variant), mine in rows.groupby(["block", "detail"], sort=False):
        free = mine[mine["scheme"] == FREELY].iloc[0]
        for _, inside in mine[mine["scheme"] == WITHIN].iterrows():
            name = inside["target"]
            if pd.isna(inside["reference"]) or pd.isna(inside["p_raw"]):
                out.append(
                    say(NOT_TOLD, f"What block {block} ({variant}) tells of {outcome} with labels "
                        f"swapped within {name} is not known: {NO_TWO_KINDS}.")
                )  # fmt: skip
            elif inside["reference"] - chance >= EXPLAINED:
                out.append(
                    say("caution", f"Block {block} ({variant}) reaches {inside['reference']:.2f} "
                        f"on {outcome} with labels swapped within {name}, and "
                        f"{free['value']:.2f} with the true ones: {name} alone tells that much.")
                )  # fmt: skip
            elif _beyond(free) and inside["p_raw"] > recipe.experiment.alpha:
                out.append(
                    say("caution", f"What block {block} ({variant}) tells of "
                        f"{outcome} ({free['value']:.2f}) is not told apart from "
                        f"chance once labels are swapped within {name}.")
                )  # fmt: skip
            else:
                clean.append((name, inside["reference"] - chance))
    if not out and clean:
        most = max(max(shift for _, shift in clean), 0.0)
        out = [
            say("ok", f"Swapping labels within {listed(name for name, _ in clean)} leaves no "
                f"performance: {most:.2f} above chance at most, and {EXPLAINED:.2f} would be said.")
        ]  # fmt: skip
    return out


def _beyond(row: pd.Series) -> bool:
    """Whether the true labels are told beyond chance."""
    return bool(row["p_adjusted"] <= LEVEL and row["p_raw"] <= STRICT)


def refit_sentences(audit: pd.DataFrame) -> list[Sentence]:
    """Whether the model predicts an outcome that means nothing."""
    out = []
    for r in audit[audit["check"] == refits.CHECK].itertuples():
        start = (
            f"Fitted again on relabelled {r.target} ({r.detail}), the model {r.block} reaches "
            f"{r.value:.2f}, where chance is {r.chance:.2f} and the true one gives "
            f"{r.reference:.2f}"
        )
        if pd.isna(r.value) or pd.isna(r.seen):
            text = f"What the model {r.block} reaches on relabelled {r.target} is not known"
            out.append(say(NOT_TOLD, f"{text}: too few could be fitted ({r.detail})."))
        elif r.p_adjusted <= LEVEL and r.value - r.chance >= WORTH_GAP:
            out.append(
                say("artefact", f"{start}: people of a test fold are known from training, as "
                    "copies and relatives are, or a step saw them.")
            )  # fmt: skip
        elif r.seen <= r.chance + READABLE_GAP:
            out.append(say("ok", f"{start}: {r.seen:.2f} would have been seen {SUCH}."))
        else:
            out.append(
                say(NOT_TOLD, f"{start}: no leak was found, but it takes {r.seen:.2f} to be seen "
                    f"{SUCH}, and {r.chance + READABLE_GAP:.2f} should be.")
            )  # fmt: skip
    return out


def _outcome_measure(recipe: Recipe) -> tuple[str, float, float]:
    """Measure of the outcome, what is worth a word, and what "ok" promises."""
    if recipe.continuous:
        return "r", WORTH_R, READABLE_R
    return "AUC", WORTH_AUC, READABLE_AUC
