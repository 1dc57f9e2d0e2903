"""What the audit means, in sentences with a level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.checks import ADJUSTED, UNADJUSTED
from neurogenomics_kb.pipelines.integration.analyses.audit.harmonization import (
    harmonization_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import (
    FEW,
    FREELY,
    ONE_ROW,
    WITHIN,
)
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    with_covariates,
)
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe

# What a reader would call readable: a decoder that is right in three of five pairs, beyond chance.
READABLE_AUC = 0.60
# The same of a number: correlation with the decoder's score.
READABLE_R = 0.20
STRICT = 0.01
# A share of the AUC above chance that swapping labels inside a site may leave unexplained.
EXPLAINED = 0.05
# A unit worth explaining: alone 0.05 above chance, or 0.02 lost without it; explained by the batch
# when holding the batch fixed takes at least half of it away.
ALONE, LOST, LEFT = 0.05, 0.02, 0.5
# Standard errors by which a loss must shrink inside batches: 1 % by chance, one-sided.
BEYOND_ERROR = 2.33
# What the p-values of decoders are for.
DECODED = ("missingness alone", "which fold", "decodability")
NOT_TOLD = "not told"
# Cases and controls share a batch unevenly.
UNEVEN = 0.05
LEVELS = ("artefact", "caution", "not told", "ok")


def judge_audit(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Verdict of the audit, worst first; it speaks only of what was checked.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    audit : DataFrame
        `AUDIT`.

    Returns
    -------
    list of dict
        ``level`` ("artefact", "caution", "not told" or "ok") and ``text``.
    """
    found = [
        *harmonization_sentences(recipe, audit),
        *unit_sentences(audit),
        *batch_sentences(audit),
        *duplicate_sentences(audit),
        *(
            blind_sentences(recipe, audit)
            or [
                *missingness_sentences(recipe, audit),
                *fold_sentences(audit),
                *decodability_sentences(audit),
            ]
        ),
        *swap_sentences(recipe, audit),
        *covariate_sentences(recipe, audit),
    ]
    return sorted(found, key=lambda sentence: LEVELS.index(sentence["level"]))


def say(level: str, text: str) -> dict[str, str]:
    """One sentence."""
    return {"level": level, "text": text}


def unit_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Units whose data is missing by batch."""
    rows = audit[audit["check"] == "missing calls by batch"]
    examined = _keys(audit[audit["check"] == "unit alone"], ["block", "target", "unit"])
    out, others = [], 0
    for r in rows.itertuples():
        if (r.block, r.target, r.unit) in examined:
            out.append(_unit_sentence(audit, r))
        else:
            others += 1
    if others:
        out.append(
            say("caution", f"{others} units more are missing more often in one batch than others; "
                "the table of the audit has them.")
        )  # fmt: skip
    return out


def _unit_sentence(audit: pd.DataFrame, r) -> dict[str, str]:
    """One unit that is missing by batch and was looked at closely."""
    known = audit[(audit["block"] == r.block) & (audit["target"] == r.target)
                  & (audit["unit"] == r.unit)]  # fmt: skip
    with_confounds = known[known["detail"] == UNADJUSTED].set_index("check")["value"]
    loss = with_confounds["unit loss without it"]
    fixed = with_confounds["unit loss without it, batch held fixed"]
    alone = with_confounds["unit alone"]
    inside = with_confounds["unit alone, batch held fixed"]
    shares = audit[(audit["check"] == "share of outcome classes")
                   & (audit["target"] == r.target) & (audit["unit"] == r.detail)]  # fmt: skip
    text = (
        f"{r.unit}: {r.value:.0%} of its data is missing in {r.target} {r.detail} and "
        f"{r.reference:.0%} elsewhere."
    )
    cases, controls = np.nan, np.nan
    if len(shares):
        cases, controls = shares[["value", "reference"]].iloc[0]
        text += f" {cases:.0%} of cases and {controls:.0%} of controls are in {r.detail}."
    if not (alone - 0.5 >= ALONE or loss >= LOST):
        return say("caution", f"{text} It tells nothing of the outcome.")
    text += (
        f" Leaving it out loses {loss:.2f} AUROC overall and {fixed:.2f} among subjects of "
        f"one {r.target}; alone it reaches {alone:.2f} overall and {inside:.2f} among them."
    )
    uneven = abs(cases - controls) >= UNEVEN
    explained = inside - 0.5 <= LEFT * (alone - 0.5) and fixed <= max(LEFT * loss, LOST)
    if not (uneven and explained):
        return say("caution", f"{text} What it tells is not explained by {r.target}.")
    text += f" Its signal is missingness by {r.target}, not sequence."
    adjusted = known[(known["check"] == "unit alone") & (known["detail"] == ADJUSTED)]["value"]
    # Filters act in the fold, so a unit may be gone where confounds are regressed out.
    for left in adjusted:
        text += f" With the card's confounds regressed out it reaches {left:.2f} alone."
    return say("artefact", text)


def _keys(rows: pd.DataFrame, columns: list[str]) -> pd.MultiIndex:
    """Values of some columns, row by row."""
    return pd.MultiIndex.from_frame(rows[columns])


def batch_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Units of large loss whose loss goes when a batch is held fixed, their calls complete."""
    missing = _keys(audit[audit["check"] == "missing calls by batch"], ["block", "unit"])
    rows = audit[(audit["check"] == "unit loss that goes with the batch")
                 & (audit["detail"] == ADJUSTED)]  # fmt: skip
    out = []
    for r in rows.itertuples():
        if (r.block, r.unit) in missing:
            continue
        same = audit[(audit["block"] == r.block) & (audit["target"] == r.target)
                     & (audit["unit"] == r.unit) & (audit["detail"] == ADJUSTED)]  # fmt: skip
        by_check = same.set_index("check")["value"]
        loss = by_check["unit loss without it"]
        fixed = by_check["unit loss without it, batch held fixed"]
        if loss >= LOST and fixed <= LEFT * loss and r.value > BEYOND_ERROR * r.reference:
            out.append(
                say("caution", f"{r.unit}: leaving it out loses {loss:.2f} AUROC overall and "
                    f"{fixed:.2f} among subjects of one {r.target}: most of it goes with "
                    f"{r.target}.")
            )  # fmt: skip
    return out


