"""Bring blocks together: cohort, folds, canonical correlation, prediction, attribution."""

from neurogenomics_kb.pipelines.integration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
