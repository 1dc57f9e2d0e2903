"""What a run's harmonization did to site and biology, fold by fold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.audit.context import (
    merge_small,
    own_folds,
    refused,
    shows,
)
from neurogenomics_kb.pipelines.integration.analyses.audit.saying import why
from neurogenomics_kb.pipelines.integration.analyses.audit.table import AUDIT, OWN_FOLDS, row
from neurogenomics_kb.pipelines.integration.analyses.audit.thresholds import NOT_TOLD
from neurogenomics_kb.pipelines.integration.design import cluster_labels
from neurogenomics_kb.pipelines.integration.projection import fitted_block
from neurogenomics_kb.registry.cards import HarmonizationMethod
from neurogenomics_kb.registry.recipe import Recipe, harmonized_blocks
from neurogenomics_kb.stats.harmonization import harmonization_effects
from neurogenomics_kb.stats.harmonization.external import check_manifest
from neurogenomics_kb.stats.prediction.folds import fold_splits

CHECK, EXTERNAL = "harmonization", "external harmonization"
# Above this share of the decodability beyond chance, the site is hardly less readable than before.
LEFT = 0.5
# A covariate that loses more than this (R², or AUC) was not kept; as for models in the verdict.
LOST = 0.05
# Balanced accuracy beyond chance that is worth a word.
READABLE = 0.10


def harmonization_table(
    recipe: Recipe,
    cohort: pd.DataFrame,
    blocks: dict[str, pd.DataFrame],
    folds: pd.Series,
    notes: list[str],
) -> pd.DataFrame:
    """Rows of the audit's table about the run's harmonization, `notes` of an external one first."""
    method = recipe.harmonization
    # The first note says what was done, a second one that subjects trained it.
    rows = [row(EXTERNAL, "", method.batch, float(i), detail=n) for i, n in enumerate(notes)]
    if method.in_folds:
        rows += harmonization_rows(recipe, cohort, blocks, folds)
    return pd.DataFrame(rows, columns=list(AUDIT.names))


def harmonization_rows(
    recipe: Recipe, cohort: pd.DataFrame, blocks: dict[str, pd.DataFrame], folds: pd.Series
) -> list[dict]:
    """Site decodability and biology of every harmonized block, with and without the method.

    Confounds stay in, since regressing them out would hide both. For an external method the
    features from before are not here, so there is nothing to compare with.
    """
    method = recipe.harmonization
    without = recipe.model_copy(update={"harmonization": HarmonizationMethod(id="none")})
    kept = [c for c in dict.fromkeys(method.kept) if c in cohort]
    rows, scheme = [], ""
    labels = merge_small(cohort[method.batch].astype(str).to_numpy())
    if not shows(folds.loc[cohort.index].to_numpy(), labels):
        scheme = OWN_FOLDS
        try:
            own = own_folds(
                labels, cluster_labels(recipe, cohort), cohort.index, recipe.experiment.seed + 1
            )
        except InputError as error:
            return [
                row(CHECK, block, method.batch, np.nan, unit=refused(error), detail=method.id)
                for block in harmonized_blocks(recipe)
                if block in blocks
            ]
        folds = pd.Series(own, cohort.index, name="fold")
    for block in harmonized_blocks(recipe):
        if block not in blocks:
            continue
        before, after = (
            _features(each, block, blocks[block], cohort, folds) for each in (without, recipe)
        )
        effects = harmonization_effects(
            before,
            after,
            folds.loc[cohort.index].to_numpy(),
            cohort[method.batch].to_numpy(),
            {name: cohort[name] for name in kept},
        )
        for effect in effects.itertuples():
            target = method.batch if effect.of == "site" else effect.of
            rows.append(
                row(CHECK, block, target, effect.after, effect.before, scheme=scheme,
                    unit=effect.measure, chance=effect.chance,
                    detail=f"{method.id}; against: without it")
            )  # fmt: skip
    return rows


def _features(
    recipe: Recipe, block: str, features: pd.DataFrame, cohort: pd.DataFrame, folds: pd.Series
) -> Callable[[int], np.ndarray]:
    """A block as a fold sees it, by the fold's number: fitted when it is asked for."""
    splits = list(fold_splits(folds.loc[cohort.index]))

    def fitted(k: int) -> np.ndarray:
        part = fitted_block(recipe, block, features, cohort, splits[k][0], residualize=False)
        return part.to_numpy()

    return fitted


def harmonization_sentences(recipe: Recipe, audit: pd.DataFrame) -> list[dict[str, str]]:
    """Verdict on the method: is the site less readable, and did biology stay?"""
    rows, method = audit[audit["check"] == CHECK], recipe.harmonization
    out = [
        {"level": "caution" if r.value > 0 else "ok", "text": r.detail}
        for r in audit[audit["check"] == EXTERNAL].itertuples()
    ]
    for block, mine in rows.groupby("block", sort=False):
        site = mine[mine["target"] == method.batch].iloc[0]
        if not np.isfinite([site["value"], site["reference"]]).all():
            reason = why(site["unit"]) if pd.isna(site["reference"]) else "no fold shows it"
            text = (
                f"Block {block}, {method.id}: whether {method.batch} is less readable with it is "
                f"not known: {reason}."
            )
            out.append({"level": NOT_TOLD, "text": text})
            continue
        chance = site["chance"]
        left, had = site["value"] - chance, site["reference"] - chance
        others = mine[mine["target"] != method.batch]
        lost = others[others["reference"] - others["value"] > LOST]
        text = (
            f"Block {block}, {method.id}: {method.batch} is told with balanced accuracy "
            f"{site['value']:.2f}, {site['reference']:.2f} without it (chance {chance:.2f})."
        )
        for r in others.itertuples():
            text += f" {r.target}: {r.unit} {r.value:.2f}, {r.reference:.2f} without it."
        if left > READABLE and left > LEFT * had:
            text += f" Most of {method.batch} is still there."
        if len(lost):
            text += f" What was to be kept is partly lost: {', '.join(lost['target'])}."
        poor = (left > READABLE and left > LEFT * had) or len(lost) > 0
        out.append({"level": "caution" if poor else "ok", "text": text})
    return out


def check_external(recipe: Recipe, cohort: pd.DataFrame, manifest) -> list[str]:
    """Notes on a harmonization that was done before; empty for the project's own methods.

    Raises
    ------
    InputError
        If the cohort has no manifest of it, or the manifest does not pass.
    """
    method = recipe.harmonization
    if method.method != "external" or not harmonized_blocks(recipe):
        return []
    if isinstance(manifest, NotCollected):
        raise InputError(
            f"'{method.id}' is done outside, and cohort '{recipe.cohort}' has no manifest of it",
            file="harmonization_manifest",
            remedy="Point the entry `harmonization_manifest` of the cohort's catalog at its JSON "
            "or YAML file; see docs/integration/harmonization.md.",
        )
    return check_manifest(
        manifest,
        cohort[method.batch],
        accept_trained_subjects=method.accept_trained_subjects,
    )