def blind_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Checks that could not have seen anything, since their p cannot be small enough."""
    n = recipe.experiment.n_permutations
    if 1 / (n + 1) <= STRICT or not audit["check"].isin(DECODED).any():
        return []
    return [
        say(NOT_TOLD, f"With {n} permutations no p-value reaches {STRICT}: whether sites, batches, "
            "folds or missing data can be read from a block, or tell the outcome, was not tested. "
            f"Run at least {round(1 / STRICT) - 1}.")
    ]  # fmt: skip


def unknown_sentences(rows: pd.DataFrame, what: str) -> list[dict[str, str]]:
    """Decoders without a number, which say nothing about what they were to read."""
    return [
        say(NOT_TOLD, f"Whether {what.format(target=r.target, block=r.block)} is not known: no "
            "test fold holds two kinds to tell apart.")
        for r in rows[rows["value"].isna()].itertuples()
    ]  # fmt: skip


def missingness_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Blocks whose gaps alone tell the outcome, so that filling them carries it over."""
    rows = audit[audit["check"] == "missingness alone"]
    measure, readable = ("r", READABLE_R) if recipe.continuous else ("AUC", READABLE_AUC)
    told = rows[(rows["value"] >= readable) & (rows["p_raw"] <= STRICT)]
    return [
        say("caution", f"Which data of block {r.block} is missing tells {r.target} by itself "
            f"({measure} {r.value:.2f}): filled gaps carry that over to the block.")
        for r in told.itertuples()
    ] + unknown_sentences(rows, "missing data of block {block} tells {target}")  # fmt: skip


