"""Nodes of the diffusion pipeline."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.brain import image_quality
from neurogenomics_kb.brain.diffusion import tract_features
from neurogenomics_kb.foundation.naming import SUBJECT
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.dmri.parameters import DmriQuality
from neurogenomics_kb.pipelines.quality import add_image_quality, keep_included, quality_table


def assess_quality(
    tracts: pd.DataFrame, group_image_quality: pd.DataFrame, quality: DmriQuality
) -> pd.DataFrame:
    """Missing tracts and image quality of every subject, and who passes.

    Without tracts, the metrics of the images (motion above all) still give covariates.
    """
    wanted = dict.fromkeys([*quality.image_metrics, *quality.image_limits])
    found = None
    if wanted and not is_absent(group_image_quality):
        found = image_quality.group_image_quality(
            group_image_quality, wanted, prefix="dwi", file="dmri.group_image_quality"
        )
    if is_absent(tracts) and found is None:
        return empty_table()
    if is_absent(tracts):
        metrics = pd.DataFrame(index=found.index)
    else:
        missing = tracts.isna().sum(axis=1).rename("n_missing_tracts")
        metrics = missing.to_frame().set_axis(
            pd.Index(tracts.index.astype(str), name=SUBJECT), axis=0
        )
    failures: dict[str, pd.Series] = {}
    if found is not None:
        metrics, failures = add_image_quality(
            metrics,
            failures,
            found,
            quality.image_limits,
            prefix="dwi",
            missing=quality.missing_image_quality,
        )
    return quality_table("dmri", metrics, failures, quality.exclude)


def build_features(tracts: pd.DataFrame, quality: pd.DataFrame) -> pd.DataFrame:
    """Tract means of the subjects that pass."""
    if is_absent(tracts):
        return empty_table()
    return keep_included(tract_features(tracts), quality)
