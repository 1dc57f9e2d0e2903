"""Resting-state functional connectivity."""

from neurogenomics_kb.pipelines.fmri.pipeline import create_pipeline

__all__ = ["create_pipeline"]