def duplicate_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Rows that repeat, and relatives, across folds and families."""
    says = {
        "duplicates across folds": ("artefact", "have the same features of block {block} on both "
                                    "sides of a fold boundary: the same data, or person, under "
                                    "two ids."),
        "same person across folds": ("artefact", "carry the same genotypes on both sides of a fold "
                                     "boundary: one person, or twins, under two family ids."),
        "relatives across folds": ("caution", "are close relatives by their sequences, on both "
                                   "sides of a fold boundary: give them one family."),
        "relatives across families": ("caution", "are close relatives by their sequences, with two "
                                      "family ids: permutations take them as independent."),
    }  # fmt: skip
    out, found = [], False
    for r in audit[audit["check"].isin(list(says))].itertuples():
        level, text = says[r.check]
        if r.detail == FEW or r.value > 0:
            found = True
            out.append(say(level, f"{pairs(r.value)} {text.format(block=r.block)}"))
        elif pd.isna(r.value) and r.check != "relatives across families":
            where = f"{r.check}, block {r.block}" if r.block else r.check
            level = "caution" if ONE_ROW in r.detail else NOT_TOLD
            out.append(say(level, f"{where[0].upper()}{where[1:]}: {r.detail}."))
    told = audit[(audit["check"] == "duplicates across folds") & audit["value"].notna()]
    clean = "No subject's features occur on both sides of a fold boundary."
    return out if found or told.empty else [say("ok", clean), *out]


def pairs(count: float) -> str:
    """A number of pairs, small ones (NaN) as a bound."""
    return f"{count:.0f} pairs of subjects" if count >= MINIMUM_CELL else (
        f"Fewer than {MINIMUM_CELL} pairs of subjects"
    )  # fmt: skip


def fold_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Whether a block tells the fold."""
    rows = audit[audit["check"] == "which fold"]
    told = rows[(rows["value"] >= READABLE_AUC) & (rows["p_raw"] <= STRICT)]
    out = [
        say(
            "ok" if r.detail else "caution",
            f"Block {r.block} tells the fold a subject is in (AUC {r.value:.2f})"
            + (f"; {r.detail}." if r.detail else ": folds differ in more than chance."),
        )
        for r in told.itertuples()
    ]
    out += unknown_sentences(rows, "block {block} tells the fold")
    if not out and len(rows):
        out = [say("ok", "No block tells which fold a subject is in.")]
    return out


def decodability_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Sites and batches that can still be read after the card's confounds are regressed out."""
    rows = audit[audit["check"] == "decodability"]
    after = rows[rows["detail"] == ADJUSTED]
    told = after[(after["value"] >= READABLE_AUC) & (after["p_raw"] <= STRICT)]
    out = []
    for r in told.itertuples():
        before = rows[(rows["block"] == r.block) & (rows["target"] == r.target)
                      & (rows["detail"] == UNADJUSTED)]["value"].iloc[0]  # fmt: skip
        out.append(
            say("caution", f"{r.target} can be read from block {r.block}: AUC {r.value:.2f} after "
                f"its confounds are regressed out, {before:.2f} before.")
        )  # fmt: skip
    out += unknown_sentences(after, "{target} can be read from block {block}")
    if not out and len(after):
        out = [say("ok", "Neither site nor batch can be read from a block once its confounds are "
                   "regressed out.")]  # fmt: skip
    return out


def swap_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Performance that does not need the individual label, only its site or batch."""
    rows = audit[audit["check"] == "outcome, labels swapped"]
    chance = 0.0 if recipe.continuous else 0.5
    out, swapped = [], rows["scheme"] == WITHIN
    for (block, variant), mine in rows.groupby(["block", "detail"], sort=False):
        free = mine[mine["scheme"] == FREELY].iloc[0]
        for _, inside in mine[mine["scheme"] == WITHIN].iterrows():
            name = inside["target"]
            if inside["reference"] - chance >= EXPLAINED:
                out.append(
                    say("caution", f"Block {block} ({variant}) reaches {inside['reference']:.2f} "
                        f"on {recipe.experiment.outcome} with labels swapped within {name}, and "
                        f"{free['value']:.2f} with the true ones: {name} alone tells that much.")
                )  # fmt: skip
            elif free["p_raw"] <= STRICT and inside["p_raw"] > recipe.experiment.alpha:
                out.append(
                    say("caution", f"What block {block} ({variant}) tells of "
                        f"{recipe.experiment.outcome} ({free['value']:.2f}) is not told apart from "
                        f"chance once labels are swapped within {name}.")
                )  # fmt: skip
    if not out and swapped.any():
        out = [say("ok", "Swapping labels within sites and batches leaves no performance.")]
    return out


def covariate_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Blocks beside the covariates, and what regressing confounds out changes."""
    rows = audit[audit["check"] == "model"].set_index("block")
    if COVARIATES not in rows.index:
        return []
    covariates = float(rows.loc[COVARIATES, "value"])
    out = []
    for block in recipe.blocks:
        if block not in rows.index:
            continue
        value, left_in = float(rows.loc[block, "value"]), float(rows.loc[block, "reference"])
        joint = float(rows.loc[with_covariates(block), "value"])
        out.append(
            say("caution" if left_in - value >= EXPLAINED or joint <= covariates else "ok",
                f"Block {block}: {value:.2f} with its confounds regressed out, {left_in:.2f} with "
                f"them left in; covariates alone {covariates:.2f}, both together {joint:.2f}.")
        )  # fmt: skip
    return out
