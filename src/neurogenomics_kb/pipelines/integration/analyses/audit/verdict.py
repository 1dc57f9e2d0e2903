"""What the audit means, in sentences with a level."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurogenomics_kb.pipelines.integration.analyses.audit.harmonization import (
    harmonization_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.proxies import ALONE_CHECK, BLOCK_CHECK
from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_decoders import (
    decodability_sentences,
    fold_sentences,
    missingness_sentences,
    refit_sentences,
    swap_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_people import (
    duplicate_sentences,
    likeness_sentences,
    sharing_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_proxies import (
    ceiling_sentences,
    proxy_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.said_of_units import (
    batch_sentences,
    unit_sentences,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.saying import Sentence, say
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import (
    EXPLAINED,
    LEVELS,
    NOT_TOLD,
    STRICT,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.undeclared import CHECK as LIKENESS
from neurogenomics_kb.pipelines.integration.analyses.prediction.predict import (
    COVARIATES,
    with_covariates,
)
from neurogenomics_kb.registry.recipe import Recipe

# What relabellings give p-values for.
RELABELLED = (
    "missingness alone", "which fold", "decodability", "batch by outcome", ALONE_CHECK, BLOCK_CHECK,
    LIKENESS,
)  # fmt: skip


def judge_audit(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
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
        *refit_sentences(audit),
        *(
            blind_sentences(recipe, audit)
            or [
                *proxy_sentences(recipe, audit),
                *missingness_sentences(recipe, audit),
                *fold_sentences(audit),
                *decodability_sentences(audit),
                *likeness_sentences(audit),
                *sharing_sentences(recipe, audit),
            ]
        ),
        *ceiling_sentences(recipe, audit),
        *swap_sentences(recipe, audit),
        *covariate_sentences(recipe, audit),
    ]
    return sorted(found, key=lambda sentence: LEVELS.index(sentence["level"]))


def blind_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
    """Checks that could not have seen anything, since their p cannot be small enough."""
    n = recipe.experiment.n_permutations
    if 1 / (n + 1) <= STRICT or not audit["check"].isin(RELABELLED).any():
        return []
    return [
        say(NOT_TOLD, f"With {n} permutations no p-value reaches {STRICT}: whether sites, batches, "
            "folds or missing data can be read from a block, share or tell the outcome, whether a "
            "block is part of it, and whether small groups are alike, was not tested. Run at "
            f"least {round(1 / STRICT) - 1}.")
    ]  # fmt: skip


def covariate_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[Sentence]:
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
        if not np.isfinite([covariates, value, left_in, joint]).all():
            out.append(
                say(NOT_TOLD, f"Block {block} beside the covariates: not every model has a number.")
            )
            continue
        out.append(
            say("caution" if left_in - value >= EXPLAINED or joint <= covariates else "ok",
                f"Block {block}: {value:.2f} with its confounds regressed out, {left_in:.2f} with "
                f"them left in; covariates alone {covariates:.2f}, both together {joint:.2f}.")
        )  # fmt: skip
    return out
