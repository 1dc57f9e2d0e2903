"""Nodes of the sMRI pipeline."""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.brain import image_quality
from neurogenomics_kb.brain.morphometry import (
    euler_of_tables,
    mean_euler_number,
    morphometry_features,
    surface_quality,
)
from neurogenomics_kb.pipelines.absent import empty_table, is_absent
from neurogenomics_kb.pipelines.quality import add_image_quality, keep_included, quality_table
from neurogenomics_kb.pipelines.smri.parameters import SmriQuality


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
        min_euler_number=quality.min_euler_number,
        missing_euler=quality.missing_euler,
    )
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


def build_features(
    freesurfer: pd.DataFrame, encoder_features: pd.DataFrame, quality: pd.DataFrame
) -> pd.DataFrame:
    """Regional measures and embeddings of the subjects that pass, side by side."""
    blocks = [] if is_absent(freesurfer) else [morphometry_features(freesurfer)]
    blocks += [encoder_features] if encoder_features.shape[1] else []
    if not blocks:
        return empty_table()
    return pd.concat([keep_included(block, quality) for block in blocks], axis=1)
