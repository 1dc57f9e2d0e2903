"""Verdict on people who are not strangers: copies, relatives, undeclared groups, shared batches."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.saying import (
    NOT_TOLD,
    Sentence,
    listed,
    rest,
    say,
    seen_or_not,
    told,
    unknown,
    why,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.table import FEW, ONE_ROW
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    READABLE_LIKENESS,
    READABLE_V,
    WORTH_LIKENESS,
    WORTH_V,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.undeclared import CHECK
from neurogenomics_kb.registry.disclosure import MINIMUM_CELL
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.repeats import NEAR


def duplicate_sentences(audit: pd.DataFrame) -> list[Sentence]:
    """Rows that repeat, and relatives, across folds and families."""
    says = {
        "duplicates across folds": ("artefact", "have the same features of block {block} on both "
                                    "sides of a fold boundary: the same data, or person, under "
                                    "two ids. Should folds keep these together?"),
        "same person across folds": ("artefact", "carry the same genotypes on both sides of a fold "
                                     "boundary: one person, or twins, under two family ids. Should "
                                     "folds keep these together?"),
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
            out.append(say(level, f"{where[0].upper()}{where[1:]}: {why(r.detail)}."))
    known = audit[(audit["check"] == "duplicates across folds") & audit["value"].notna()]
    if found or known.empty:
        return out
    clean = (
        f"No subject's features of block {listed(known['block'])} occur on both sides of a fold "
        f"boundary: equal rows are always seen, a person measured again up to {NEAR:.0%} of the "
        "squared distance of strangers."
    )
    return [say("ok", clean), *out]


def pairs(count: float) -> str:
    """A number of pairs, small ones (NaN) as a bound."""
    return f"{count:.0f} pairs of subjects" if count >= MINIMUM_CELL else (
        f"Fewer than {MINIMUM_CELL} pairs of subjects"
    )  # fmt: skip


def likeness_sentences(audit: pd.DataFrame) -> list[Sentence]:
    """Columns of small groups whose members are alike, and whom nothing keeps together."""
    rows = audit[audit["check"] == CHECK]
    out = [
        say("caution", f"People of one {r.target} ({r.unit}, {r.detail}) are alike in block "
            f"{r.block}: likeness {r.value:.2f}, where strangers have 0. Should folds keep these "
            f"together? Then name {r.target} as the group of the folds and as exchangeability.")
        for r in told(rows, WORTH_LIKENESS).itertuples()
    ]  # fmt: skip
    out += [
        say(NOT_TOLD, f"Whether people of one {r.target} are alike in block {r.block} is not "
            "known: nobody may change places.")
        for r in unknown(rows).itertuples()
    ]  # fmt: skip
    for target, left in rest(rows, WORTH_LIKENESS).groupby("target", sort=False):
        out += seen_or_not(
            left, READABLE_LIKENESS, measure="a likeness",
            clean=f"People of one {target} are not alike in block {{blocks}}",
            open_=f"Whether people of one {target} are alike in block {{blocks}} is open",
        )  # fmt: skip
    return out


def sharing_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Sites and batches that share the outcome unevenly."""
    rows = audit[audit["check"] == "batch by outcome"]
    outcome, out = recipe.experiment.outcome, []
    for r in told(rows, WORTH_V).itertuples():
        handled = r.target in (*recipe.confounds, *recipe.optional_confounds)
        end = (
            "it is among the confounds, and what both have in common is regressed out of the blocks"
            if handled
            else f"it is not among the confounds, and whatever tells it tells {outcome}"
        )
        out.append(
            say("caution", f"{r.target} shares {outcome} unevenly ({r.unit} {r.value:.2f}): {end}.")
        )
    out += [
        say(NOT_TOLD, f"Whether {r.target} shares {outcome} evenly is not known: relabelling "
            "families leaves it as it is.")
        for r in unknown(rows).itertuples()
    ]  # fmt: skip
    left = rest(rows, WORTH_V)
    if len(left):
        measure = "an eta" if recipe.continuous else "a Cramér's V"
        out += seen_or_not(
            left.assign(block=left["target"]), READABLE_V, measure=measure,
            clean=f"{outcome} is shared evenly by {{blocks}}",
            open_=f"Whether {outcome} is shared evenly by {{blocks}} is open",
        )  # fmt: skip
    return out
