"""Verdict on blocks and features that may be part of how the outcome was made."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.proxies import (
    ALONE_CHECK,
    BLOCK_CHECK,
    HERITABILITY,
    LEFT_CHECK,
    RELIABILITY,
    TYPICAL_CHECK,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.saying import SUCH, Sentence, say
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    ALL_AUC,
    ALL_R,
    FEWEST_SCALES,
    HIGH_AUC,
    HIGH_R,
    INSTRUMENT_AUC,
    INSTRUMENT_R,
    LEFT_OVER,
    LEVEL,
    NEARLY,
    NOT_TOLD,
    SEEN_BLOCK_AUC,
    SEEN_BLOCK_R,
    SINGLE_AUC,
    SINGLE_R,
    STRICT,
    SURE,
    TYPICAL,
)
from neurogenomics_kb.registry.recipe import Recipe

PART = "possibly part of how the outcome was made"


def proxy_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Every block: a feature that tells all, scales of the outcome, instruments, or neither."""
    return [
        sentence
        for r in audit[audit["check"] == BLOCK_CHECK].itertuples()
        for sentence in _of_block(recipe, audit[audit["block"] == r.block], r)
    ]


def _of_block(recipe: Recipe, mine: pd.DataFrame, block) -> list[Sentence]:
    """Sentences on one block; `block` is its row of the whole block's performance."""
    measure = "r" if recipe.continuous else "AUC"
    if pd.isna(block.value) or pd.isna(block.p_adjusted):
        return [
            say(NOT_TOLD, f"Whether block {block.block} is part of {block.target} is not known: it "
                "has no performance to hold against it.")
        ]  # fmt: skip
    alone = mine[mine["check"] == ALONE_CHECK]
    whole = f"{measure} {block.value:.2f}"
    out = [
        say("caution", f"{r.unit} of block {block.block} alone tells {r.target} with {measure} "
            f"{r.value:.2f} (the whole block: {whole}): {PART}, or recorded after it.")
        for r in alone[_tells_all(recipe, alone, block.value)].itertuples()
    ]  # fmt: skip
    typical, left = (mine[mine["check"] == c] for c in (TYPICAL_CHECK, LEFT_CHECK))
    if _made_of(recipe, block, typical, left):
        out.append(
            say("caution", f"Block {block.block} tells {block.target} with {whole}, each of its "
                f"features does (typical |z| {typical['value'].iloc[0]:.1f}), and beside "
                f"{block.target} they have nothing in common (correlations of "
                f"{max(left['value'].iloc[0], 0):.2f}): {PART}, as the scales of a diagnosis are.")
        )  # fmt: skip
    elif recipe.blocks[block.block].modality == "behaviour" and _surely(block, _least(recipe)):
        out.append(
            say("caution", f"Block {block.block} is of instruments and tells {block.target} with "
                f"{whole}: {PART}.")
        )  # fmt: skip
    return out or [_nothing(recipe, alone, block, typical, whole, measure)]


def _tells_all(recipe: Recipe, alone: pd.DataFrame, whole: float) -> pd.Series:
    """Features that alone tell too much for a feature, or all that their block does."""
    single, all_ = (SINGLE_R, ALL_R) if recipe.continuous else (SINGLE_AUC, ALL_AUC)
    value = alone["value"]
    much = (value >= single) | ((value >= all_) & (value >= whole - NEARLY))
    return much & (alone["p_adjusted"] <= LEVEL)


def _made_of(recipe: Recipe, block, typical: pd.DataFrame, left: pd.DataFrame) -> bool:
    """Whether the outcome is the one thing that the features of a block have in common."""
    if typical.empty or typical["value"].isna().any() or left["value"].isna().any():
        return False
    high = HIGH_R if recipe.continuous else HIGH_AUC
    predicts = block.value >= high and block.p_adjusted <= LEVEL and block.p_raw <= STRICT
    common = np.hypot(LEFT_OVER, left["reference"].iloc[0])
    return bool(
        predicts and typical["value"].iloc[0] >= TYPICAL and left["value"].iloc[0] <= common
    )


def _surely(block, least: float) -> bool:
    """Whether a block's performance surely exceeds a size."""
    return bool(block.value - SURE * block.reference >= least)


def _least(recipe: Recipe) -> float:
    return INSTRUMENT_R if recipe.continuous else INSTRUMENT_AUC


def _nothing(recipe, alone, block, typical, whole: str, measure: str) -> Sentence:
    """What is said of a block of which nothing was found."""
    single, promised = (
        (SINGLE_R, SEEN_BLOCK_R) if recipe.continuous else (SINGLE_AUC, SEEN_BLOCK_AUC)
    )
    start = f"Block {block.block} ({whole}) as part of {block.target}"
    asked = len(typical) and typical["value"].notna().all()
    feature = alone["seen"].max() if len(alone) else np.nan
    if not asked:
        return say(
            NOT_TOLD,
            f"{start}: fewer than {FEWEST_SCALES} features do not show what they have in common; "
            f"alone none tells {single:.2f}, or all that the block does.",
        )
    if not (feature <= single and block.seen <= promised):
        return say(
            NOT_TOLD,
            f"{start}: nothing was found, but it takes a feature of {measure} {feature:.2f}, or "
            f"scales that together have {block.seen:.2f}, to be seen {SUCH}, and {single:.2f} and "
            f"{promised:.2f} should be.",
        )
    return say(
        "ok",
        f"{start}: no feature alone tells it all, and it is not the one thing that the features "
        f"have in common. A feature of {measure} {feature:.2f}, or scales that together have "
        f"{block.seen:.2f}, would have been seen {SUCH}.",
    )


def ceiling_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Blocks above what heritability or reliability allows, where the card states them."""
    measure = "r" if recipe.continuous else "AUC"
    out = []
    for check, who, allows in (
        (HERITABILITY, "genetic predictor", "heritability"),
        (RELIABILITY, "predictor of the true state", "reliability"),
    ):
        for r in audit[audit["check"] == check].itertuples():
            if pd.isna(r.reference):
                out += _unstated(audit, r, who, allows)
                continue
            start = (
                f"Block {r.block} tells {r.target} with {measure} {r.value:.2f}; no {who} exceeds "
                f"{r.reference:.2f} ({r.unit})"
            )
            if r.value - SURE * r.seen > r.reference:
                end = f"{PART}, or another leak." if check == RELIABILITY else (
                    "it tells something that is no heritable liability, as batch, ancestry or a "
                    f"leak, or is {PART}."
                )  # fmt: skip
                out.append(say("caution", f"{start}: {end}"))
            elif pd.notna(r.value) and pd.notna(r.seen):
                least = min(r.reference + (SURE + 0.84) * r.seen, 1.0)
                out.append(say("ok", f"{start}, and {least:.2f} would have been seen {SUCH}."))
            else:
                out.append(say(NOT_TOLD, f"Block {r.block}: no performance to hold against "
                               f"{allows}."))  # fmt: skip
    return out


def _unstated(audit: pd.DataFrame, row, who: str, allows: str) -> list[Sentence]:
    """A ceiling that the card does not give, of a block that predicts and so may exceed it."""
    block = audit[(audit["check"] == BLOCK_CHECK) & (audit["block"] == row.block)]
    if block.empty or not (block["p_adjusted"].iloc[0] <= LEVEL):
        return []
    return [
        say(NOT_TOLD, f"Whether block {row.block} exceeds what the {allows} of {row.target} allows "
            f"a {who} is not known: the dataset card does not state it ({row.detail}).")
    ]  # fmt: skip
