"""Verdict on units whose data is missing by batch, or whose worth goes with one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.context import ADJUSTED, UNADJUSTED
from neurogenomics_kb.pipelines.integration.analyses.audit.saying import Sentence, say
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    ALONE,
    BEYOND_ERROR,
    LEFT,
    LOST,
    UNEVEN,
)


def unit_sentences(audit: pd.DataFrame) -> list[Sentence]:
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


def _unit_sentence(audit: pd.DataFrame, r) -> Sentence:
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


def batch_sentences(audit: pd.DataFrame) -> list[Sentence]:
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
