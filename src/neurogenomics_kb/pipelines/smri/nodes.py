"""Nodes of the sMRI pipeline."""

from __future__ import annotations

import logging

import pandas as pd

from neurogenomics_kb.brain import image_quality
from neurogenomics_kb.brain.euler import site_limit_column
from neurogenomics_kb.brain.morphometry import (
    euler_of_tables,
    mean_euler_number,
    morphometry_features,
    surface_quality,
)
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.quality import add_image_quality, keep_included, quality_table
from neurogenomics_kb.pipelines.smri.parameters import SmriQuality

logger = logging.getLogger(__name__)


def assess_quality(
    freesurfer: pd.DataFrame,
    euler: pd.DataFrame,
    group_image_quality: pd.DataFrame,
    quality: SmriQuality,
) -> pd.DataFrame:
    """Euler number, eTIV and image quality of every subject, and who passes."""
    if is_absent(freesurfer):
        return empty_table()
    if is_absent(euler):
        numbers = euler_of_tables(freesurfer)
    else:
        numbers = mean_euler_number(euler, quality.id_column)
    metrics, failures = surface_quality(
        freesurfer,
        numbers,
        min_euler_number=quality.fixed_euler_limit,
        missing_euler=quality.missing_euler,
    )
    metrics = hand_limit_on(metrics, quality)
    wanted = dict.fromkeys([*quality.image_metrics, *quality.image_limits])
    if wanted and not is_absent(group_image_quality):
        found = image_quality.group_image_quality(
            group_image_quality,
            wanted,
            prefix="t1w",
            file="smri.group_image_quality",
            waves=metrics.index.nlevels > 1,
        )
        metrics, failures = add_image_quality(
            metrics,
            failures,
            found,
            quality.image_limits,
            prefix="t1w",
            missing=quality.missing_image_quality,
        )
    return quality_table("smri", metrics, failures, quality.exclude)


def hand_limit_on(metrics: pd.DataFrame, quality: SmriQuality) -> pd.DataFrame:
    """Metrics with the limit by site, if there is one; and a line that says which limit is used."""
    if "euler_number" not in metrics:
        return metrics
    by_site = site_limit_column(quality.euler_limit)
    told = {k: v for k, v in quality.euler_limit.model_dump().items() if v is not None}
    if quality.fixed_euler_limit is not None:
        told["min"] = quality.fixed_euler_limit
    logger.info("smri: limit on the Euler number: %s", told)
    return metrics if by_site is None else metrics.assign(**{by_site[0]: by_site[1]})


def build_features(
    freesurfer: pd.DataFrame, encoder_features: pd.DataFrame, quality: pd.DataFrame
) -> pd.DataFrame:
    """Regional measures and embeddings of the subjects that pass, side by side."""
    blocks = [] if is_absent(freesurfer) else [morphometry_features(freesurfer)]
    blocks += [encoder_features] if encoder_features.shape[1] else []
    if not blocks:
        return empty_table()
    return pd.concat([keep_included(block, quality) for block in blocks], axis=1)
