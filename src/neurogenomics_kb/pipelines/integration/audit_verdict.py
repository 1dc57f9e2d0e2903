"""What the audit means, in sentences with a level."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.audit import ADJUSTED, UNADJUSTED
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe

# What a reader would call readable: a decoder that is right in three of five pairs, beyond chance.
READABLE_AUC = 0.60
STRICT = 0.01
# A share of the AUC above chance that swapping labels inside a site may leave unexplained.
EXPLAINED = 0.05
# A unit worth explaining: alone 0.05 above chance, or 0.02 lost without it; explained by the batch
# when holding the batch fixed takes at least half of it away.
ALONE, LOST, LEFT = 0.05, 0.02, 0.5
# Cases and controls share a batch unevenly.
UNEVEN = 0.05
LEVELS = ("artefact", "caution", "ok")


def judge_audit(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Verdict of the audit, worst first.

    Returns
    -------
    list of dict
        ``level`` ("artefact", "caution" or "ok") and ``text``.
    """
    if audit.empty:
        return []
    found = [
        *unit_sentences(audit),
        *duplicate_sentences(audit),
        *fold_sentences(audit),
        *decodability_sentences(audit),
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
    out = []
    for r in rows.itertuples():
        known = audit[(audit["block"] == r.block) & (audit["target"] == r.target)
                      & (audit["unit"] == r.unit)]  # fmt: skip

        def value(check: str, detail: str = UNADJUSTED, known=known) -> float:
            match = known[(known["check"] == check) & (known["detail"] == detail)]["value"]
            return float(match.iloc[0]) if len(match) else float("nan")

        shares = audit[(audit["check"] == "share of outcome classes")
                       & (audit["target"] == r.target) & (audit["unit"] == r.detail)]  # fmt: skip
        text = (
            f"{r.unit}: {r.value:.0%} of its data is missing in {r.target} {r.detail} and "
            f"{r.reference:.0%} elsewhere."
        )
        cases, controls = float("nan"), float("nan")
        if len(shares):
            cases, controls = float(shares["value"].iloc[0]), float(shares["reference"].iloc[0])
            text += f" {cases:.0%} of cases and {controls:.0%} of controls are in {r.detail}."
        loss, fixed = value("unit loss without it"), value("unit loss without it, batch held fixed")
        alone, inside = value("unit alone"), value("unit alone, batch held fixed")
        matters = alone - 0.5 >= ALONE or loss >= LOST
        uneven = abs(cases - controls) >= UNEVEN
        explained = inside - 0.5 <= LEFT * (alone - 0.5) and fixed <= max(LEFT * loss, LOST)
        if matters:
            text += (
                f" Leaving it out loses {loss:.2f} AUROC overall and {fixed:.2f} among subjects of "
                f"one {r.target}; alone it reaches {alone:.2f} overall and {inside:.2f} among them."
            )
        if matters and uneven and explained:
            left = value("unit alone", ADJUSTED)
            text += (
                f" Its signal is missingness by {r.target}, not sequence. With the card's "
                f"confounds regressed out it reaches {left:.2f} alone."
            )
            out.append(say("artefact", text))
        else:
            out.append(say("caution", text + " No signal of the outcome is explained by it."))
    return out


def duplicate_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Rows that repeat, and relatives, across folds."""
    out = []
    for r in audit[audit["check"] == "duplicates across folds"].itertuples():
        if r.value:
            out.append(
                say("artefact", f"{pairs(r.value)} have identical features of block {r.block} on "
                    "both sides of a fold boundary: the same data, or person, under two ids.")
            )  # fmt: skip
    counts = audit.set_index("check")
    if "same person across folds" in counts.index:
        same = counts.loc["same person across folds", "value"]
        if same:
            out.append(
                say("artefact", f"{pairs(same)} carry one person's sequences on both sides of a "
                    "fold boundary.")
            )  # fmt: skip
        related = counts.loc["relatives across folds"]
        if related["value"] > same:
            out.append(
                say("caution", f"{pairs(related['value'])} are close relatives on both sides of a "
                    "fold boundary by their sequences: give them one family.")
            )  # fmt: skip
        elif pd.isna(related["value"]):
            out.append(say("ok", f"Undeclared relatives across folds: {related['detail']}."))
    artefact = any(sentence["level"] == "artefact" for sentence in out)
    return out if artefact else [
        say("ok", "No subject's features occur on both sides of a fold boundary."), *out
    ]  # fmt: skip


def pairs(count: float) -> str:
    """A number of pairs, small ones as a bound."""
    return f"{count:.0f} pairs of subjects" if count >= MINIMUM_CELL else (
        f"Fewer than {MINIMUM_CELL} pairs of subjects"
    )  # fmt: skip


def fold_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Whether a block tells the fold."""
    rows = audit[audit["check"] == "which fold"]
    told = rows[(rows["value"] >= READABLE_AUC) & (rows["p_value"] <= STRICT)]
    out = [
        say(
            "ok" if r.detail else "caution",
            f"Block {r.block} tells the fold a subject is in (AUC {r.value:.2f})"
            + (f"; {r.detail}." if r.detail else ": folds differ in more than chance."),
        )
        for r in told.itertuples()
    ]
    return out or [say("ok", "No block tells which fold a subject is in.")]


def decodability_sentences(audit: pd.DataFrame) -> list[dict[str, str]]:
    """Sites and batches that can still be read after the card's confounds are regressed out."""
    rows = audit[audit["check"] == "decodability"]
    after = rows[rows["detail"] == ADJUSTED]
    told = after[(after["value"] >= READABLE_AUC) & (after["p_value"] <= STRICT)]
    out = []
    for r in told.itertuples():
        before = rows[(rows["block"] == r.block) & (rows["target"] == r.target)
                      & (rows["detail"] == UNADJUSTED)]["value"].iloc[0]  # fmt: skip
        out.append(
            say("caution", f"{r.target} can be read from block {r.block}: AUC {r.value:.2f} after "
                f"its confounds are regressed out, {before:.2f} before.")
        )  # fmt: skip
    if not out and len(after):
        out = [say("ok", "Neither site nor batch can be read from a block once its confounds are "
                   "regressed out.")]  # fmt: skip
    return out


def swap_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Performance that does not need the individual label, only its site or batch."""
    rows = audit[(audit["check"] == "outcome, labels swapped") & (audit["detail"] == ADJUSTED)]
    chance = 0.0 if recipe.continuous else 0.5
    out = []
    for block, mine in rows.groupby("block", sort=False):
        by_scheme = mine.set_index("target")
        free = by_scheme.loc["freely"]
        for scheme in by_scheme.index.drop("freely"):
            inside = by_scheme.loc[scheme]
            name = scheme.removeprefix("within ")
            if inside["reference"] - chance >= EXPLAINED:
                out.append(
                    say("caution", f"Block {block} predicts {recipe.experiment.outcome} at "
                        f"{inside['reference']:.2f} even with labels swapped within {name}: that "
                        f"part of its {free['value']:.2f} is {name}.")
                )  # fmt: skip
            elif free["p_value"] <= STRICT and inside["p_value"] > recipe.experiment.alpha:
                out.append(
                    say("caution", f"What block {block} tells of {recipe.experiment.outcome} "
                        f"({free['value']:.2f}) is not told apart from chance once labels are "
                        f"swapped within {name}.")
                )  # fmt: skip
    return out or [say("ok", "Swapping labels within sites and batches leaves no performance.")]


def covariate_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Blocks beside the covariates, and what regressing confounds out changes."""
    rows = audit[audit["check"] == "model"].set_index("block")
    if "covariates" not in rows.index:
        return []
    covariates = float(rows.loc["covariates", "value"])
    out = []
    for block in recipe.blocks:
        if block not in rows.index:
            continue
        value, left_in = float(rows.loc[block, "value"]), float(rows.loc[block, "reference"])
        joint = rows["value"].get(f"{block}_covariates", float("nan"))
        out.append(
            say("caution" if left_in - value >= EXPLAINED or joint <= covariates else "ok",
                f"Block {block}: {value:.2f} with its confounds regressed out, {left_in:.2f} with "
                f"them left in; covariates alone {covariates:.2f}, both together {joint:.2f}.")
        )  # fmt: skip
    return out
